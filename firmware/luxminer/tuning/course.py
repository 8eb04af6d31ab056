"""What a search must not forget when the service dies under it. No I/O, no clock.

A setting can take the whole machine down, most likely by its supply. So what is to be tried is
written down before it is, and a setting at which the service has died twice is taken for one that
has failed. Once may be chance: somebody has pulled the plug.
"""

from dataclasses import dataclass, replace

from luxminer.tuning.search import Setting

__all__ = ["MAX_KEPT", "NO_COURSE", "Course"]

MAX_KEPT = 64
"""Settings of one kind; there is one failed one for each core voltage at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How far a search has come, besides what it has found."""

    max_hw_error_percent: float = 0.0
    """With another limit others would have failed."""
    failed: tuple[Setting, ...] = ()
    """The slowest clock that failed at each core voltage; all faster ones would, too."""
    suspects: tuple[Setting, ...] = ()
    """The service has died at them once."""
    trial: Setting | None = None
    """The stick is run at this, or just about to be."""

    def after_failure(self, setting: Setting) -> "Course":
        """Return it with a setting that has failed."""
        failed = {each.core_mv: each for each in self.failed}
        slowest = failed.get(setting.core_mv)
        if slowest is None or setting.mhz < slowest.mhz:
            failed[setting.core_mv] = setting
        return replace(self, failed=tuple(failed.values())[-MAX_KEPT:])

    def after_death(self) -> "Course":
        """Return what is left of it when the service has died."""
        rest = replace(self, trial=None)
        if self.trial is None:
            return rest
        if self.trial in self.suspects:
            return rest.after_failure(self.trial)
        return replace(rest, suspects=(*self.suspects, self.trial)[-MAX_KEPT:])


NO_COURSE = Course()
"""Of a search that is not under way."""
