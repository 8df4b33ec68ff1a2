"""Results that CI sends, each of a build."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from libra import Build
from libra.ids import new_id
from libra.report import KINDS, Asset, HostTotal, Report, Score, Total

NOON = datetime.now(UTC) - timedelta(hours=1)


def result(weight: int, *, host: str = "preview-1.example", minutes: int = 0) -> Report:
    """A page that somebody weighed, so many minutes after `NOON`."""
    url = f"https://{host}/shop?page=1"
    total = Total(1, weight, weight)
    return Report(
        id=new_id(),
        url=url,
        final_url=url,
        title="Shop",
        status="weighed",
        complete=True,
        submitted_at=NOON + timedelta(minutes=minutes),
        finished_at=NOON + timedelta(minutes=minutes, seconds=1),
        total=total,
        by_kind=dict.fromkeys(KINDS, Total()) | {"document": total},
        by_host={host: HostTotal(1, weight, weight)},
        score=Score(teledrin=100, verdict="A for effort.", lighthouse=100),
        assets=(Asset(url, "document", "fetched", 200, weight, weight),),
    )


def build(branch: str = "main", commit: str = "a1", path: str = "/shop?page=1") -> Build:
    return Build("shop", branch, commit, path)
