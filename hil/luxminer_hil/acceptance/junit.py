"""Results as JUnit XML, the form that build servers read.

A warning has no place there: such a test passes, and says ``WARN`` in its output and properties.
"""

from collections.abc import Mapping
from xml.etree import ElementTree

from luxminer_hil.acceptance.engine import Run
from luxminer_hil.acceptance.verdict import Verdict

__all__ = ["junit_xml"]

SKIPPED = frozenset({Verdict.NOT_APPLICABLE, Verdict.NOT_RUN})


def junit_xml(run: Run, about: Mapping[str, str]) -> bytes:
    """Return the document; characters that XML cannot hold are replaced."""
    count = dict.fromkeys(Verdict, 0)
    for result in run.results:
        count[result.finding.verdict] += 1
    suite = ElementTree.Element(
        "testsuite",
        name=f"acceptance of {about.get('model', 'a stick')}",
        tests=str(len(run.results)),
        failures=str(count[Verdict.FAILED]),
        errors="0",
        skipped=str(sum(count[verdict] for verdict in SKIPPED)),
        time=f"{sum(result.seconds for result in run.results):.3f}",
    )
    _properties(suite, about)
    for result in run.results:
        finding = result.finding
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"acceptance.{about.get('model', 'stick').split(' ')[0]}",
            name=result.check.name,
            time=f"{result.seconds:.3f}",
        )
        values = {"verdict": finding.verdict, "figure": finding.figure, "bound": result.check.bound}
        _properties(case, values)
        words = "\n".join((finding.figure, *finding.details))
        if finding.verdict is Verdict.FAILED:
            message = _clean(f"{finding.figure} (bound: {result.check.bound})")
            ElementTree.SubElement(case, "failure", message=message).text = _clean(words)
        elif finding.verdict in SKIPPED:
            text = _clean(f"{finding.verdict}: {finding.figure}")
            ElementTree.SubElement(case, "skipped", message=text)
        else:
            text = _clean(f"{finding.verdict.upper()}: {words}")
            ElementTree.SubElement(case, "system-out").text = text
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _properties(parent: ElementTree.Element, values: Mapping[str, str]) -> None:
    properties = ElementTree.SubElement(parent, "properties")
    for name, value in values.items():
        ElementTree.SubElement(properties, "property", name=name, value=_clean(value))


def _clean(text: str) -> str:
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)
