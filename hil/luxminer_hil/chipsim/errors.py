"""What a user of the simulator can get wrong."""

__all__ = ["SimulatorError"]


class SimulatorError(Exception):
    """A setting that cannot be used; ``key`` names it and ``cure`` says what to write instead."""

    def __init__(self, key: str, reason: str, cure: str) -> None:
        super().__init__(f"{key}: {reason}; {cure}")
        self.key = key
        self.reason = reason
        self.cure = cure
