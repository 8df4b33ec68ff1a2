"""The assets of a report, made of the requests of a page, and their sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from libra.failures import is_one_of
from libra.report import KINDS, Asset, HostTotal, Kind, Timings, Total
from libra.urls import host_and_port, host_of, is_third_party
from libra.weighing.rendered.requests.logged_request import LoggedRequest


def assets_of(
    entries: list[LoggedRequest], page_host: str, failures: Mapping[str, str]
) -> tuple[Asset, ...]:
    """The assets of a report.

    Args:
        entries: Of a `NetworkLog`.
        page_host: Whose parts are not third party.
        failures: Why a host could not be reached, as the page's proxy knows better than the browser.
    """
    third: dict[str, bool] = {}
    assets: list[Asset] = []
    for entry in entries:
        host = host_of(entry.url)
        if host not in third:
            third[host] = is_third_party(host, page_host)
        error = entry.error
        if error is not None and entry.status is None:
            error = failures.get(host_and_port(entry.url), error)
        skipped = entry.skipped or is_one_of(error, ("denied",))
        since = round((entry.started - entries[0].started) * 1000)
        duration = None if entry.ended is None else round((entry.ended - entry.started) * 1000)
        assets.append(
            Asset(
                url=entry.url,
                kind=entry.kind,
                status="skipped" if skipped else _status(entry, error),
                http_status=entry.status,
                transfer_bytes=0 if skipped else _transfer(entry),
                resource_bytes=0 if skipped else entry.resource_bytes,
                content_type=entry.content_type,
                encoding=entry.encoding,
                initiator=entry.initiator,
                third_party=third[host],
                duration_ms=duration,
                error=error,
                started_ms=max(0, since),
                protocol=entry.protocol or None,
                timings=_timings(entry),
            )
        )
    return tuple(assets)


def sums_of(
    assets: tuple[Asset, ...],
) -> tuple[Total, dict[Kind, Total], dict[str, HostTotal]]:
    """Total, by kind and by host: three views of the same assets, so that they cannot disagree."""
    total = [0, 0, 0]
    kinds: dict[Kind, list[int]] = {kind: [0, 0, 0] for kind in KINDS}
    hosts: dict[str, list[int]] = {}
    third: dict[str, bool] = {}
    for asset in assets:
        host = host_of(asset.url)
        third[host] = asset.third_party
        for sums in (total, kinds[asset.kind], hosts.setdefault(host, [0, 0, 0])):
            sums[0] += asset.status != "skipped"
            sums[1] += asset.transfer_bytes
            sums[2] += asset.resource_bytes
    return (
        Total(*total),
        {kind: Total(*sums) for kind, sums in kinds.items()},
        {host: HostTotal(r, t, d, third[host]) for host, (r, t, d) in hosts.items()},
    )


def _timings(entry: LoggedRequest) -> Timings | None:
    """What DevTools tells of the steps (``Network.ResourceTiming``), each since one moment."""
    steps = entry.steps
    if not steps:
        return None

    def between(start: str, end: str) -> int | None:
        begun, ended = steps.get(start, -1), steps.get(end, -1)
        return None if begun < 0 or ended < begun else round(ended - begun)

    tls = between("sslStart", "sslEnd")
    connect = between("connectStart", "connectEnd")
    first = between("sendStart", "receiveHeadersStart") or between("sendStart", "receiveHeadersEnd")
    body = None
    if entry.ended is not None and first is not None:
        before = steps.get("receiveHeadersEnd", 0)
        body = max(0, round((entry.ended - entry.started) * 1000 - before))
    return Timings(
        lookup_ms=between("dnsStart", "dnsEnd"),
        # In DevTools a connection includes its handshake.
        connect_ms=None if connect is None else max(0, connect - (tls or 0)),
        tls_ms=tls,
        first_byte_ms=first,
        body_ms=body,
    )


def _status(entry: LoggedRequest, error: str | None) -> Any:
    if entry.pending:
        return "pending"
    return "fetched" if error is None else "failed"


def _transfer(entry: LoggedRequest) -> int:
    return entry.transfer_bytes if not entry.pending else entry.arrived_bytes
