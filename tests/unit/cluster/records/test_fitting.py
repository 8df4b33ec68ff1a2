"""Reports that are too large for a message."""

from __future__ import annotations

import random

import msgspec
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from libra.cluster.records.fitting import TOO_LARGE, fitted
from libra.cluster.records.page_records import Record, pack_report
from libra.report import Asset, Report, Total, decode, encode
from support import samples
from unit.cluster.records.test_page_records import submission, weighed


def record_with(assets: list[Asset]) -> Record:
    """A record whose report has these assets, and totals that are their sums."""
    report = samples.weighed(assets)
    return msgspec.structs.replace(weighed(submission()), report=pack_report(encode(report)))


def assets(sizes: list[int]) -> list[Asset]:
    noise = random.Random(1)
    return [
        Asset(
            f"https://example.com/{noise.randbytes(40).hex()}",
            "image",
            "fetched",
            transfer_bytes=size,
            resource_bytes=2 * size,
        )
        for size in sizes
    ]


def report_in(record: Record) -> Report:
    return decode(zstandard.decompress(record.report))


def test_what_fits_is_left_as_it_is() -> None:
    record = record_with(assets([1, 2, 3]))
    assert fitted(record, len(record.report)) is record


@given(st.lists(st.integers(0, 10_000), min_size=30, max_size=80))
def test_the_smallest_assets_go_and_every_total_is_still_the_sum_of_what_is_shown(
    sizes: list[int],
) -> None:
    record = record_with(assets(sizes))
    most = len(record.report) // 2
    cut = fitted(record, most)
    assert len(cut.report) <= most
    report = report_in(cut)
    assert not report.complete
    assert report.error is not None
    assert TOO_LARGE in report.error
    assert cut.error == report.error
    shown = report.assets
    assert report.total == Total(
        len(shown), sum(a.transfer_bytes for a in shown), sum(a.resource_bytes for a in shown)
    )
    assert report.by_kind["image"] == report.total
    assert report.by_host["example.com"].transfer_bytes == report.total.transfer_bytes
    # The document stays, and nothing that is shown beside it is smaller than what was left out.
    kept = {a.url for a in shown}
    whole = report_in(record).assets
    assert whole[0].url in kept
    left_out = [a.transfer_bytes for a in whole if a.url not in kept]
    assert min((a.transfer_bytes for a in shown[1:]), default=10_001) >= max(left_out, default=0)
