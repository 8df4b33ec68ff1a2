"""Alarms: what somebody who watches a page wants to be told after a weigh-in.

Pure judgement: what was known of the page before, what it must keep to, and a new report; out come the
events and what is known from then on. An event is told once. A budget that stays broken is no news at
the next weigh-in, and one that holds again is.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from libra.weighing.budget import Budget, Check, at_most, check
from libra.weighing.report import Report

Event = Literal["budget", "jump", "failed", "recovered"]
"""``budget``: a limit is broken that was not before. ``jump``: the page suddenly weighs much more.
``failed``: it could not be weighed. ``recovered``: what was wrong is not wrong any more."""

FAILED: Final = "failed"
"""What is wrong with a page that could not be weighed, as `Standing.trouble` has it."""


class Jump(msgspec.Struct, frozen=True):
    """How much heavier a page must have become at once to be worth a word: by more than both.

    ``percent`` is of what it weighed before. The bytes keep small pages quiet, of which a new icon is
    half the weight.
    """

    percent: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 20.0
    bytes: Annotated[int, msgspec.Meta(ge=0, le=10**12)] = 50_000


class Terms(msgspec.Struct, frozen=True):
    """What a watched page must keep to. ``jump`` is None where jumps are nobody's concern."""

    budgets: tuple[Budget, ...] = ()
    max_weight: int | None = None
    jump: Jump | None = Jump()


class Standing(msgspec.Struct, frozen=True):
    """What is known of a watched page from its weigh-ins so far.

    Attributes:
        weight: bytes of transfer size at the last good weigh-in; None before the first.
        complete: whether that weigh-in was complete.
        trouble: what is wrong now, by name: ``failed``, or the subjects of broken limits.
    """

    weight: int | None = None
    complete: bool = False
    trouble: tuple[str, ...] = ()


class Judgement(msgspec.Struct, frozen=True):
    """What a weigh-in comes to.

    Attributes:
        events: what is to be told, in that order.
        breaches: every limit that the page breaks, told before or not.
        change: bytes more (or less) than at the last good weigh-in; None if there is no telling.
        standing: what is known from now on.
    """

    events: tuple[Event, ...]
    breaches: tuple[Check, ...]
    change: int | None
    standing: Standing


def judge(report: Report, terms: Terms, before: Standing) -> Judgement:
    """Judge a finished weigh-in.

    A report that is not complete says neither that a budget holds nor that it is broken: what was wrong
    stays so, without a word, until a complete one tells. Nor does it replace a complete one as what the
    next is compared with: else a server that is down for a day makes a jump of its return.

    Args:
        report: of a page that is finished.
        terms: what it must keep to.
        before: what was known of it.
    """
    if report.status != "weighed":
        if FAILED in before.trouble:
            return Judgement((), (), None, before)
        # A budget that was broken is still: it is not told again when the page can be weighed again.
        standing = msgspec.structs.replace(before, trouble=(*before.trouble, FAILED))
        return Judgement(("failed",), (), None, standing)
    limits = () if terms.max_weight is None else (at_most(terms.max_weight),)
    breaches = tuple(one for one in check(report, terms.budgets, limits) if one.over)
    trouble = tuple(one.subject for one in breaches) if report.complete else before.trouble
    weight = report.total.transfer_bytes
    change = None if before.weight is None else weight - before.weight
    found: list[Event] = []
    if set(trouble) - set(before.trouble):
        found.append("budget")
    elif before.trouble and not trouble:
        found.append("recovered")
    # A budget that breaks says by how much the page has grown, too.
    if "budget" not in found and _jumps(change, before.weight, terms.jump):
        found.append("jump")
    if report.complete or not before.complete:
        standing = Standing(weight, report.complete, trouble)
    else:
        standing = msgspec.structs.replace(before, trouble=trouble)
    return Judgement(tuple(found), breaches, change, standing)


def _jumps(change: int | None, before: int | None, jump: Jump | None) -> bool:
    if change is None or before is None or jump is None:
        return False
    return change > jump.bytes and change > before * jump.percent / 100
