"""Results as CI jobs send them: small, of pages that nobody fetches, and each another one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from libra.ids import new_id
from libra.report import KINDS, Asset, HostTotal, Report, Score, Total

PROJECT = "load"


def result(number: int) -> dict[str, Any]:
    """The body of a request that sends the result of a build; all are of one page on one branch."""
    now = datetime.now(UTC)
    host, weight = f"preview-{number}.example", 1000 + number
    url, total = f"https://{host}/", Total(1, weight, weight)
    report = Report(
        id=new_id(),
        url=url,
        final_url=url,
        title="Preview",
        status="weighed",
        complete=True,
        submitted_at=now,
        finished_at=now,
        total=total,
        by_kind=dict.fromkeys(KINDS, Total()) | {"document": total},
        by_host={host: HostTotal(1, weight, weight)},
        score=Score(teledrin=100, verdict="A for effort.", lighthouse=100),
        assets=(Asset(url, "document", "fetched", 200, weight, weight),),
    )
    return {
        "branch": "main",
        "commit": f"{number:x}",
        "path": "/",
        "base": "main",
        "report": msgspec.to_builtins(report),
    }
