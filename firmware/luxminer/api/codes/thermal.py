"""Codes of commands about temperatures, fans and lights."""

from luxminer.api.codes.status import StatusCode

__all__ = ["CODES", "OWN"]

OWN = (range(203, 220), range(440, 450))
"""Numbers of this subject that neither reference uses."""

CODES = {
    201: StatusCode("S", "{count} Temp(s)"),
    202: StatusCode("S", "{count} Fan(s)"),
    203: StatusCode("S", "Temperature control"),
    204: StatusCode("S", "Temperature sensor settings"),
    205: StatusCode("S", "Changed temperature sensor settings"),
    206: StatusCode("S", "Hash board options"),
    207: StatusCode("S", "Changed hash board options"),
    208: StatusCode("S", "Changed fan control"),
    209: StatusCode("S", "Immersion mode is {state}"),
    210: StatusCode("S", "{color} LED is {state}"),
    330: StatusCode("S", "Set temperature control"),
    339: StatusCode("S", "ATM configuration values"),
    340: StatusCode("S", "Advanced Thermal Management configuration updated"),
    440: StatusCode("E", "No fan is in our charge; set fan.device, or fan.stick_fans"),
    441: StatusCode("E", "The sticks are already in that state: {action}"),
    442: StatusCode("E", "{reason}"),
    443: StatusCode("E", "The values do not go together: {reason}"),
    444: StatusCode("E", "There is no water to measure here: leave water_inlet_dangerous_temp out"),
    445: StatusCode("E", "Sticks have no PIC: leave no_pic_protection_mode out"),
}
