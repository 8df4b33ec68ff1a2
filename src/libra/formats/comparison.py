"""What changed on a page between two reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from libra.budgets.budget import Check
from libra.file_names import folded
from libra.report import KINDS, Asset, Kind, Report, Total
from libra.wording import sentence_list, signed_size, size


class Delta(msgspec.Struct, frozen=True):
    """A difference, new minus old; false when it is zero."""

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
    """A page before and after; ``changes`` has the greatest first.

    ``partial`` is true when one of the two reports is partial: then assets that could not be fetched
    can cause differences.
    """

    url: str
    before: int
    after: int
    total: Delta
    kinds_before: dict[Kind, Total]
    kinds_after: dict[Kind, Total]
    changes: tuple[Change, ...]
    partial: bool

    @property
    def by_kind(self) -> dict[Kind, Delta]:
        """The difference of each kind."""
        return {kind: _delta(self.kinds_before[kind], self.kinds_after[kind]) for kind in KINDS}

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
            text += "; at least one of the two reports is partial"
        return text


def compare(before: Report, after: Report) -> Comparison:
    """What changed from one report of a page to another.

    Assets of the page's own site are the same if their path is, whatever the host, so that a preview can
    be compared with the site it will replace. Assets whose names differ only in a content hash are also
    the same.
    """
    return Comparison(
        url=after.url,
        before=before.total.transfer_bytes,
        after=after.total.transfer_bytes,
        total=_delta(before.total, after.total),
        kinds_before={kind: before.by_kind.get(kind, Total()) for kind in KINDS},
        kinds_after={kind: after.by_kind.get(kind, Total()) for kind in KINDS},
        changes=tuple(sorted(_changes(before, after), key=_order)),
        partial=not (before.complete and after.complete),
    )


def comparable(before: Report, after: Report) -> bool:
    """Whether a difference between the two is one of the page: see `why_not_comparable`."""
    return why_not_comparable(before, after) is None


def why_not_comparable(before: Report, after: Report) -> str | None:
    """Why a difference would not be one of the page; None if it is.

    A browser fetches more than the HTML alone shows, and the answer to a page that could not be weighed
    may be the error page of its server.
    """
    if before.status != "weighed":
        return "the earlier result has no weight, because that page could not be weighed"
    if after.status != "weighed":
        return "it could not be weighed"
    if (before.method, before.viewport) != (after.method, after.viewport):
        return (
            f"it was weighed {after.method} at {after.viewport}, and the earlier one {before.method}"
            f" at {before.viewport}"
        )
    return None


def why_growth_is_unproven(before: Report, after: Report, grown: Iterable[Check]) -> str | None:
    """Why the checks of growth between the two prove nothing; None if they do.

    The earlier page weighed at least as much as its report says: a limit that holds is proven, and one
    that is broken is not.
    """
    unlike = why_not_comparable(before, after)
    if unlike is not None or not any(check.over for check in grown):
        return unlike
    if not before.complete:
        return "only a part of the earlier page was weighed"
    if before.coverage and not after.coverage:
        return "scripts built the earlier page, and it was weighed without them"
    return None


def pairs_of(before: Sequence[Report], after: Sequence[Report]) -> list[tuple[Report, Report]]:
    """Each page of ``after`` with its counterpart in ``before``: the same address, or the same path.

    Two single reports are a pair whatever their addresses. A path identifies a page only if no other
    page of the same run has it.
    """
    if len(before) == len(after) == 1:
        return [(before[0], after[0])]
    known = {report.url: report for report in before}
    old, new = _by_path(before), _by_path(after)
    found: list[tuple[Report, Report]] = []
    for report in after:
        path = _path(report.url)
        alike = old.get(path, [])
        only = len(alike) == len(new[path]) == 1
        earlier = known.get(report.url) or (alike[0] if only else None)
        if earlier is not None:
            found.append((earlier, report))
    return found


def _by_path(reports: Sequence[Report]) -> dict[str, list[Report]]:
    found: dict[str, list[Report]] = {}
    for report in reports:
        found.setdefault(_path(report.url), []).append(report)
    return found


def _changes(before: Report, after: Report) -> Iterable[Change]:
    old, new = _by_url(before), _by_url(after)
    # First by the same address, then the same path, then the same name except for its hash: assets are
    # matched by a weaker key only when none is left that a stronger key can match.
    for key in (lambda asset: asset.url, _place, _folded):
        yield from _paired(old, new, key)
    for url, asset in new.items():
        yield Change("added", url, asset.kind, asset.transfer_bytes)
    for url, asset in old.items():
        yield Change("removed", url, asset.kind, -asset.transfer_bytes)


def _paired(
    old: dict[str, Asset], new: dict[str, Asset], key: Callable[[Asset], str]
) -> Iterable[Change]:
    """Take the assets with the same key out of both, and yield those whose size changed."""
    waiting: dict[str, list[Asset]] = {}
    for _, asset in sorted(old.items()):
        waiting.setdefault(key(asset), []).append(asset)
    for url, asset in sorted(new.items()):
        alike = waiting.get(key(asset))
        if not alike:
            continue
        earlier = alike.pop(0)
        del old[earlier.url], new[url]
        difference = asset.transfer_bytes - earlier.transfer_bytes
        if difference:
            yield Change("changed", url, asset.kind, difference)


def _order(change: Change) -> tuple[int, str]:
    return -abs(change.transfer_bytes), change.url


def _by_url(report: Report) -> dict[str, Asset]:
    # A page can request a URL in two ways, so it can occur twice; the sums are compared then.
    found: dict[str, Asset] = {}
    for asset in report.assets:
        if asset.url in found:
            more = asset.transfer_bytes + found[asset.url].transfer_bytes
            asset = msgspec.structs.replace(asset, transfer_bytes=more)  # noqa: PLW2901 - the sum stands for both
        found[asset.url] = asset
    return found


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}"


def _place(asset: Asset) -> str:
    return asset.url if asset.third_party else _path(asset.url)


def _folded(asset: Asset) -> str:
    """Its place, without the hash of the content that bundlers put into the name."""
    return folded(_place(asset))


def _delta(before: Total, after: Total) -> Delta:
    return Delta(
        after.requests - before.requests,
        after.transfer_bytes - before.transfer_bytes,
        after.resource_bytes - before.resource_bytes,
    )
