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
    368: StatusCode("S", "Frequency ramp stopped"),
    369: StatusCode("S", "Set Voltage"),
    370: StatusCode("S", "Board {id} enabled"),
    371: StatusCode("S", "Board {id} disabled"),
    372: StatusCode("S", "Health Chip Set"),
    373: StatusCode("S", "Health control"),
    374: StatusCode("S", "Set health control"),
    420: StatusCode("E", "Board {id} has no chip {chip_id} - there are {count}"),
    421: StatusCode("E", "Board {id} does not support per-chip frequency"),
    422: StatusCode("E", "Board {id} has no voltage control"),
    423: StatusCode("E", "Not possible while the miner sleeps - use curtail with wakeup first"),
}
