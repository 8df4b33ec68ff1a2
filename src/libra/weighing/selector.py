"""Selectors as a page at rest sees them (Selectors 4).

An element is matched as it is right after loading: nothing is hovered, focused or visited, and a
pseudo-element exists where its element does. `at_rest` rewrites a selector list accordingly, so that
an engine that knows neither states nor pseudo-elements can answer whether anything matches.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from libra.weighing.media import split_top_level

MAX_SELECTOR = 10_000
_MAX_DEPTH = 12

_TOKEN = re.compile(
    r"""\\[\s\S]?"""
    r"""|\[(?:[^\]"'\\]++|"(?:[^"\\]++|\\[\s\S]?)*+"?|'(?:[^'\\]++|\\[\s\S]?)*+'?|\\[\s\S]?)*+\]?"""
    r"""|(::?)(-?[A-Za-z_][\w-]*+)(\()?"""
    r"""|[(),]"""
    r"""|[^\\\[:(),]++"""
    r"""|:""",
)
_RENDERED = frozenset(
    {
        "before",
        "after",
        "first-line",
        "first-letter",
        "marker",
        "placeholder",
        "file-selector-button",
    }
)
"""Pseudo-elements that are there without anybody doing anything."""

_LEGACY_ELEMENTS = frozenset({"before", "after", "first-line", "first-letter"})
_STATES = frozenset(
    {
        "active", "autofill", "-webkit-autofill", "buffering", "current", "focus", "focus-visible",
        "focus-within", "fullscreen", "-webkit-full-screen", "future", "hover", "modal", "open",
        "past", "picture-in-picture", "playing", "popover-open", "target", "target-within",
        "user-invalid", "user-valid", "visited", "host", "host-context", "state", "-webkit-drag",
        "active-view-transition", "has-slotted",
    }
)  # fmt: skip
"""States that do not hold at rest, and what lives in shadow trees."""

_IDENTIFIER = re.compile(r"[A-Za-z-]++")
_ALTERNATIVES = frozenset({"is", "where", "matches", "-webkit-any"})
_FOREIGN = re.compile(r":(?:-moz-|-ms-|-o-)")


@lru_cache(maxsize=16_384)
def at_rest(selector: str) -> str:
    """The part of a selector list that can hold at rest, without pseudo-elements; "" if nothing can.

    Pseudo-classes that no browser knows, or only one that is not Chromium, make the whole rule
    invalid; the unknown ones are left for the engine to refuse.
    """
    if ":" not in selector and len(selector) <= MAX_SELECTOR:
        return selector.strip()
    if len(selector) > MAX_SELECTOR or _FOREIGN.search(selector):
        return ""
    parts, _ = _list(list(_TOKEN.finditer(selector)), 0, 0)
    return ",".join(parts)


def _inherited(name: str, operator: str, values: list[str]) -> str | None:
    """What ``:lang()`` and ``:dir()`` mean: an attribute here or further out."""
    known = [f"[{name}{operator}{value}]" for value in values if _IDENTIFIER.fullmatch(value)]
    return f":is({','.join(f'{one},{one} *' for one in known)})" if known else None


def _any_of(name: str, inner: list[str]) -> str | None:
    return f":{name}({','.join(inner)})" if inner else None


_REWRITTEN: dict[str, Callable[[list[str]], str | None]] = {
    **dict.fromkeys(("defined", "scope", "paused"), lambda _: ""),
    **dict.fromkeys(("any-link", "link"), lambda _: "[href]"),
    **dict.fromkeys(_ALTERNATIVES, lambda inner: _any_of("is", inner)),
    "has": lambda inner: _any_of("has", inner),
    "not": lambda inner: _any_of("not", inner) or "",
    "lang": lambda inner: _inherited("lang", "|=", inner),
    "dir": lambda inner: "" if inner == ["ltr"] else _inherited("dir", "=", inner),
}
"""Pseudo-classes of which is known what they mean at rest: what stands for them, given what is in their
parentheses; None if they do not hold."""


class Part(NamedTuple):
    """One selector of a list, as it holds at rest.

    Attributes:
        plain: Without states and pseudo-elements.
        pseudo: The pseudo-element that it is about (``before``), or "".
        specificity: As one number that compares as the standard's three do.
        names: The ``.classes`` and ``#ids`` without which it cannot match.
    """

    plain: str
    pseudo: str
    specificity: int
    names: frozenset[str]


def may_hold(selector: str, names: set[str]) -> bool:
    """A quick look whether a list of selectors has one without a class or id that is not among `names`.

    Most rules of a large style sheet are done with by this.
    """
    if "(" in selector or "[" in selector or "\\" in selector:
        return True
    if "," not in selector:
        return names.issuperset(_CLASS_OR_ID.findall(selector))
    return any(names.issuperset(_CLASS_OR_ID.findall(part)) for part in selector.split(","))


def parts_of(selector: str) -> tuple[Part, ...]:
    """The selectors of a list that can hold at rest; none if the list is invalid."""
    return _parts(selector) if len(selector) > _KEPT_SELECTOR else _known_parts(selector)


def _parts(selector: str) -> tuple[Part, ...]:
    if ":" in selector and (len(selector) > MAX_SELECTOR or _FOREIGN.search(selector)):
        return ()
    parts: list[Part] = []
    for text in _split(selector):
        plain = at_rest(text)
        if not plain:
            continue
        pseudo = ""
        if ":" in text:
            ending = _PSEUDO_ELEMENT.search(text.rstrip())
            pseudo = ending[1].lower() if ending is not None else ""
        if "\\" in plain:
            names: frozenset[str] = frozenset()
        else:
            outside = _OUTSIDE.sub("", plain) if "(" in plain or "[" in plain else plain
            names = frozenset(_CLASS_OR_ID.findall(outside)) if ")" not in outside else frozenset()
        parts.append(Part(plain, pseudo, specificity(text), names))
    return tuple(parts)


_KEPT_SELECTOR = 500
_known_parts = lru_cache(maxsize=8_192)(_parts)


def _split(selector: str) -> list[str]:
    if "[" not in selector and "\\" not in selector:
        return split_top_level(selector, ",")
    parts: list[str] = []
    depth = start = 0
    for token in _TOKEN.finditer(selector):
        text = token[0]
        if text == "(" or token[3]:
            depth += 1
        elif text == ")":
            depth = max(0, depth - 1)
        elif text == "," and not depth:
            parts.append(selector[start : token.start()])
            start = token.end()
    return [*parts, selector[start:]]


_PSEUDO_ELEMENT = re.compile(
    r":(before|after|first-line|first-letter|(?<=::)marker|(?<=::)placeholder"
    r"|(?<=::)file-selector-button)\Z",
    re.IGNORECASE,
)
_OUTSIDE = re.compile(
    r"\[[^\]]*+\]?|:[\w-]++(?:\((?:[^()]++|\((?:[^()]++|\([^()]*+\)?)*+\)?)*+\)?)?"
)
"""Attributes and pseudo-classes: what stands in their parentheses may be one of several, or negated."""

_CLASS_OR_ID = re.compile(r"[.#](?:[\w-]|[^\x00-\x7f])++")


def specificity(selector: str) -> int:
    """Of one selector: ids, then classes and their like, then elements (Selectors 4, section 17)."""
    if selector.isidentifier():
        return 1
    found, _ = _specificity(list(_TOKEN.finditer(selector[:MAX_SELECTOR])), 0, 0)
    return found


_CLASS, _ID = 1 << 10, 1 << 20


def _specificity(tokens: list[re.Match[str]], at: int, depth: int) -> tuple[int, int]:
    """The highest among the selectors of the list that begins here, and where it ends."""
    highest = here = 0
    while at < len(tokens):
        token = tokens[at]
        text, name = token[0], token[2]
        at += 1
        if text == ")":
            break
        if text == ",":
            highest, here = max(highest, here), 0
        elif name is not None:
            colons, name, opens = token.groups()
            name = name.lower()
            inner = 0
            if opens:
                if depth >= _MAX_DEPTH:
                    return max(highest, here), len(tokens)
                inner, at = _specificity(tokens, at, depth + 1)
            if colons == "::" or name in _LEGACY_ELEMENTS:
                here += 1
            elif name in _ALTERNATIVES or name in {"not", "has"}:
                here += 0 if name == "where" else inner
            else:
                here += _CLASS
        elif text[0] == "[":
            here += _CLASS
        elif text[0] not in "\\(":
            for simple in _SIMPLE.findall(text):
                here += _CLASS if simple[0] == "." else _ID if simple[0] == "#" else 1
    return max(highest, here), at


_SIMPLE = re.compile(r"[.#]?(?:[\w-]|[^\x00-\x7f])++")


def _list(tokens: list[re.Match[str]], at: int, depth: int) -> tuple[list[str], int]:
    """The parts that can hold of a list that ends with ``)`` or the text, and where it ends."""
    parts: list[str] = []
    out = ""
    holds = True
    while at < len(tokens):
        token = tokens[at]
        text, name = token[0], token[2]
        at += 1
        if text == ")":
            break
        if text == ",":
            if holds and out.strip():
                parts.append(out.strip())
            out, holds = "", True
        elif name is None:
            out += text
        else:
            replacement, at = _pseudo(token, tokens, at, depth)
            if replacement is None:
                holds = False
            elif not replacement and (not out.strip() or out[-1] in " \t\n\f\r>+~"):
                out += "*"  # a compound that was nothing but the pseudo-class is any element
            else:
                out += replacement
    if holds and out.strip():
        parts.append(out.strip())
    return parts, at


def _pseudo(
    token: re.Match[str], tokens: list[re.Match[str]], at: int, depth: int
) -> tuple[str | None, int]:
    """What stands for one pseudo-class or -element; None if it does not hold at rest."""
    colons, name, opens = token.groups()
    name = name.lower()
    inner: list[str] = []
    start = at
    if opens:
        if depth >= _MAX_DEPTH:
            return "", len(tokens)
        inner, at = _list(tokens, at, depth + 1)
    if colons == "::" or name in _LEGACY_ELEMENTS:
        return ("" if name in _RENDERED else None), at
    if name in _STATES:
        return None, at
    rewrite = _REWRITTEN.get(name)
    if rewrite is not None:
        return rewrite(inner), at
    return token[0] + "".join(part[0] for part in tokens[start:at]), at


def names_in(selector: str) -> list[set[str]]:
    """For each part of a list from `at_rest` the names (``p``, ``.class``, ``#id``) that it needs."""
    parts: list[set[str]] = []
    for part in split_top_level(selector, ","):
        plain = _IN_BRACKETS.sub("", part)
        # What stands in parentheses may be an alternative or a negation: it is not needed.
        outside = _PARENTHESES.sub("", plain) if "(" in plain else plain
        parts.append({name if name[0] in ".#" else name.lower() for name in _NAME.findall(outside)})
    return parts


_IN_BRACKETS = re.compile(r"\[[^\]]*+\]?")
_PARENTHESES = re.compile(r":[\w-]++(?:\((?:[^()]++|\([^()]*+\)?)*+\)?)?")
_NAME = re.compile(r"[.#]?-?[A-Za-z_][\w-]*+")
