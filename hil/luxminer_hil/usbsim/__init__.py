"""Virtual USB bridges: what a host finds on the bus when a stick is plugged in.

``device`` is a USB device that any front end can serve; ``cp210x`` and ``ftdi`` are the bridges on
sticks; ``uart`` is where chips are joined to them, and ``stick_port`` joins whole sticks. Front
ends: ``bus`` with ``pyusb_backend`` lets pyusb find and use devices in the same process,
``usbredir`` puts a device on the USB controller of a QEMU guest, ``usbip`` gives those of a bus to
any Linux over TCP; both move bytes by ``transfers``. Nothing but ``pyusb_backend``
knows pyusb, and nothing at all is shared with the service that talks to real bridges.
"""
