"""Codes of commands about settings and the service."""

from luxminer.api.codes.status import StatusCode

__all__ = ["CODES", "OWN"]

OWN = (range(394, 400), range(460, 470))
"""Numbers of this subject that neither reference uses."""

CODES = {
    43: StatusCode("E", "Can't open or create save file '{file}'"),
    44: StatusCode("S", "Configuration saved to file '{file}'"),
    333: StatusCode("S", "Update check triggered"),
    334: StatusCode("E", "Unable to locate luxupdate process"),
    394: StatusCode("S", "Log level set to {level}"),
    395: StatusCode("S", "Configuration reset; the former one is in '{file}'"),
    396: StatusCode("S", "Mining restarts"),
    397: StatusCode("S", "Machine restarts"),
    460: StatusCode("E", "Network is managed by the operating system"),
    461: StatusCode("E", "Reboot is not possible: {reason}"),
    462: StatusCode("E", "Configuration is not reset: {reason}"),
}
