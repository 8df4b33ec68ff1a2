"""Where static weighing and Chromium ask for different things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from differential.chromium import Chromium
from differential.known import reason_of
from differential.made import Made
from support.in_memory import asked_by_libra


class Difference(NamedTuple):
    """A page that the two do not agree about.

    Attributes:
        made: The page.
        asked: What Chromium asks for.
        missed: What of it static weighing does not.
        in_vain: What static weighing asks for and Chromium does not.
        reason: Why that is known, if it is.
    """

    made: Made
    asked: list[str]
    missed: list[str]
    in_vain: list[str]
    reason: str | None

    def __str__(self) -> str:
        lines = [f"{self.made.name}: missed {self.missed}, in vain {self.in_vain}"]
        for path, answer in self.made.answers.items():
            status = "" if answer.status == 200 else f" {answer.status}"
            fields = ", ".join(f"{name}: {value}" for name, value in answer.fields)
            lines.append(f"  {path}{status} [{fields}] {answer.body.decode('utf-8', 'replace')}")
        return "\n".join(lines)


async def compare(pages: Sequence[Made], chromium: Chromium) -> list[Difference]:
    """Where the two differ. What differs in company is asked for again alone, which decides."""
    cases = [made.case() for made in pages]
    ours = [asked_by_libra(case) for case in cases]
    theirs = await chromium.ask(cases)
    differences = []
    for made, case, mine, together in zip(pages, cases, ours, theirs, strict=True):
        asked = together
        if mine == asked:
            continue
        reason = reason_of(made, mine, asked)
        if reason is None:
            asked = await chromium.ask_alone(case)
            if mine == asked:
                continue
            reason = reason_of(made, mine, asked)
        differences.append(difference(made, mine, asked, reason))
    return differences


def difference(
    made: Made, mine: Sequence[str], asked: Sequence[str], reason: str | None
) -> Difference:
    """How what static weighing asks for differs from what Chromium does."""
    missed = [path for path in asked if path not in mine]
    in_vain = [path for path in mine if path not in asked]
    return Difference(made, list(asked), missed, in_vain, reason)
