"""A day of mining among pools that fail at random, in the time that its events take.

The service's own manager, scheduler, share gate, ledger and database, against whole pools on
sockets of this machine; only the clock jumps. Each second of hash time is accounted for, and
each share has to be explained by what the pools did.
"""
