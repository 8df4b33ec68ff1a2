"""The weigh-ins of a URL as CSV."""

from __future__ import annotations

import csv
import io

from msgspec import structs

from libra.formats.history_csv import to_history_csv
from libra.report import Score, summarize
from support.samples import failed, ordinary, partial


def test_a_score_says_whether_it_is_a_bound() -> None:
    part = structs.replace(
        partial(), score=Score(teledrin=93, bound="at_most", verdict=None, lighthouse=99)
    )
    text = to_history_csv(map(summarize, (part, ordinary(), failed())))
    assert [row["bound"] for row in csv.DictReader(io.StringIO(text))] == ["at_most", "exact", ""]
