"""Reports as CSV (RFC 4180): one row for each asset, under one heading."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from libra.weighing.report import Asset, Report

COLUMNS = ("page", *Asset.__struct_fields__)

_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""What makes a spreadsheet read a cell as a formula (OWASP, CSV Injection), also in full width."""


def to_csv(reports: Sequence[Report]) -> str:
    """Every asset of every report, with the columns of the report's own names.

    A cell that a spreadsheet would take for a formula begins with an apostrophe, as OWASP advises:
    addresses, types and errors are foreign text. Numbers are never changed.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(reports))
    return text.getvalue()


def _rows(reports: Sequence[Report]) -> Iterator[list[str]]:
    for report in reports:
        page = _cell(report.url)
        for asset in report.assets:
            yield [page, *(_cell(getattr(asset, name)) for name in Asset.__struct_fields__)]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if isinstance(value, int):
        return text
    text = text.replace("\0", "")
    return f"'{text}" if _is_formula(text) else text


def _is_formula(text: str) -> bool:
    """Whether a spreadsheet would, also one that passes over what cannot be seen."""
    first = next((c for c in text if c.isprintable() and not c.isspace()), "")
    return first in _FORMULA or text.startswith(("\t", "\r", "\n"))
