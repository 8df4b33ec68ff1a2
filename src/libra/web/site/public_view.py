"""The public view of a watch that somebody has made public: without its URL and its receivers.

All of it is in memory: it is available while the database is away, and no page is weighed for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from libra.app import Watch, WeighIn
from libra.web.site.watch_view import grade_of, is_ok_in_part
from libra.wording import count, size

Shown = Literal["weight", "score", "budget"]
"""The figures that a badge can show."""

NAMELESS = "Watched page"

#: Average pixels of a character of a badge, in its font; and the padding of a text.
CHARACTER, AROUND = 6.6, 12

_COLORS = {"good": "#15803d", "fair": "#a16207", "poor": "#b91c1c", "": "#57606a"}


@dataclass(frozen=True, slots=True)
class Badge:
    """A small picture of one figure.

    Attributes:
        label: the name of the figure.
        value: its value.
        color: of the value, dark enough for white text.
    """

    label: str
    value: str
    color: str

    @property
    def label_width(self) -> int:
        """Width of its left part, in pixels."""
        return round(len(self.label) * CHARACTER) + AROUND

    @property
    def value_width(self) -> int:
        """Width of its right part, in pixels."""
        return round(len(self.value) * CHARACTER) + AROUND


@dataclass(frozen=True, slots=True)
class PublicView:
    """The public page of a watch.

    Attributes:
        id: the public id.
        name: the name of the watch.
        verdict: the state of the page, in words.
        grade: the same as a class of the stylesheet.
        last: the last good weigh-in; None before the first.
        at: when the page was last weighed or tried.
        limit: bytes that the whole page may weigh, if that is limited.
        runs: its last good weigh-ins, newest first.
    """

    id: str
    name: str
    verdict: str
    grade: str
    last: WeighIn | None
    at: datetime | None
    limit: int | None
    runs: Sequence[WeighIn]


def public_view(watch: Watch) -> PublicView:
    """Arrange a public watch."""
    runs = tuple(run for run in watch.runs if run.total is not None)
    return PublicView(
        id=watch.public or "",
        name=watch.name or NAMELESS,
        verdict=IN_PART if is_ok_in_part(watch) else VERDICTS[watch.status],
        grade=grade_of(watch),
        last=runs[0] if runs else None,
        at=None if watch.last is None else watch.last.at,
        limit=watch.terms.max_weight,
        runs=runs,
    )


def badge_of(watch: Watch, shown: Shown) -> Badge:
    """The badge of a public watch."""
    view = public_view(watch)
    last, grade = view.last, view.grade if view.last is not None else ""
    if last is None or last.total is None:
        return Badge(_LABELS[shown], "not weighed yet", _COLORS[""])
    if shown == "weight":
        at_least = "" if last.whole else "at least "
        return Badge(_LABELS[shown], at_least + size(last.total), _COLORS[grade])
    if shown == "score":
        if last.score is None:
            return Badge(_LABELS[shown], "unknown", _COLORS[""])
        score = "good" if last.score >= 90 else "fair" if last.score >= 50 else "poor"
        at_most = "" if last.whole else "at most "
        return Badge(_LABELS[shown], f"{at_most}{last.score}", _COLORS[score])
    terms = watch.terms
    if terms.max_weight is None and not terms.budgets:
        return Badge(_LABELS[shown], "none", _COLORS[""])
    over = len(last.breaches)
    if not over and not last.whole:
        return Badge(_LABELS[shown], "unknown", _COLORS[""])
    words = f"{count(over, 'limit')} broken" if over else "kept"
    return Badge(_LABELS[shown], words, _COLORS["poor" if over else "good"])


_LABELS = {"weight": "page weight", "score": "page score", "budget": "page budget"}

IN_PART = "Weighed only in part"

VERDICTS = {
    "quarantined": "Not watched now",
    "failed": "Could not be weighed",
    "over-budget": "Over its budget",
    "unconfirmed": "A possible problem is being checked",
    "new": "Not weighed yet",
    "ok": "All is well",
    "paused": "Not watched now",
}
