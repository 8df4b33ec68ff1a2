"""How many examples a property is tried with that is expensive for what it finds."""

from __future__ import annotations

from hypothesis import settings


def examples(count: int) -> settings:
    """So many in an ordinary run. With LIBRA_EXPLORE=1 there are as many as of any other property."""
    usual = settings.default
    assert usual is not None
    return settings(max_examples=count if usual.derandomize else usual.max_examples)
