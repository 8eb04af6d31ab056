"""Sticks as labgrid resources: exported by their hosts, reserved and checked from anywhere.

labgrid lives in a virtual environment of its own (``scripts/lab_venv.sh``), because it brings a
pyserial of its own. Nothing here imports luxminer, and luxminer does not import this: the two meet
in the lines of ``luxminer_hil.agent.wire``.

``resource`` is a stick, here or on another host; ``process`` starts the agent beside it; ``export``
and ``exporter`` offer it to others; ``driver`` runs the suite; ``places`` names what is there.
"""
