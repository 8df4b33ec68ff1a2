"""The ledger of a page: its assets and all their sums, which change together and only here."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from libra.report import (
    KINDS,
    Asset,
    AssetStatus,
    HostTotal,
    Kind,
    Total,
)
from libra.urls import (
    host_of,
    is_third_party,
)
from libra.weighing.orders.orders import (
    Outcome,
    Reference,
)

LAZY = "lazy: a browser loads it only when the reader scrolls near it"
HIDDEN = "hidden: a browser loads an object's content only while the object is displayed"


class AssetLedger:
    """The state of one page's assets.

    Args:
        host: the host of the submitted page, which decides what is third party.

    Attributes:
        assets: in the order of their requests.
        total: requests, transfer bytes and decoded bytes of all assets.
        kinds: the same for each kind.
        hosts: the same for each host.
    """

    __slots__ = (
        "_asset_hosts",
        "_index",
        "_site_host",
        "_started",
        "_third",
        "assets",
        "hosts",
        "kinds",
        "total",
    )

    def __init__(self, host: str) -> None:
        self.assets: list[Asset] = []
        self.total = [0, 0, 0]
        self.kinds: dict[Kind, list[int]] = {kind: [0, 0, 0] for kind in KINDS}
        self.hosts: dict[str, list[int]] = {}
        self._asset_hosts: list[str] = []
        self._index: dict[str, int] = {}
        self._site_host = host
        self._started: float | None = None
        self._third: dict[str, bool] = {}

    def place_of(self, url: str) -> int | None:
        """The index of the asset with this URL, if there is one."""
        return self._index.get(url)

    def enter(self, reference: Reference, initiator: str | None) -> int:
        """Add an asset, pending or, if it is lazy or blocked, skipped. Returns its index."""
        host = host_of(reference.url)
        third_party = self._third.get(host)
        if third_party is None:
            third_party = self._third[host] = is_third_party(host, self._site_host)
        asset = Asset(
            url=reference.url,
            kind=reference.kind,
            status="skipped" if reference.lazy or reference.blocked else "pending",
            initiator=initiator,
            third_party=third_party,
            lazy=reference.lazy and not reference.if_rendered,
            conditional=reference.conditional,
            error=reference.blocked or _why_not_yet(reference),
        )
        at = len(self.assets)
        self._index[reference.url] = at
        self.assets.append(asset)
        self._asset_hosts.append(host)
        if asset.status == "pending":
            self._count(at, asset.kind, 1)
        return at

    def wakes(self, at: int, reference: Reference) -> bool:
        """Whether this reference needs now an asset that was lazy so far; marks it as pending."""
        asset = self.assets[at]
        if asset.status != "skipped" or reference.lazy or reference.blocked:
            return False
        asset = msgspec.structs.replace(asset, status="pending", lazy=False, error=None)
        self.assets[at] = asset
        self._count(at, asset.kind, 1)
        return True

    def give_up(self, error: str, reasons: Mapping[int, str]) -> None:
        """Mark pending assets as failed, each with its own reason or else with this error."""
        for index, asset in enumerate(self.assets):
            if asset.status == "pending":
                why = reasons.get(index, error)
                self.assets[index] = msgspec.structs.replace(asset, status="failed", error=why)

    def settle(self, at: int, outcome: Outcome) -> None:
        """Record an outcome: the asset and all sums change together."""
        asset = self.assets[at]
        status: AssetStatus = "fetched" if outcome.error is None else "failed"
        kind = asset.kind if outcome.kind is None else outcome.kind
        if outcome.denied:
            status = "skipped"
            self._count(at, asset.kind, -1)
        elif kind != asset.kind:
            self.kinds[asset.kind][0] -= 1
            self.kinds[kind][0] += 1
        self.assets[at] = Asset(
            url=asset.url,
            kind=kind,
            status=status,
            http_status=outcome.http_status,
            transfer_bytes=outcome.transfer_bytes,
            resource_bytes=outcome.resource_bytes,
            content_type=outcome.content_type,
            encoding=outcome.encoding,
            initiator=asset.initiator,
            third_party=asset.third_party,
            lazy=asset.lazy,
            conditional=asset.conditional,
            duration_ms=outcome.duration_ms,
            error=outcome.error,
            started_ms=self._since_start(outcome.started),
            protocol=outcome.protocol,
            timings=outcome.timings,
        )
        if outcome.transfer_bytes or outcome.resource_bytes:
            host = self.hosts[self._asset_hosts[at]]
            for sums in (self.total, self.kinds[kind], host):
                sums[1] += outcome.transfer_bytes
                sums[2] += outcome.resource_bytes

    def _since_start(self, started: float | None) -> int | None:
        """Milliseconds since the start of the page's first request, which is the document's."""
        if started is None:
            return None
        if self._started is None:
            self._started = started
        return max(0, round((started - self._started) * 1000))

    def settle_site(self, host: str) -> None:
        """Reassign first and third party by the page's final host."""
        if host == self._site_host:
            return
        self._site_host = host
        for known in self.hosts:
            self._third[known] = is_third_party(known, host)
        self.assets = [
            msgspec.structs.replace(asset, third_party=self._third[known])
            for asset, known in zip(self.assets, self._asset_hosts, strict=True)
        ]

    def is_blocked(self, url: str) -> bool:
        """Whether this asset is skipped for another reason than being lazy."""
        asset = self.assets[self._index[url]] if url in self._index else None
        return asset is not None and asset.status == "skipped" and not asset.lazy

    def has_failed(self, url: str) -> bool:
        """Whether the request for this asset failed."""
        known = self._index.get(url)
        return known is not None and self.assets[known].status == "failed"

    def by_kind(self) -> dict[Kind, Total]:
        """The sums by kind, as in the report."""
        return {kind: Total(*sums) for kind, sums in self.kinds.items()}

    def by_host(self) -> dict[str, HostTotal]:
        """The sums by host, as in the report."""
        return {
            host: HostTotal(requests, transfer, resource, self._third[host])
            for host, (requests, transfer, resource) in self.hosts.items()
        }

    def _count(self, at: int, kind: Kind, requests: int) -> None:
        host = self._asset_hosts[at]
        sums = self.hosts.get(host)
        if sums is None:
            sums = self.hosts[host] = [0, 0, 0]
        sums[0] += requests
        self.kinds[kind][0] += requests
        self.total[0] += requests


def _why_not_yet(reference: Reference) -> str | None:
    if not reference.lazy:
        return None
    return HIDDEN if reference.if_rendered else LAZY
