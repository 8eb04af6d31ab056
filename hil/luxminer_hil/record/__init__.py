"""Recordings of what passes between a host and a stick, and their replay as either of the two."""

from luxminer_hil.record.events import Do, Event, Header
from luxminer_hil.record.load import Recording, load
from luxminer_hil.record.recorder import Recorder, RecordingTransport

__all__ = ["Do", "Event", "Header", "Recorder", "Recording", "RecordingTransport", "load"]
