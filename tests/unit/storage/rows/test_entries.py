"""What is stored of a page."""

from datetime import UTC, datetime

import pytest

from libra.report import Report, Score, Total, encode
from libra.storage import Deleted, Snapshot, newest
from libra.storage.rows.entries import bare_host_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_snapshot_carries_the_columns_and_the_whole_report() -> None:
    report = Report(
        id="1",
        url="http://example.com",
        final_url="https://www.example.com:8443/x",
        title="T",
        status="weighed",
        version=7,
        submitted_at=NOON,
        total=Total(3, 20, 50),
        score=Score(teledrin=93, verdict="A for effort.", lighthouse=100),
    )
    made = Snapshot.of(report)
    assert made.report == encode(report)
    assert (made.host, made.title, made.status, made.version) == (
        "www.example.com",
        "T",
        "weighed",
        7,
    )
    assert (made.requests, made.transfer_bytes, made.resource_bytes, made.score) == (3, 20, 50, 93)
    assert Snapshot.of(report, b"encoded before").report == b"encoded before"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.COM/x", "example.com"),
        ("http://[::1]:80/", "::1"),
        ("http://[broken", ""),
        ("", ""),
    ],
)
def test_the_host_of_whatever_was_submitted_is_a_text(url: str, host: str) -> None:
    assert bare_host_of(url) == host


def test_of_several_versions_the_newest_counts_and_a_deletion_is_newer_than_any() -> None:
    def version(page: str, number: int) -> Snapshot:
        return Snapshot(page, "u", number, b"{}")

    entries = [version("a", 2), version("b", 1), version("a", 1), version("a", 2**63 - 2)]
    assert newest(entries) == [version("a", 2**63 - 2), version("b", 1)]
    assert newest([Deleted("a", NOON), *entries]) == [Deleted("a", NOON), version("b", 1)]
