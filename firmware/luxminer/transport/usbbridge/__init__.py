"""USB bridges on sticks, driven by their own requests where no tty offers what the chips need.

``address`` says how such a port is written, ``bridge`` what a kind of bridge is, ``cp210x`` and
``ftdi`` hold the requests, ``device`` carries them out and blocks, ``transport`` brings the bytes
to the event loop. pyusb is imported when the first port is opened.
"""
