"""Heat, fans, lights and sleep: what lets sticks run slower, rest, or stop for the machine's sake.

What the owner has set for a stick stays as it is; all here is beside it and ends again.
"""
