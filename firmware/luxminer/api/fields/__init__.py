"""Columns of every kind of reply row.

Tables are in CGMiner's order of fields, then what only LuxOS has, then what is ours. Types are
those of LuxOS where it has the field.

Ref: LUXminer API, CGMiner API, docs/api.md, "Dialect".
"""
