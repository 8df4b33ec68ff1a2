"""What changed on a page between two reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from libra.weighing.report import KINDS, Asset, Kind, Report, Total
from libra.words import sentence_list, signed_size, size


class Delta(msgspec.Struct, frozen=True):
    """A difference, new less old; false when there is none."""

    requests: int = 0
    transfer_bytes: int = 0
    resource_bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.requests or self.transfer_bytes or self.resource_bytes)


class Change(msgspec.Struct, frozen=True):
    """One asset that came, went or changed its size; ``transfer_bytes`` is the difference."""

    what: Literal["added", "removed", "changed"]
    url: str
    kind: Kind
    transfer_bytes: int


class Comparison(msgspec.Struct, frozen=True):
    """A page then and now; ``changes`` has the greatest first.

    ``partial`` is true when one of the two reports is: then a difference can come from what could
    not be fetched.
    """

    url: str
    before: int
    after: int
    total: Delta
    by_kind: dict[Kind, Delta]
    changes: tuple[Change, ...]
    partial: bool

    def sentence(self) -> str:
        """``520.1 kB, +8.6 kB (+1.7 %): 2 added, 1 removed and 3 changed``."""
        text = f"{size(self.after)}, {signed_size(self.total.transfer_bytes)}"
        if self.before and self.total.transfer_bytes:
            text += f" ({100 * self.total.transfer_bytes / self.before:+.1f} %)"
        parts = [
            f"{number:,} {what}"
            for what in ("added", "removed", "changed")
            if (number := sum(change.what == what for change in self.changes))
        ]
        text += f": {sentence_list(parts)}" if parts else ": no request changed"
        if self.partial:
            text += "; one of the two reports is partial"
        return text


def compare(before: Report, after: Report) -> Comparison:
    """What changed from one report of a page to another."""
    old, new = _by_url(before), _by_url(after)
    changes = [
        *(Change("added", a.url, a.kind, a.transfer_bytes) for u, a in new.items() if u not in old),
        *(
            Change("removed", a.url, a.kind, -a.transfer_bytes)
            for u, a in old.items()
            if u not in new
        ),
        *(
            Change("changed", a.url, a.kind, a.transfer_bytes - old[u].transfer_bytes)
            for u, a in new.items()
            if u in old and a.transfer_bytes != old[u].transfer_bytes
        ),
    ]
    return Comparison(
        url=after.url,
        before=before.total.transfer_bytes,
        after=after.total.transfer_bytes,
        total=_delta(before.total, after.total),
        by_kind={
            kind: _delta(before.by_kind.get(kind, Total()), after.by_kind.get(kind, Total()))
            for kind in KINDS
        },
        changes=tuple(sorted(changes, key=lambda c: (-abs(c.transfer_bytes), c.url))),
        partial=not (before.complete and after.complete),
    )


def compare_all(before: Sequence[Report], after: Sequence[Report]) -> list[Comparison]:
    """A comparison for each page of ``after`` that ``before`` has too, matched by its address.

    One report against one is compared whatever the addresses are: a preview with its original.
    """
    if len(before) == len(after) == 1:
        return [compare(before[0], after[0])]
    known = {report.url: report for report in before}
    return [compare(known[report.url], report) for report in after if report.url in known]


def _by_url(report: Report) -> dict[str, Asset]:
    # A URL can be there twice when a page asks for it in two ways; their sum is compared then.
    found: dict[str, Asset] = {}
    for asset in report.assets:
        if asset.url in found:
            more = asset.transfer_bytes + found[asset.url].transfer_bytes
            asset = msgspec.structs.replace(asset, transfer_bytes=more)  # noqa: PLW2901 - the sum stands for both
        found[asset.url] = asset
    return found


def _delta(before: Total, after: Total) -> Delta:
    return Delta(
        after.requests - before.requests,
        after.transfer_bytes - before.transfer_bytes,
        after.resource_bytes - before.resource_bytes,
    )
