"""Lights of the machine. Ref: Linux sysfs (leds: brightness, trigger with the one in brackets)."""

from pathlib import Path

from luxminer.errors import CommandError

__all__ = ["Leds"]

NAMES = {"red": ("PWR", "led1"), "green": ("ACT", "led0")}
"""On a Raspberry Pi, with its present and its former kernel."""

TRIGGERS = {"on": "default-on", "off": "none", "blink": "timer"}


class Leds:
    """Found when they are first asked for; nothing is changed before the first order."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root / "sys/class/leds"
        self._before: dict[str, str] = {}
        self._states: dict[str, str] = {}

    @property
    def states(self) -> dict[str, str]:
        """State of those that were set, by colour."""
        return dict(self._states)

    def set(self, color: str, state: str) -> None:
        """Set one; blocks for microseconds. Raises CommandError: ``no-led``, ``failed``."""
        folder = self._folder(color)
        try:
            if color not in self._before:
                self._before[color] = _active((folder / "trigger").read_text())
            trigger = self._before[color] if state == "auto" else TRIGGERS[state]
            (folder / "trigger").write_text(trigger)
            if state in ("on", "off"):
                (folder / "brightness").write_text("1" if state == "on" else "0")
        except OSError as exc:
            raise CommandError(
                "failed", f"the {color} LED cannot be set: {exc.strerror}; may the service write?"
            ) from exc
        self._states[color] = state

    def release(self) -> None:
        """Leave them as they were."""
        for color in self._states:
            try:
                self.set(color, "auto")
            except CommandError:
                continue

    def _folder(self, color: str) -> Path:
        for name in NAMES.get(color, ()):
            if (self._root / name / "trigger").exists():
                return self._root / name
        raise CommandError("no-led", f"this machine has no {color} LED that can be set")


def _active(triggers: str) -> str:
    """Return the one in brackets: ``none [mmc0] timer``."""
    _, _, rest = triggers.partition("[")
    return rest.partition("]")[0] or "none"
