"""Whose address a request comes from, and its key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libra.web.access.client_address import key_of


@given(st.text())
def test_every_address_has_a_key_of_bounded_size(text: str) -> None:
    assert len(key_of(text)) <= 64
