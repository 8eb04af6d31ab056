"""Codes that only CGMiner's own commands have."""

from luxminer.api.codes.status import StatusCode

__all__ = ["CODES", "OWN"]

OWN = (range(490, 500),)
"""Numbers of this subject that neither reference uses."""

CODES = {
    42: StatusCode("E", "Missing save filename parameter"),
    56: StatusCode("E", "No PGAs"),
    57: StatusCode("S", "PGA{id}"),
    58: StatusCode("E", "Invalid PGA id {id} - range is 0 - {last}"),
    61: StatusCode("I", "PGA {id} already enabled"),
    62: StatusCode("I", "PGA {id} already disabled"),
    63: StatusCode("I", "PGA {id} sent enable message"),
    64: StatusCode("I", "PGA {id} set disable flag"),
    65: StatusCode("E", "PGA {id} is not flagged WELL, cannot enable"),
    75: StatusCode("E", "Missing parameter: true/false"),
    76: StatusCode("E", "Invalid parameter should be true or false"),
    77: StatusCode("S", "Failover-Only set to {value}"),
    79: StatusCode("S", "Debug settings"),
    80: StatusCode("S", "Identify command sent to PGA{id}"),
    81: StatusCode("W", "PGA{id} does not support identify"),
    82: StatusCode("S", "Set config '{name}' to {value}"),
    83: StatusCode("E", "Unknown config '{name}'"),
    84: StatusCode("E", "Invalid number ({value}) for '{name}' range is 0-9999"),
    85: StatusCode("E", "Missing config parameters 'name,N'"),
    87: StatusCode("S", "USB Statistics"),
    88: StatusCode("I", "No USB Statistics"),
    89: StatusCode("E", "Missing option after PGA number"),
    90: StatusCode("W", "PGA {id} does not support pgaset"),
    91: StatusCode("I", "PGA {id} set help: {help}"),
    92: StatusCode("S", "PGA {id} set OK"),
    93: StatusCode("E", "PGA {id} set failed: {reason}"),
    94: StatusCode("E", "Missing zero parameters"),
    95: StatusCode("E", "Invalid zero parameter '{value}'"),
    96: StatusCode("S", "Zeroed {which} stats with summary"),
    97: StatusCode("S", "Zeroed {which} stats without summary"),
    98: StatusCode("E", "PGA{id} has no device"),
    99: StatusCode("E", "Invalid value for hotplug ({value}) must be 0..9999"),
    100: StatusCode("S", "Hotplug check set to {seconds}s"),
    101: StatusCode("S", "Hotplug disabled"),
    102: StatusCode("W", "Hotplug is not available"),
    103: StatusCode("E", "Missing hotplug parameter"),
    123: StatusCode("S", "Lock stats created"),
    124: StatusCode("W", "Lock stats not enabled"),
    127: StatusCode("E", "Deprecated config option '{name}'"),
}
