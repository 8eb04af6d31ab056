"""The agent: runs the acceptance suite on the host of a stick, for a bench that is elsewhere.

``wire`` is what passes between them, ``request`` judges what a bench asks for, ``place`` finds the
stick, ``server`` does the work.
"""
