"""Codes of commands about profiles and the tuner."""

from luxminer.api.codes.status import StatusCode

__all__ = ["CODES", "OWN"]

OWN = (range(379, 389), range(430, 434), range(435, 440))
"""Numbers of this subject that neither reference uses."""

CODES = {
    321: StatusCode("S", "Profile Set"),
    323: StatusCode("S", "List profiles"),
    379: StatusCode("S", "Profile {profile}"),
    380: StatusCode("S", "Auto tuner settings"),
    381: StatusCode("S", "Auto tuner is {state}"),
    382: StatusCode("S", "Tuner status"),
    383: StatusCode("S", "Profile {name} created"),
    384: StatusCode("S", "Profile {name} changed"),
    385: StatusCode("S", "Profile {name} removed"),
    386: StatusCode("S", "Profile {name} restored"),
    430: StatusCode("E", "No profile {profile} - there are {known}"),
    431: StatusCode("E", "Invalid profile: {reason}"),
    432: StatusCode("E", "Profile is not changed: {reason}"),
}
