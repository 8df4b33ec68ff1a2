"""The tests of web-platform-tests for ``srcset`` (see the LICENSE beside them), by way of parse-srcset.

Each has an attribute and the address of its first candidate, "" if it has none.
"""

import json
from pathlib import Path

from libra.weighing.viewport.srcset import parse_srcset

CASES: list[tuple[str, str]] = json.loads(
    (Path(__file__).parent / "srcsetdata/srcset.json").read_text("utf-8")
)


def test_the_first_candidate_is_the_one_of_the_standard() -> None:
    wrong = [
        (text, expected, found)
        for text, expected in CASES
        if (found := next((one.url for one in parse_srcset(text)), "")) != expected
    ]
    assert wrong == []
    assert len(CASES) == 230
