"""Alarms: the alerts about a watched page after a weigh-in.

Pure judgement. Its input is the page's standing before, its terms and a new report; its output is the
events and the new standing. Each event causes one alert: a budget that stays broken causes none at the
next weigh-in, and one that holds again causes one. `Terms.confirm` delays an event until several
weigh-ins found it, and `Terms.repeat` repeats its alert after a time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec

from libra.budgets.budget import Budget, Check, at_most, check
from libra.report import Report

Event = Literal["budget", "jump", "failed", "recovered", "test"]
"""``budget``: a limit is broken that was not before. ``jump``: the page suddenly weighs much more.
``failed``: it could not be weighed. ``recovered``: what was wrong is right again. ``test``:
somebody checks whether alerts arrive."""

FAILED: Final = "failed"
"""The trouble of a page that could not be weighed, in `Standing.trouble`."""

JUMP: Final = "jump"
"""A jump, in `Standing.recent`."""

MOST_LOOKS: Final = 10
"""Most weigh-ins that `Confirm` may look back on."""

IN_TIME: Final = 0.95
"""The share of `Terms.repeat` that is enough: weigh-ins are not exactly on time."""


class Jump(msgspec.Struct, frozen=True):
    """How much heavier a page must have become at once to cause an alert: by more than both values.

    ``percent`` is of what it weighed before. ``bytes`` prevents alerts about small pages, of which a
    new icon is half the weight.
    """

    percent: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 20.0
    bytes: Annotated[int, msgspec.Meta(ge=0, le=10**12)] = 50_000


_Looks = Annotated[int, msgspec.Meta(ge=1, le=MOST_LOOKS)]


class Confirm(msgspec.Struct, frozen=True):
    """How certain a finding must be: an alert needs ``bad`` of the last ``of`` weigh-ins to find it."""

    bad: _Looks = 1
    of: _Looks = 1

    def __post_init__(self) -> None:
        if not 1 <= self.bad <= self.of <= MOST_LOOKS:
            raise ValueError(
                f"{self.bad} of {self.of} weigh-ins is not possible: write for example 2 of 3, "
                f"with at most {MOST_LOOKS} weigh-ins"
            )

    def __str__(self) -> str:
        return f"{self.bad} of {self.of}"


class Terms(msgspec.Struct, frozen=True):
    """The limits of a watched page, and the rules for alerts about them.

    Attributes:
        budgets: the last that matches the path of the page counts.
        max_weight: limit for the transfer size of the whole page, in bytes.
        jump: which increase counts as a jump; None for no alerts about jumps.
        confirm: how many weigh-ins must find something before an alert.
        repeat: seconds after which an alert is repeated while its trouble lasts; None for never.
        recover: whether an alert says that nothing is wrong any more.
    """

    budgets: tuple[Budget, ...] = ()
    max_weight: int | None = None
    jump: Jump | None = Jump()
    confirm: Confirm = Confirm()
    repeat: float | None = None
    recover: bool = True


class Standing(msgspec.Struct, frozen=True):
    """The state of a watched page after its weigh-ins so far.

    Attributes:
        weight: bytes of transfer size at the last good weigh-in; None before the first.
        complete: whether that weigh-in was complete, of a page that scripts do not build.
        trouble: what is wrong now and was told, by name: ``failed``, or the subjects of broken limits.
        recent: what was wrong at each of the last weigh-ins, as far as `Confirm` looks back.
        suspected: whether the last weigh-in found something that is not confirmed yet.
        alerted_at: when the last alert about the trouble was sent.
    """

    weight: int | None = None
    complete: bool = False
    trouble: tuple[str, ...] = ()
    recent: tuple[tuple[str, ...], ...] = ()
    suspected: bool = False
    alerted_at: datetime | None = None


class Judgement(msgspec.Struct, frozen=True):
    """The result of judging one weigh-in.

    Attributes:
        events: the alerts to send, in that order.
        breaches: every limit that the page breaks, told before or not.
        change: bytes more (or less) than at the last good weigh-in; None if that is not known.
        standing: the new standing.
        repeated: whether all of the alerts are repetitions.
    """

    events: tuple[Event, ...]
    breaches: tuple[Check, ...]
    change: int | None
    standing: Standing
    repeated: bool = False


def judge(report: Report, terms: Terms, before: Standing, now: datetime | None = None) -> Judgement:
    """Judge a finished weigh-in.

    A report that is not complete does not show whether a budget holds. Trouble stays as it is, without
    an alert, until there is a complete report. An incomplete weight does not replace a complete one for
    comparison either: else a server that is down for a day would cause a jump at its return. A jump that
    needs confirmation leaves the weight for comparison unchanged until it is confirmed or gone.

    The report of a page that scripts build has only a lower bound of the weight. It can show that a
    limit is broken. If the page was whole before, it does not show that a limit holds again.

    Args:
        report: of a finished page.
        terms: its limits and rules.
        before: its standing before.
        now: the time of judgement, for repeated alerts; by default the time when the page was finished.
    """
    weighed, now = report.status == "weighed", now or report.finished_at
    whole = report.complete and not report.coverage
    breaches: tuple[Check, ...] = ()
    weight, change = report.total.transfer_bytes, None
    if weighed:
        limits = () if terms.max_weight is None else (at_most(terms.max_weight),)
        breaches = tuple(one for one in check(report, terms.budgets, limits) if one.over)
        change = None if before.weight is None else weight - before.weight
    jumped = _jumps(change, before.weight, terms.jump)
    looks = before.recent
    if not weighed or report.complete:
        broken = tuple(one.subject for one in breaches) if weighed else (FAILED,)
        if weighed and not whole and before.complete:
            lasting = (one for one in before.trouble if one != FAILED)
            broken = tuple(dict.fromkeys((*broken, *lasting)))
        looks = (*looks, (*broken, JUMP) if jumped else broken)[-terms.confirm.of :]
        trouble = _trouble(broken, looks, before.trouble, terms.confirm.bad)
    else:
        broken, trouble = (), before.trouble
    found: list[Event] = []
    if set(trouble) - set(before.trouble):
        # A budget that was broken stays broken: no new alert when the page can be weighed again.
        found.append("budget" if weighed else "failed")
    elif before.trouble and not trouble:
        looks = ()
        if terms.recover:
            found.append("recovered")
    sure = jumped and sum(JUMP in look for look in looks) >= terms.confirm.bad
    # An alert about a budget also says by how much the page has grown.
    if "budget" not in found and (sure or (jumped and terms.confirm.bad == 1)):
        found.append("jump")
    unsure = jumped and not {"budget", "jump"} & set(found)
    standing = msgspec.structs.replace(
        before,
        trouble=trouble,
        recent=looks[-terms.confirm.of + 1 :] if terms.confirm.of > 1 else (),
        suspected=unsure or bool(set(broken) - set(trouble)),
    )
    if weighed and not unsure and (whole or not before.complete):
        standing = msgspec.structs.replace(standing, weight=weight, complete=whole)
    told = bool({"budget", "failed"} & set(found))
    seen = bool(broken) and (bool(breaches) or not weighed)
    repeated = not told and seen and _is_forgotten(standing, terms, now)
    if repeated:
        found.append("budget" if weighed else "failed")
    if told or repeated or not trouble or (standing.alerted_at is None and terms.repeat):
        standing = msgspec.structs.replace(standing, alerted_at=now if trouble else None)
    return Judgement(tuple(found), breaches, change, standing, repeated)


def _trouble(
    broken: tuple[str, ...], looks: tuple[tuple[str, ...], ...], before: tuple[str, ...], bad: int
) -> tuple[str, ...]:
    """What is certainly wrong after a weigh-in that found these."""
    certain = tuple(
        one for one in broken if one in before or sum(one in look for look in looks) >= bad
    )
    if broken == (FAILED,):
        # A failed weigh-in says nothing about the budget.
        return before if FAILED in before or not certain else (*before, FAILED)
    return certain if certain or not broken else before


def _is_forgotten(standing: Standing, terms: Terms, now: datetime | None) -> bool:
    """Whether the last alert is so old that it is due again."""
    if terms.repeat is None or now is None or not standing.trouble or standing.alerted_at is None:
        return False
    return now - standing.alerted_at >= timedelta(seconds=terms.repeat * IN_TIME)


def _jumps(change: int | None, before: int | None, jump: Jump | None) -> bool:
    if change is None or before is None or jump is None:
        return False
    return change > jump.bytes and change > before * jump.percent / 100
