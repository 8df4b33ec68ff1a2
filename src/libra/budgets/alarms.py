"""Alarms: what somebody who watches a page wants to be told after a weigh-in.

Pure judgement: what was known of the page before, what it must keep to, and a new report; out come the
events and what is known from then on. An event is told once. A budget that stays broken is no news at
the next weigh-in, and one that holds again is. Whoever wants to be sure has something told only when
several weigh-ins found it, and whoever forgets is told again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec

from libra.budgets.budget import Budget, Check, at_most, check
from libra.report import Report

Event = Literal["budget", "jump", "failed", "recovered", "test"]
"""``budget``: a limit is broken that was not before. ``jump``: the page suddenly weighs much more.
``failed``: it could not be weighed. ``recovered``: what was wrong is not wrong any more. ``test``:
somebody wants to see whether alerts arrive."""

FAILED: Final = "failed"
"""What is wrong with a page that could not be weighed, as `Standing.trouble` has it."""

JUMP: Final = "jump"
"""A jump, as `Standing.recent` has it."""

MOST_LOOKS: Final = 10
"""Weigh-ins that `Confirm` may look back on."""

IN_TIME: Final = 0.95
"""The share of `Terms.repeat` that is enough: weigh-ins are not that exact, and a day is a day."""


class Jump(msgspec.Struct, frozen=True):
    """How much heavier a page must have become at once to be worth a word: by more than both.

    ``percent`` is of what it weighed before. The bytes keep small pages quiet, of which a new icon is
    half the weight.
    """

    percent: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 20.0
    bytes: Annotated[int, msgspec.Meta(ge=0, le=10**12)] = 50_000


_Looks = Annotated[int, msgspec.Meta(ge=1, le=MOST_LOOKS)]


class Confirm(msgspec.Struct, frozen=True):
    """How sure one wants to be: what ``bad`` of the last ``of`` weigh-ins found is told."""

    bad: _Looks = 1
    of: _Looks = 1

    def __post_init__(self) -> None:
        if not 1 <= self.bad <= self.of <= MOST_LOOKS:
            raise ValueError(
                f"{self.bad} of {self.of} weigh-ins cannot be: write 2 of 3 or so, "
                f"of {MOST_LOOKS} at most"
            )

    def __str__(self) -> str:
        return f"{self.bad} of {self.of}"


class Terms(msgspec.Struct, frozen=True):
    """What a watched page must keep to, and when somebody is told that it does not.

    Attributes:
        budgets: the last that matches the path of the page counts.
        max_weight: bytes of transfer size that it may have in all.
        jump: what counts as a jump; None where jumps are nobody's concern.
        confirm: how many weigh-ins must find something before it is told.
        repeat: seconds after which what is still wrong is told again; None for never.
        recover: whether it is told that nothing is wrong any more.
    """

    budgets: tuple[Budget, ...] = ()
    max_weight: int | None = None
    jump: Jump | None = Jump()
    confirm: Confirm = Confirm()
    repeat: float | None = None
    recover: bool = True


class Standing(msgspec.Struct, frozen=True):
    """What is known of a watched page from its weigh-ins so far.

    Attributes:
        weight: bytes of transfer size at the last good weigh-in; None before the first.
        complete: whether that weigh-in was complete.
        trouble: what is wrong now and was told, by name: ``failed``, or the subjects of broken limits.
        recent: what was wrong at each of the last weigh-ins, as far as `Confirm` looks back.
        suspected: whether the last one found something that is not confirmed yet.
        alerted_at: when the trouble was told last.
    """

    weight: int | None = None
    complete: bool = False
    trouble: tuple[str, ...] = ()
    recent: tuple[tuple[str, ...], ...] = ()
    suspected: bool = False
    alerted_at: datetime | None = None


class Judgement(msgspec.Struct, frozen=True):
    """What a weigh-in comes to.

    Attributes:
        events: what is to be told, in that order.
        breaches: every limit that the page breaks, told before or not.
        change: bytes more (or less) than at the last good weigh-in; None if there is no telling.
        standing: what is known from now on.
        repeated: whether all that is told was told before.
    """

    events: tuple[Event, ...]
    breaches: tuple[Check, ...]
    change: int | None
    standing: Standing
    repeated: bool = False


def judge(report: Report, terms: Terms, before: Standing, now: datetime | None = None) -> Judgement:
    """Judge a finished weigh-in.

    A report that is not complete says neither that a budget holds nor that it is broken: what was wrong
    stays so, without a word, until a complete one tells. Nor does it replace a complete one as what the
    next is compared with: else a server that is down for a day makes a jump of its return. A jump that
    is to be confirmed leaves what it is compared with as it was, until it is or is gone.

    Args:
        report: of a page that is finished.
        terms: what it must keep to.
        before: what was known of it.
        now: when that is, for what is told again; by default when the page was finished.
    """
    weighed, now = report.status == "weighed", now or report.finished_at
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
        looks = (*looks, (*broken, JUMP) if jumped else broken)[-terms.confirm.of :]
        trouble = _trouble(broken, looks, before.trouble, terms.confirm.bad)
    else:
        broken, trouble = (), before.trouble
    found: list[Event] = []
    if set(trouble) - set(before.trouble):
        # A budget that was broken is still: it is not told again when the page can be weighed again.
        found.append("budget" if weighed else "failed")
    elif before.trouble and not trouble:
        looks = ()
        if terms.recover:
            found.append("recovered")
    sure = jumped and sum(JUMP in look for look in looks) >= terms.confirm.bad
    # A budget that breaks says by how much the page has grown, too.
    if "budget" not in found and (sure or (jumped and terms.confirm.bad == 1)):
        found.append("jump")
    unsure = jumped and not {"budget", "jump"} & set(found)
    standing = msgspec.structs.replace(
        before,
        trouble=trouble,
        recent=looks[-terms.confirm.of + 1 :] if terms.confirm.of > 1 else (),
        suspected=unsure or bool(set(broken) - set(trouble)),
    )
    if weighed and not unsure and (report.complete or not before.complete):
        standing = msgspec.structs.replace(standing, weight=weight, complete=report.complete)
    told = bool({"budget", "failed"} & set(found))
    repeated = not told and bool(broken) and _is_forgotten(standing, terms, now)
    if repeated:
        found.append("budget" if weighed else "failed")
    if told or repeated or not trouble or (standing.alerted_at is None and terms.repeat):
        standing = msgspec.structs.replace(standing, alerted_at=now if trouble else None)
    return Judgement(tuple(found), breaches, change, standing, repeated)


def _trouble(
    broken: tuple[str, ...], looks: tuple[tuple[str, ...], ...], before: tuple[str, ...], bad: int
) -> tuple[str, ...]:
    """What is wrong for certain, after a weigh-in that found these."""
    certain = tuple(
        one for one in broken if one in before or sum(one in look for look in looks) >= bad
    )
    if broken == (FAILED,):
        # It tells nothing of the budget.
        return before if FAILED in before or not certain else (*before, FAILED)
    return certain if certain or not broken else before


def _is_forgotten(standing: Standing, terms: Terms, now: datetime | None) -> bool:
    """Whether what is wrong was told so long ago that it is to be told again."""
    if terms.repeat is None or now is None or not standing.trouble or standing.alerted_at is None:
        return False
    return now - standing.alerted_at >= timedelta(seconds=terms.repeat * IN_TIME)


def _jumps(change: int | None, before: int | None, jump: Jump | None) -> bool:
    if change is None or before is None or jump is None:
        return False
    return change > jump.bytes and change > before * jump.percent / 100
