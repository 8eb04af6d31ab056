"""Columns of every kind of reply row.

Tables are in CGMiner's order of fields, then what only LuxOS has, then what is ours. Types are
those of LuxOS where it has the field.

Ref: luxminer-api.json ``fields``, cgminer-api.json ``text_order``, design.md section 5 "Dialect".
"""
