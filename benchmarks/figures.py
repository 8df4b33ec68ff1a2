"""What a bench finds: samples of several rounds, the ratio beside a peer, and the printed table."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sample:
    """One value per round, all of the same unit."""

    values: tuple[float, ...]
    unit: str

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """Largest less smallest, as a share of the median: how much to trust the median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        what: what was measured, in the words of the design.
        libra: Libra's rounds.
        peer: the peer's rounds, taken in turn with Libra's; None where there is nobody to compare.
        peer_name: who the peer is.
        bar: the ratio that must be met; None where the design sets none.
        aim: the ratio hoped for.
        less_is_better: true for bytes and latencies, where the ratio must stay below the bar.
        inverse: the ratio is peer / Libra, for durations whose bar is written as a speed.
        note: what limits it, or how to read it.
    """

    what: str
    libra: Sample
    peer: Sample | None = None
    peer_name: str = ""
    bar: float | None = None
    aim: float | None = None
    less_is_better: bool = False
    inverse: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Libra / peer, or peer / Libra for durations written as a speed."""
        if self.peer is None:
            return None
        libra, peer = self.libra.median, self.peer.median
        over, under = (peer, libra) if self.inverse else (libra, peer)
        return over / under if under else None

    @property
    def verdict(self) -> str:
        """``aim``, ``bar``, ``below`` or nothing where no bar is set."""
        if self.ratio is None or self.bar is None:
            return ""

        def met(threshold: float) -> bool:
            assert self.ratio is not None
            return self.ratio <= threshold if self.less_is_better else self.ratio >= threshold

        if self.aim is not None and met(self.aim):
            return "aim"
        return "bar" if met(self.bar) else "BELOW"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that could not be measured, and why.

    Either this machine lacks something, or what was to be measured did not do its work (`broken`).
    """

    what: str
    why: str
    broken: bool = False


@dataclass(slots=True)
class Rounds:
    """How often to repeat, and how much of it."""

    count: int = 5
    quick: bool = False
    skipped: list[Skipped] = field(default_factory=list)

    def pick(self, full: int, quick: int) -> int:
        """The size of the work: all of it, or what `--quick` leaves."""
        return quick if self.quick else full

    def in_turn(self, sides: Mapping[str, Callable[[], float]], unit: str) -> dict[str, Sample]:
        """Measure every side once per round, A B A B, so that a drifting machine hurts all alike.

        The order is turned round every other round: nobody always comes first.
        """
        values: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(self.count):
            order = 1 if number % 2 == 0 else -1
            for name in list(sides)[::order]:
                values[name].append(sides[name]())
        return {name: Sample(tuple(found), unit) for name, found in values.items()}


def table(lines: Sequence[Figure | Skipped]) -> str:
    """The figures as one aligned Markdown table, notes and skips beneath it."""
    head = ["What", "Libra", "Peer", "Ratio", "Bar", "Aim", "Met", "Note"]
    rows, notes = [head], list[str]()
    for line in lines:
        if isinstance(line, Skipped):
            continue
        if line.note and line.note not in notes:
            notes.append(line.note)
        sign = "<=" if line.less_is_better else ">="
        rows.append(
            [
                line.what,
                _value(line.libra),
                f"{_value(line.peer)} {line.peer_name}".strip() if line.peer else "",
                "" if line.ratio is None else f"{line.ratio:.2f}x",
                "" if line.bar is None else f"{sign} {line.bar:g}x",
                "" if line.aim is None else f"{sign} {line.aim:g}x",
                line.verdict,
                f"[{notes.index(line.note) + 1}]" if line.note else "",
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    out = [_row(row, widths) for row in rows]
    out.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    out += [
        "",
        "± is the largest value minus the smallest of all rounds, as a share of the median.",
        "",
    ]
    out += [f"[{number}] {note}" for number, note in enumerate(notes, 1)]
    skips = [line for line in lines if isinstance(line, Skipped)]
    if skips:
        out += ["", "NOT MEASURED here:", *(_skip(line) for line in skips)]
    return "\n".join(out)


def _skip(line: Skipped) -> str:
    return f"  - {line.what}: {'BROKEN: ' if line.broken else ''}{line.why}"


def _row(cells: Iterable[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"


def _value(sample: Sample) -> str:
    spread = f" ±{sample.spread:.0%}" if len(sample.values) > 1 else ""
    return f"{_number(sample.median)} {sample.unit}{spread}"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
