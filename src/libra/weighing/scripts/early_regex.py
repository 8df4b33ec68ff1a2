"""Regular expressions that no browser compiles, as far as brackets, quantifiers and escapes tell."""

from __future__ import annotations

import re

_FLAGS = frozenset("dgimsuvy")
_PART = re.compile(
    r"""
    \\ (?: u\{[^}]*+\} | k<[^>]*+> | [pP]\{[^}]*+\} | . )
    | \[ (?: \\. | [^\]\\] )*+ \]
    | \( (?: \? (?: <[=!] | [:=!] | <[^>=!][^>]*+> | [ims]*+ (?: -[ims]*+ )? : ) )?
    | \{ [0-9]++ (?: , [0-9]*+ )? \}
    | [^\\\[(){}]
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_CLASS_ITEM = re.compile(r"\\(?:u\{[^}]*+\}|[pP]\{[^}]*+\}|.)|.", re.DOTALL)
_ESCAPES = frozenset("dDsSwWbBfnrtv0cxupPk^$\\.*+?()[]{}|/")
_HEX = frozenset("0123456789abcdefABCDEF")
_MAX_CODE = 0x10FFFF
_MAX_LENGTH = 20_000
_MAX_SAME_NAMES = 20


def is_bad_regex(literal: str) -> bool:
    """Whether a regular expression with its slashes and flags cannot be compiled."""
    pattern, _, flags = literal[1:].rpartition("/")
    if len(set(flags)) < len(flags) or not set(flags) <= _FLAGS or {"u", "v"} <= set(flags):
        return True
    if "v" in flags or len(pattern) > _MAX_LENGTH:
        return False
    return _Reader(is_unicode="u" in flags).refuses(pattern)


class _Reader:
    """Reads the parts of one pattern."""

    def __init__(self, *, is_unicode: bool) -> None:
        self._is_unicode = is_unicode
        self._groups: list[str] = []
        self._path: list[tuple[int, int]] = [(0, 0)]
        self._named: dict[str, list[list[tuple[int, int]]]] = {}
        self._opened = 0
        self._captured = 0
        self._highest = 0
        self._is_term = False

    def refuses(self, pattern: str) -> bool:
        before = ""
        for match in _PART.finditer(pattern):
            part = match[0]
            is_lazy = part == "?" and before in {"*", "+", "?", "{"}
            before = "" if is_lazy else part[0]
            if not is_lazy and self._is_wrong(part):
                return True
        return bool(self._groups) or (self._is_unicode and self._highest > self._captured)

    def _is_wrong(self, part: str) -> bool:
        match part[0]:
            case "(":
                return self._open(part)
            case ")":
                return self._close()
            case "|":
                group, alternative = self._path[-1]
                self._path[-1] = (group, alternative + 1)
                self._is_term = False
            case "*" | "+" | "?":
                return self._repeat()
            case "{" if len(part) > 1:
                low, _, high = part[1:-1].partition(",")
                return (bool(high) and _is_greater(low, high)) or self._repeat()
            case "{" | "}" | "]":
                self._is_term = True
                return self._is_unicode
            case "^" | "$":
                self._is_term = False
            case "\\":
                self._is_term = part[1:] not in {"b", "B"}
                return self._is_unicode and self._is_bad_escape(part)
            case "[":
                self._is_term = True
                return len(part) > 1 and self._is_bad_class(part[1:-1])
            case _:
                self._is_term = True
        return False

    def _open(self, part: str) -> bool:
        self._is_term = False
        self._opened += 1
        self._groups.append(part)
        name = part[3:-1] if part.startswith("(?<") and part[-1] == ">" else ""
        self._captured += part == "(" or bool(name)
        paths = self._named.setdefault(name, []) if name else []
        clashes = not all(_exclude(path, self._path) for path in paths)
        if len(paths) < _MAX_SAME_NAMES:
            paths.append(list(self._path))
        self._path.append((self._opened, 0))
        return clashes

    def _close(self) -> bool:
        if not self._groups:
            return True
        group = self._groups.pop()
        self._path.pop()
        is_ahead = group in {"(?=", "(?!"}
        self._is_term = group not in {"(?<=", "(?<!"} and not (is_ahead and self._is_unicode)
        return False

    def _repeat(self) -> bool:
        was_term, self._is_term = self._is_term, False
        return not was_term

    def _is_bad_escape(self, part: str, *, in_class: bool = False) -> bool:
        if part[1] in "123456789":
            self._highest = max(self._highest, int(part[1]))
            return in_class
        if part[1] == "u" and len(part) > 2:
            return _is_bad_code(part[3:-1])
        return part[1] not in _ESCAPES and not (in_class and part[1] == "-")

    def _is_bad_class(self, body: str) -> bool:
        items = _CLASS_ITEM.findall(body.removeprefix("^"))
        if self._is_unicode and any(
            item[0] == "\\" and self._is_bad_escape(item, in_class=True) for item in items
        ):
            return True
        at = 0
        while at + 2 < len(items):
            if items[at + 1] != "-":
                at += 1
                continue
            first, last = items[at], items[at + 2]
            if len(first) == len(last) == 1 and first > last:
                return True
            at += 3
        return False


def _is_greater(low: str, high: str) -> bool:
    low, high = low.lstrip("0"), high.lstrip("0")
    return (len(low), low) > (len(high), high)


def _is_bad_code(digits: str) -> bool:
    if not digits or not set(digits) <= _HEX:
        return True
    digits = digits.lstrip("0")
    return len(digits) > 6 or int(digits or "0", 16) > _MAX_CODE


def _exclude(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> bool:
    """Whether two places are in different alternatives of one disjunction."""
    return any(
        group == other_group and alternative != other_alternative
        for (group, alternative), (other_group, other_alternative) in zip(one, other, strict=False)
    )
