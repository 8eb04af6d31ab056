"""Writes the two reports of a run into a folder."""

from pathlib import Path

from luxminer.errors import ConfigError
from luxminer_hil.acceptance.bench import Bench
from luxminer_hil.acceptance.engine import Run
from luxminer_hil.acceptance.identity import identity
from luxminer_hil.acceptance.junit import junit_xml
from luxminer_hil.acceptance.page import html_page
from luxminer_hil.acceptance.plots import plots

__all__ = ["HTML", "JUNIT", "write_reports"]

JUNIT = "junit.xml"
HTML = "report.html"


def write_reports(folder: Path, run: Run, bench: Bench, *, rig: str = "") -> None:
    """Write `JUNIT` and `HTML`; what is there is replaced. Raises ConfigError."""
    about = identity(bench, rig=rig)
    page = html_page(run, about, plots(bench))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / JUNIT).write_bytes(junit_xml(run, about))
        (folder / HTML).write_text(page, encoding="utf-8")
    except OSError as exc:
        reason = f"cannot be written: {exc.strerror}"
        raise ConfigError(reason, key=str(folder), cure="name another folder") from exc
