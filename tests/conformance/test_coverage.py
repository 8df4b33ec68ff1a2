"""Every behaviour on the list is a test here, or is on the short list in docs/processes.md."""

import re
from pathlib import Path

HERE = Path(__file__).parent
DOCS = HERE.parent.parent / "docs" / "processes.md"
BEHAVIOURS = set(range(1, 65))

TESTED = re.compile(r"^    # (\d+(?:, \d+)*)$", re.MULTILINE)
NOT_APPLICABLE = re.compile(r"^\| (\d+) \|", re.MULTILINE)


def numbers_of_tests() -> set[int]:
    numbers: set[int] = set()
    for path in HERE.glob("test_*.py"):
        for function in re.split(
            r"^(?=(?:async )?def )", path.read_text("utf-8"), flags=re.MULTILINE
        ):
            comment = TESTED.search(function)
            if comment and re.match(r"(?:async )?def test_", function):
                numbers.update(int(number) for number in comment[1].split(", "))
    return numbers


def numbers_of_excuses() -> set[int]:
    return {int(number) for number in NOT_APPLICABLE.findall(DOCS.read_text("utf-8"))}


def test_each_of_the_64_behaviours_is_tested_or_excused() -> None:
    assert numbers_of_tests() | numbers_of_excuses() == BEHAVIOURS


def test_no_behaviour_is_both_tested_and_excused() -> None:
    assert numbers_of_tests() & numbers_of_excuses() == set()
