"""Cuts a report to the size of a message: it loses its smallest assets, and says so.

Every total loses these assets too: a total is the sum over the assets that the report shows.
"""

from __future__ import annotations

from typing import Final

import msgspec
import zstandard

from libra.cluster.records.page_records import Record, pack_report
from libra.report import Asset, HostTotal, Report, Total, decode, encode
from libra.urls import host_of

BESIDE: Final = 16_384
"""Bytes that a message needs beside the report, at most."""

TOO_LARGE: Final = "report-too-large"


def fitted(record: Record, most: int) -> Record:
    """The record with a packed report of ``most`` bytes at most; unchanged if it already fits."""
    if len(record.report) <= most:
        return record
    report = decode(zstandard.decompress(record.report))
    # The document is the first asset, and stays. Of the others the largest matter most.
    order = sorted(
        range(1, len(report.assets)), key=lambda n: report.assets[n].transfer_bytes, reverse=True
    )
    fits, least, packed = 0, 0, b""
    most_kept = len(order)
    while least <= most_kept:
        middle = (least + most_kept) // 2
        tried = pack_report(encode(_without(report, set(order[middle:]))))
        if len(tried) <= most or middle == 0:
            fits, packed, least = middle, tried, middle + 1
        else:
            most_kept = middle - 1
    return msgspec.structs.replace(
        record, report=packed, error=_without(report, set(order[fits:])).error
    )


def _without(report: Report, left_out: set[int]) -> Report:
    if not left_out:
        return report
    by_kind, by_host, total = dict(report.by_kind), dict(report.by_host), report.total
    for number in left_out:
        asset = report.assets[number]
        if asset.status == "skipped":
            continue
        total = _less(total, asset)
        if asset.kind in by_kind:
            by_kind[asset.kind] = _less(by_kind[asset.kind], asset)
        host = host_of(asset.url)
        if host in by_host:
            had = by_host[host]
            by_host[host] = HostTotal(
                had.requests - 1,
                had.transfer_bytes - asset.transfer_bytes,
                had.resource_bytes - asset.resource_bytes,
                had.third_party,
            )
    words = f"{TOO_LARGE}: the {len(left_out)} smallest assets are left out of this report"
    return msgspec.structs.replace(
        report,
        assets=tuple(a for n, a in enumerate(report.assets) if n not in left_out),
        total=total,
        by_kind=by_kind,
        by_host=by_host,
        findings=(),
        complete=False,
        error=words if report.error is None else f"{report.error}; {words}",
    )


def _less(total: Total, asset: Asset) -> Total:
    return Total(
        total.requests - 1,
        total.transfer_bytes - asset.transfer_bytes,
        total.resource_bytes - asset.resource_bytes,
    )
