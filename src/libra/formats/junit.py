"""Reports as JUnit XML, which CI servers show as tests: a suite per page, a case per check."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from libra.formats.budget import Check
from libra.formats.verdict import missing, outcome, weighs
from libra.weighing.report import Report

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold even as a reference (section 2.2)."""


def to_junit(reports: Sequence[Report], checks: Sequence[Check] = ()) -> str:
    """One suite for each page.

    Its first case says whether the page could be weighed (an ``error`` if not); one case for each
    limit follows, a ``failure`` where it is breached. Without limits the weight is a case's output.
    """
    root = ET.Element("testsuites", {"name": "libra"})
    for report in reports:
        _suite(root, report, [check for check in checks if check.page == report.url])
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(root: ET.Element, report: Report, checks: Sequence[Check]) -> None:
    problem = outcome(report)
    seconds = f"{(report.duration_ms or 0) / 1000:.3f}"
    suite = ET.SubElement(
        root,
        "testsuite",
        {
            "name": _text(report.url),
            "tests": str(1 + len(checks)),
            "failures": str(sum(check.over for check in checks)),
            "errors": "1" if problem else "0",
            "skipped": "0",
            "time": seconds,
        },
    )
    if report.submitted_at is not None:
        suite.set("timestamp", report.submitted_at.isoformat(timespec="seconds"))
    weighed = _case(suite, report, "could be weighed", seconds)
    if problem:
        ET.SubElement(weighed, "error", {"message": _text(problem), "type": "not-weighed"})
    else:
        lines = [weighs(report), *missing(report)]
        ET.SubElement(weighed, "system-out").text = _text("\n".join(lines))
    for check in checks:
        case = _case(suite, report, f"{check.subject} is within budget", "0")
        if check.over:
            ET.SubElement(
                case, "failure", {"message": _text(check.sentence()), "type": "over-budget"}
            )


def _case(suite: ET.Element, report: Report, name: str, seconds: str) -> ET.Element:
    return ET.SubElement(
        suite, "testcase", {"classname": _text(report.url), "name": name, "time": seconds}
    )


def _text(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
