"""What is made of one or two reports, from their JSON to bytes: work for a parser if they are large.

A download is the whole of it. What people look at shows some hundreds of ten thousand assets: the report
is arranged, and comes back without what the page does not show.
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
    """What the page of a report is made of: the report without what is in the view."""

    report: Report
    view: PageView


def convert(reports: Sequence[bytes], form: str) -> bytes:
    """One report, or two, in another form.

    Args:
        reports: The JSON of each.
        form: ``csv`` or ``har``; what `page_form` says, which `read_page` reads; or
            ``comparison`` of two, which `read_comparison` reads.
    """
    name, _, argument = form.partition(":")
    return _MAKERS[name]([decode(data) for data in reports], argument)


def page_form(look: Look) -> str:
    """The form of a report that is the page of it that somebody wants to see."""
    return f"{PAGE}:{msgspec.json.encode(look).decode()}"


def arrange_page(report: Report, look: Look | None = None) -> ArrangedPage:
    """What the page of a report shows; ``look`` is as in `page_view`."""
    return ArrangedPage(_without_lists(report), page_view(report, look))


def arrange_comparison(before: Report, after: Report) -> CompareView:
    """What a comparison shows."""
    view = compare_view(before, after)
    return replace(
        view,
        before=_without_lists(before),
        after=_without_lists(after),
        comparison=msgspec.structs.replace(view.comparison, changes=()),
    )


def read_page(data: bytes) -> ArrangedPage:
    """What `convert` has made as ``page``."""
    return _pages.decode(data)


def read_comparison(data: bytes) -> CompareView:
    """What `convert` has made as ``comparison``."""
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
