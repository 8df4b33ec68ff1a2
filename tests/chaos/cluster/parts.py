"""What was done to the parts of a cluster, put in order: who was hurt when, and who was there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from chaos.cluster.history import Done, Hurt

NEVER = float("inf")
SILENT: frozenset[Hurt] = frozenset({"killed", "frozen", "stopped", "cut off"})
"""In these states nobody hears of a part."""
DEAD: frozenset[Hurt] = frozenset({"killed", "stopped"})
STILL: frozenset[Hurt] = DEAD | {"frozen"}


@dataclass(frozen=True, slots=True)
class Spell:
    """A part was in a state from a moment on until it was mended."""

    part: str
    what: Hurt
    begins: float
    ends: float
    leads: bool

    def touches(self, start: float, end: float) -> bool:
        """Whether it was so at some time of an interval."""
        return self.begins <= end and start <= self.ends


class Parts:
    """All spells of a run.

    Args:
        done: what was done.
        engine: the names of the engine's servers.
    """

    def __init__(self, done: Iterable[Done], engine: Iterable[str] = ("n0", "n1", "n2")) -> None:
        self.engine = frozenset(engine)
        self.spells: list[Spell] = []
        begun: dict[tuple[str, Hurt], Done] = {}
        for entry in sorted(done, key=lambda entry: entry.at):
            key = entry.part, entry.what
            if not entry.ends:
                begun.setdefault(key, entry)
            elif (first := begun.pop(key, None)) is not None:
                self.spells.append(_spell(first, entry.at))
        self.spells += [_spell(first, NEVER) for first in begun.values()]
        self._of: dict[str, list[Spell]] = defaultdict(list)
        for spell in self.spells:
            self._of[spell.part].append(spell)

    def silent(self, part: str, start: float, end: float) -> bool:
        """Whether nobody heard of a part at some time of an interval."""
        return any(s.what in SILENT and s.touches(start, end) for s in self._of[part])

    def still(self, part: str, start: float, end: float) -> bool:
        """Whether a part did not run at some time of an interval: who is cut off does."""
        return any(s.what in STILL and s.touches(start, end) for s in self._of[part])

    def life(self, node: str, moment: float) -> int:
        """How many lives of a node's process had ended by then."""
        return sum(s.what in DEAD and s.begins <= moment for s in self._of[node])

    def majority(self, start: float, end: float, *, patience: float = 0.0) -> bool:
        """Whether at all times of an interval most servers of the engine were heard.

        Args:
            start: of the interval.
            end: of the interval.
            patience: seconds after the end of a spell for which it still counts, as the engine elects.
        """
        hurt = [
            s
            for s in self.spells
            if s.part in self.engine
            and s.what in SILENT | {"full disk"}
            and s.begins <= end
            and start <= s.ends + patience
        ]
        # As many as were hurt at some time of it: a strict judge of nobody.
        return 2 * len({spell.part for spell in hurt}) < len(self.engine)

    def leader_hurt(self, start: float, end: float) -> bool:
        """Whether a server that led a stream fell silent in an interval."""
        return any(
            s.leads and s.part in self.engine and start <= s.begins <= end for s in self.spells
        )

    def only_kills(self, start: float, end: float) -> bool:
        """Whether nothing worse than one kill, or a polite stop, was felt in an interval."""
        felt = [s for s in self.spells if s.touches(start, end)]
        return len(felt) <= 1 and all(s.what in DEAD for s in felt)


def _spell(first: Done, end: float) -> Spell:
    return Spell(first.part, first.what, first.at, end, first.leads)
