"""What stands in the results for pages that could not even be found."""

from __future__ import annotations

from datetime import UTC, datetime

from libra.ids import new_id
from libra.report import Asset, Report
from libra.weighing.options import Options


def lost_pages(address: str, error: str, options: Options) -> Report:
    """A failed report in place of the pages of a list that cannot be read.

    All outputs show a failed report, so none of them looks better than the run was.

    Args:
        address: of the list.
        error: why not, as in a report: a name of `libra.failures` and an explanation.
        options: of the run.
    """
    return Report(
        id=new_id(),
        url=address,
        status="failed",
        method=options.method,
        viewport=str(options.viewport),
        submitted_at=datetime.now(UTC),
        assets=(Asset(address, "document", "skipped", error=error),),
        error=error,
        with_headers=bool(options.headers),
    )
