"""Reports as JUnit XML, which CI servers show as tests: a suite per page, a case per check."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from libra.budgets.lighthouse import Check
from libra.formats.sentences import missing, outcome, remarks, suggestions, weighs, why_not_whole
from libra.report import Report
from libra.wording import size

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold even as a reference (section 2.2)."""


def to_junit(
    reports: Sequence[Report],
    checks: Sequence[Check] = (),
    *,
    allow_partial: bool = False,
    unjudged: str | None = None,
) -> str:
    """One suite for each page.

    Its first case says whether the page could be weighed (an ``error`` if not). One case for each limit
    follows, a ``failure`` where the page breaks it. If there are limits and the page is not whole, one
    more case is an ``error``: a limit that holds for a part proves nothing about the page. Without
    limits, the weight is the output of a case.

    Args:
        reports: of the pages.
        checks: of their limits.
        allow_partial: whether pages that are not whole, and limits that could not be checked, are no
            errors.
        unjudged: why not everything could be judged, for example because a server is away: one more
            suite.
    """
    root = ET.Element("testsuites", {"name": "libra"})
    for report in reports:
        own = [check for check in checks if check.page == report.url]
        _suite(root, report, own, allow_partial=allow_partial)
    if unjudged is not None:
        _all_judged(root, unjudged, accepted=allow_partial)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _all_judged(root: ET.Element, unjudged: str, *, accepted: bool) -> None:
    counts = {"tests": "1", "failures": "0", "errors": "0", "skipped": "0"}
    counts["skipped" if accepted else "errors"] = "1"
    suite = ET.SubElement(root, "testsuite", {"name": "libra", **counts, "time": "0"})
    case = ET.SubElement(
        suite, "testcase", {"classname": "libra", "name": "everything was judged", "time": "0"}
    )
    if accepted:
        ET.SubElement(case, "skipped", {"message": _text(unjudged)})
    else:
        ET.SubElement(case, "error", {"message": _text(unjudged), "type": "not-judged"})


def _suite(
    root: ET.Element, report: Report, checks: Sequence[Check], *, allow_partial: bool
) -> None:
    problem = outcome(report)
    judged = bool(checks) and not problem and not allow_partial
    lacks = why_not_whole(report) if judged else None
    seconds = f"{(report.duration_ms or 0) / 1000:.3f}"
    suite = ET.SubElement(
        root,
        "testsuite",
        {
            "name": _text(report.url),
            "tests": str(1 + len(checks) + bool(lacks)),
            "failures": str(sum(check.over for check in checks)),
            "errors": "1" if problem or lacks else "0",
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
        lines = [weighs(report), *(remark.text for remark in remarks(report)), *missing(report)]
        lines += [
            f"suggestion: {text}" + ("" if saves is None else f" (saves {size(saves)})")
            for saves, text in suggestions(report)
        ]
        ET.SubElement(weighed, "system-out").text = _text("\n".join(lines))
    for check in checks:
        case = _case(suite, report, f"{check.subject} is within budget", "0")
        if check.over:
            ET.SubElement(
                case, "failure", {"message": _text(check.sentence()), "type": "over-budget"}
            )

    if lacks:
        whole = _case(suite, report, "was weighed in full", "0")
        ET.SubElement(whole, "error", {"message": _text(lacks), "type": "not-whole"})


def _case(suite: ET.Element, report: Report, name: str, seconds: str) -> ET.Element:
    return ET.SubElement(
        suite, "testcase", {"classname": _text(report.url), "name": name, "time": seconds}
    )


def _text(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
