"""Codes of commands about single sticks and their chips."""

from luxminer.api.codes.status import StatusCode

__all__ = ["CODES", "OWN"]

OWN = (range(367, 379), range(420, 430))
"""Numbers of this subject that neither reference uses."""

CODES = {
    302: StatusCode("S", "Set Frequency"),
    305: StatusCode("S", "Reboot Scheduled"),
    307: StatusCode("S", "Get Voltage"),
    314: StatusCode("S", "Health Chip Get"),
    367: StatusCode("S", "Get Frequency"),
    420: StatusCode("E", "Board {id} has no chip {chip_id} - there are {count}"),
}
