"""Results as one page of HTML with everything in it: no script, nothing from the network."""

from collections.abc import Mapping, Sequence
from html import escape

from luxminer_hil.acceptance.engine import Result, Run
from luxminer_hil.acceptance.verdict import Verdict

__all__ = ["html_page"]

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--line:#d8dde3;--paper:#fff;
--pass:#1a7f37;--warn:#9a6700;--fail:#cf222e;--other:#6e7781;--data:#0b62c4;--band:#0b62c422}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa5b1;--line:#39424c;
--paper:#14181d;--pass:#4cc26b;--warn:#e0b040;--fail:#ff6b6b;--other:#9aa5b1;--data:#6cb2ff;
--band:#6cb2ff2e}}
body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);
margin:0 auto;max-width:1100px;padding:24px 16px 48px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:32px 0 8px}
.badge{display:inline-block;min-width:3.6em;text-align:center;border-radius:10px;padding:1px 9px;
color:var(--paper);background:var(--other);font-weight:600;white-space:nowrap}
.pass{background:var(--pass)}.warn{background:var(--warn)}.fail{background:var(--fail)}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:6px 8px;border-top:1px solid var(--line)}
th{font-weight:600}td.number{text-align:right;white-space:nowrap}
.about th{width:7em;color:var(--soft);font-weight:400}.about td{overflow-wrap:anywhere}
.bound,.details{color:var(--soft);font-size:13px}.scroll{overflow-x:auto}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(480px,100%),1fr));gap:20px}
figure{margin:0}svg{width:100%;height:auto;display:block}
svg text{fill:var(--soft);font:12px system-ui,sans-serif}svg .title{fill:var(--ink);
font-weight:600;font-size:13px}.grid{stroke:var(--line)}.band{fill:var(--band)}
.bar{fill:var(--data);opacity:.75}.data{fill:none;stroke:var(--data);stroke-width:1.6}
.expected{fill:none;stroke:var(--soft);stroke-dasharray:5 4}
.dot path{stroke:var(--data);stroke-width:1.4;fill:none}.dot circle{fill:var(--data)}
"""


def html_page(run: Run, about: Mapping[str, str], plots: Sequence[str]) -> str:
    """Return the page. ``plots`` are SVG texts; all other text is escaped."""
    model = escape(about.get("model", "a stick"))
    rows = "".join(_row(result) for result in run.results)
    facts = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in about.items()
    )
    figures = "".join(f"<figure>{svg}</figure>" for svg in plots)
    drawn = f'<h2>Plots</h2><div class="plots">{figures}</div>' if figures else ""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{model}: {run.verdict}</title><style>{STYLE}</style></head><body>"
        f"<h1>Acceptance of {model}</h1><p>{_badge(run.verdict)} {escape(_summary(run))}</p>"
        f'<table class="about">{facts}</table>'
        '<h2>Checks</h2><div class="scroll"><table><thead><tr><th>check</th><th>verdict</th>'
        "<th>figure</th><th>bound</th><th>seconds</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>{drawn}</body></html>\n"
    )


def _badge(verdict: Verdict) -> str:
    kind = verdict.value if verdict.value.isalpha() else "other"
    return f'<span class="badge {kind}">{escape(verdict)}</span>'


def _summary(run: Run) -> str:
    counts = dict.fromkeys(Verdict, 0)
    for result in run.results:
        counts[result.finding.verdict] += 1
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def _row(result: Result) -> str:
    check, finding = result.check, result.finding
    details = "".join(f"<br>{escape(line)}" for line in finding.details)
    return (
        f'<tr id="{escape(check.name)}"><td><b>{escape(check.name)}</b>'
        f'<div class="details">{escape(check.what)}</div></td><td>{_badge(finding.verdict)}</td>'
        f'<td>{escape(finding.figure)}<div class="details">{details.removeprefix("<br>")}</div>'
        f'</td><td class="bound">{escape(check.bound)}</td>'
        f'<td class="number">{result.seconds:.1f}</td></tr>'
    )
