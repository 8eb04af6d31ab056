"""Virtual USB bridges: what a host finds on the bus when a stick is plugged in.

``device`` is a USB device that any front end can serve; ``cp210x`` and ``ftdi`` are the bridges on
sticks; ``uart`` is where the chips are joined to them; ``bus`` is where a host finds them and
``pyusb_backend`` lets pyusb talk to that bus in the same process. Nothing but ``pyusb_backend``
knows pyusb, and nothing at all is shared with the service that talks to real bridges.
"""
