"""Which animations run on an element, and which of their frames are shown (CSS Animations 1)."""

from __future__ import annotations

from libra.weighing.css.syntax import ComponentValue, components, significant, split_at

_WORDS = frozenset(
    {
        "infinite", "normal", "reverse", "alternate", "alternate-reverse", "none", "forwards",
        "backwards", "both", "running", "paused", "linear", "ease", "ease-in", "ease-out",
        "ease-in-out", "step-start", "step-end", "auto", "initial", "inherit", "unset",
    }
)  # fmt: skip
_FILLS = frozenset({"forwards", "both"})
_SHOWN_AT_REST = _FILLS | {"backwards"}


def running(shorthand: str, names: str = "", durations: str = "") -> list[tuple[str, bool]]:
    """The animations that show anything, each with whether it shows only what it begins with.

    Args:
        shorthand: The value of ``animation``.
        names: Of ``animation-name``, if that is set.
        durations: Of ``animation-duration``, if that is set.
    """
    found: list[tuple[str, bool]] = []
    long = significant(components(durations))
    lasting = any(float(part.value) > 0 for part in long if part.kind == "dimension")
    for named in split_at(components(names), ",") if names else ():
        called = significant(named)
        if lasting and len(called) == 1 and called[0].kind in {"ident", "string"}:
            found.append((called[0].value, False))
    if names:
        return found
    for piece in split_at(components(shorthand), ","):
        one = _one(piece)
        if one is None:
            return []
        name, times, words = one
        duration, delay = ([*times, 0.0, 0.0])[:2]
        if not name or not (duration > 0 or lasting or words & _FILLS):
            continue
        if delay > 0:
            if words & {"backwards", "both"}:
                found.append((name, True))
        else:
            found.append((name, "paused" in words))
    return found


def _one(piece: list[ComponentValue]) -> tuple[str, list[float], set[str]] | None:
    """The name, times and keywords of one animation; None if a word of it means nothing."""
    times: list[float] = []
    rounds = 1.0
    words: set[str] = set()
    name = ""
    for part in significant(piece):
        if part.kind == "dimension":
            times.append(float(part.value))
        elif part.kind == "number":
            rounds = float(part.value)
        elif part.kind == "ident" and part.value.lower() in _WORDS:
            words.add(part.value.lower())
        elif part.kind in {"ident", "string"}:
            if name:
                return None
            name = part.value
    # What runs no single time shows nothing, but for what it begins or ends with.
    return name if rounds or words & _SHOWN_AT_REST else "", times, words
