"""The labels of the Encoding standard, as the npm package whatwg-encoding ships them (MIT)."""

import json
from pathlib import Path

from libra.weighing.bodies.prescan import known_encoding

LABELS: dict[str, str] = json.loads(
    (Path(__file__).parent / "whatwg-encoding/labels-to-names.json").read_text("utf-8")
)


def test_every_label_of_the_standard_names_its_encoding() -> None:
    wrong = {label: found for label in LABELS if (found := known_encoding(label)) != _name(label)}
    assert wrong == {}
    assert len(LABELS) == 215


def test_a_label_may_be_in_upper_case_and_have_blanks_around_it() -> None:
    assert [
        label for label in LABELS if known_encoding(f" {label.upper()}\n") != _name(label)
    ] == []


def test_what_is_no_label_names_nothing() -> None:
    assert [label for label in LABELS if known_encoding(f"{label}\u00a0") is not None] == []


def _name(label: str) -> str:
    return LABELS[label].lower()
