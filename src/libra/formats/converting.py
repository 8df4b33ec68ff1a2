"""Converts one or two reports from JSON to another form, as bytes. A parser does it for large reports.

A download contains the whole report. A page shows some hundreds of ten thousand assets: the report is
arranged here, and returned without the parts that the page does not show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from libra.formats.asset_csv import to_csv
from libra.formats.har import to_har
from libra.formats.views.compare_view import CompareView, compare_view
from libra.formats.views.page_view import Look, PageView, page_view
from libra.report import Report, decode

PAGE: Final = "page"
COMPARISON: Final = "comparison"


@dataclass(frozen=True, slots=True)
class ArrangedPage:
    """The parts of a report's page: the view, and the report without what the view contains."""

    report: Report
    view: PageView


def convert(reports: Sequence[bytes], form: str) -> bytes:
    """Convert one report, or two, to another form.

    Args:
        reports: The JSON of each.
        form: ``csv`` or ``har``; a form from `page_form`, which `read_page` reads; or ``comparison``
            of two, which `read_comparison` reads.
    """
    name, _, argument = form.partition(":")
    return _MAKERS[name]([decode(data) for data in reports], argument)


def page_form(look: Look) -> str:
    """The form that stands for the page of a report with this look."""
    return f"{PAGE}:{msgspec.json.encode(look).decode()}"


def arrange_page(report: Report, look: Look | None = None) -> ArrangedPage:
    """The contents of a report's page; ``look`` is as in `page_view`."""
    return ArrangedPage(_without_lists(report), page_view(report, look))


def arrange_comparison(before: Report, after: Report) -> CompareView:
    """The contents of a comparison."""
    view = compare_view(before, after)
    return replace(
        view,
        before=_without_lists(before),
        after=_without_lists(after),
        comparison=msgspec.structs.replace(view.comparison, changes=()),
    )


def read_page(data: bytes) -> ArrangedPage:
    """Read what `convert` returned for ``page``."""
    return _pages.decode(data)


def read_comparison(data: bytes) -> CompareView:
    """Read what `convert` returned for ``comparison``."""
    return _comparisons.decode(data)


def _without_lists(report: Report) -> Report:
    return msgspec.structs.replace(report, assets=(), by_host={})


def _page(reports: Sequence[Report], look: str) -> bytes:
    (report,) = reports
    return _encoder.encode(arrange_page(report, msgspec.json.decode(look, type=Look)))


def _comparison(reports: Sequence[Report], _: str) -> bytes:
    before, after = reports
    return _encoder.encode(arrange_comparison(before, after))


_encoder = msgspec.msgpack.Encoder()
_pages = msgspec.msgpack.Decoder(ArrangedPage)
_comparisons = msgspec.msgpack.Decoder(CompareView)
_MAKERS: dict[str, Callable[[Sequence[Report], str], bytes]] = {
    "csv": lambda reports, _: to_csv(reports).encode(),
    "har": lambda reports, _: to_har(reports).encode(),
    PAGE: _page,
    COMPARISON: _comparison,
}
