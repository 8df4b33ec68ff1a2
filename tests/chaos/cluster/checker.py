"""Reads what a cluster was seen to do and how it ended, and names what cannot be if it keeps its
promises.

Pure: a history and the final states go in, sentences come out. The promises are those of the table in
``docs/chaos.md``; each rule says in its words which one is broken.
"""

from __future__ import annotations

from collections.abc import Iterator

from chaos.checker import Contradiction
from chaos.cluster import call_rules, end_rules, log_rules
from chaos.cluster.history import Final, History
from chaos.cluster.machine import held_up_in, held_up_of
from chaos.cluster.parts import Parts


def contradictions(
    history: History, final: Final | None = None, *, quiet: float = float("inf")
) -> Iterator[Contradiction]:
    """All contradictions, in no order.

    Args:
        history: what was seen.
        final: how it ended, if it has.
        quiet: when everything had been mended and nothing was left to do.
    """
    parts = Parts(history.done)
    pages = call_rules.pages_of(history.calls)
    yield from call_rules.answered(history.calls, parts, pages, held_up_of(history))
    yield from call_rules.acknowledged(pages)
    yield from call_rules.one_result(pages)
    yield from call_rules.monotonic(pages, parts)
    yield from call_rules.deleted(pages, parts, quiet, held_up_in(history))
    yield from call_rules.keys(history.calls)
    yield from call_rules.lists(history.calls, pages, parts, held_up_in(history))
    yield from log_rules.fencing(history.log, history.calls)
    end = max((entry.at for entry in history.log), default=0.0)
    end = max(end, *(call.ended for call in history.calls), 0.0) if history.calls else end
    yield from log_rules.lives(history.log, history.calls, parts, end, held_up_in(history))
    yield from end_rules.watched(history.runs, history.watches, history.alerts)
    if final is not None:
        yield from end_rules.ended(pages, final)
        yield from end_rules.converged(final)


def first_contradiction(
    history: History, final: Final | None = None, *, quiet: float = float("inf")
) -> Contradiction | None:
    """The earliest, or None; what is found at the end comes after all others."""
    found = contradictions(history, final, quiet=quiet)
    return min(found, key=lambda contradiction: contradiction.at, default=None)
