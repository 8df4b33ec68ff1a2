"""Reports as CSV (RFC 4180): one row for each asset, under one heading."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from libra.report import Asset, Report, Timings

_OF_ASSETS = tuple(name for name in Asset.__struct_fields__ if name != "timings")
_OF_TIMINGS = Timings.__struct_fields__

COLUMNS = ("page", *_OF_ASSETS, *_OF_TIMINGS)
"""The columns: a cell holds one value, so each step of a request has a column."""

_UNTIMED = Timings()

_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""Characters that make a cell a formula in a spreadsheet (OWASP, CSV Injection), also full-width."""


def to_csv(reports: Sequence[Report]) -> str:
    """Every asset of every report; the columns have the names of the report's fields.

    A cell that a spreadsheet would take for a formula begins with an apostrophe, as OWASP advises:
    addresses, types and errors are foreign text. Numbers stay unchanged.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(reports))
    return text.getvalue()


def _rows(reports: Sequence[Report]) -> Iterator[list[str]]:
    for report in reports:
        page = cell(report.url)
        for asset in report.assets:
            steps = asset.timings or _UNTIMED
            yield [
                page,
                *(cell(getattr(asset, name)) for name in _OF_ASSETS),
                *(cell(getattr(steps, name)) for name in _OF_TIMINGS),
            ]


def cell(value: object) -> str:
    """A value as a cell: see `to_csv`."""
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
    """Whether a spreadsheet takes a text for a formula, even one that skips invisible characters."""
    first = next((c for c in text if c.isprintable() and not c.isspace()), "")
    return first in _FORMULA or text.startswith(("\t", "\r", "\n"))
