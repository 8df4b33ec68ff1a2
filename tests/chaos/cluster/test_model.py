"""The checker has nothing to say of a cluster that keeps its promises, and finds each seeded bug."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.cluster.checker import contradictions
from chaos.cluster.history import History
from chaos.cluster.model import Bug, Model

SEEDS = range(24)

FOUND_BY: dict[Bug, set[str]] = {
    "a zombie's ack": {"unfinished"},
    "a put without TTL": {"stays for ever"},
    "a create without the page-wide expectation": {"written after deletion"},
    "versions by the clock": {"version of another life"},
    "no reading anew after a gap": {"replica differs", "came back"},
    "deliveries as a verdict": {"second life"},
    "a follower's read for a 404": {"lost"},
    "a deletion that is forgotten": {"deletion not stored"},
}


def found(seed: int, bug: Bug | None = None) -> set[str]:
    history, final, quiet = Model(seed, bug).run()
    return {c.rule for c in contradictions(history, final, quiet=quiet)}


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_nothing_is_found_in_a_cluster_that_keeps_its_promises(seed: int) -> None:
    history, final, quiet = Model(seed).run()
    assert list(contradictions(history, final, quiet=quiet)) == []


@pytest.mark.parametrize("bug", get_args(Bug))
def test_each_seeded_bug_is_found_by_its_own_rule(bug: Bug) -> None:
    seen = [found(seed, bug) for seed in SEEDS]
    assert FOUND_BY[bug] <= set().union(*seen)
    # A bug that shows itself hardly ever would be missed by a soak too.
    assert sum(bool(rules & FOUND_BY[bug]) for rules in seen) >= len(SEEDS) // 8


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), gaps=st.sets(st.integers(0, 300)))
def test_a_log_with_gaps_accuses_nobody_who_keeps_every_promise(seed: int, gaps: set[int]) -> None:
    """A stream keeps one message per subject, so that who reads it late does not see them all."""
    history, _, quiet = Model(seed).run()
    kept = [
        e for e in history.entries() if e not in [history.log[g % len(history.log)] for g in gaps]
    ]
    rules = {c.rule for c in contradictions(History(kept), quiet=quiet)}
    # Whether a page was taken over in time cannot be told of a log that does not have it all.
    assert rules <= {"not taken over"}
