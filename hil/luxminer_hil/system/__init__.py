"""The full-system bench: the service in an emulated arm64 machine with a real Linux kernel.

``machine`` boots the machine and gives it orders, ``sticks`` plugs virtual sticks into its USB
controller, ``service`` runs luxminer in it and asks its API from outside, ``rig`` joins all of that
with a pool, ``scenarios`` is the table of what is tried, ``report`` what comes of it. The machine
itself is built by ``hil/guest/build.sh``. Run it by ``make bench-system``.

The machine is isolated: it reaches the pool and a USB/IP server on this host, and nothing else.
"""
