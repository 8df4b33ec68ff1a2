"""The clock that the style of a document is measured by stands still: a test moves it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from libra.weighing.style import styled_document as scope


@pytest.fixture(scope="module", autouse=True)
def clock_of_styles() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scope, "clock", lambda: 0.0)
        yield
