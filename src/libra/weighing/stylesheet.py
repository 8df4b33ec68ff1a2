"""The references in a style sheet: imports, images of rules that match something, fonts.

A browser fetches ``@import`` at once, an image when a rule with it applies to an element, and a font
when text uses it (`fonts`). So the rules are walked with the conditions around them (``@media``,
``@supports``), and those with an image or a font are asked whether they match the document (`scope`).
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator

from libra.weighing.csstext import (
    PLAIN_RULES,
    RULE,
    VARIABLE,
    declarations,
    first_url,
    import_at,
    lowered,
    unescape,
    urls_in,
    without_comments,
)
from libra.weighing.fonts import Face, FontUse
from libra.weighing.media import media_matches, split_top_level
from libra.weighing.options import Viewport
from libra.weighing.reference import Reading, Reference
from libra.weighing.scope import Scope
from libra.weighing.srcset import Candidate, choose_candidate
from libra.weighing.urls import join

MAX_REFERENCES = 20_000
MAX_NESTING = 64
_MAX_RANGES = 2_000

_FONT_WORDS = ("-f", "-w", "-st", ":", " ")
"""What follows `font` where more is said than its size or features."""

_IMAGE_PROPERTIES = frozenset(
    {
        "background", "background-image", "border-image", "border-image-source", "content", "cursor",
        "list-style", "list-style-image", "mask", "mask-image", "mask-border", "mask-border-source",
        "shape-outside", "-webkit-mask", "-webkit-mask-image", "-webkit-mask-box-image",
        "-webkit-mask-box-image-source", "-webkit-border-image", "-webkit-box-reflect", "filter",
        "clip-path", "offset-path",
    }
)  # fmt: skip
"""The properties whose images Chromium loads when an element has them."""

_GROUPS = frozenset({"media", "supports", "layer", "container", "scope", "starting-style"})
_CONDITIONAL_GROUPS = frozenset({"container", "starting-style"})
_FONT_FORMATS = frozenset(
    {
        "woff2", "woff", "truetype", "opentype", "collection", "woff2-variations", "woff-variations",
        "truetype-variations", "opentype-variations",
    }
)  # fmt: skip
_IMAGE_TYPE = re.compile(r"type\(\s*[\"']?([^\"')]*)", re.IGNORECASE)
_RESOLUTION = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?|\.\d+)(x|dppx|dpi)(?![\w])", re.IGNORECASE)
_FORMAT = re.compile(r"format\(\s*[\"']?([\w-]+)", re.IGNORECASE)
_AT_NAME = re.compile(r"@(-?[\w-]+)")
_RANGE = re.compile(r"u\+([0-9a-f]{1,6})(\?{0,5})(?:-([0-9a-f]{1,6}))?", re.IGNORECASE)
_FONT_SIZE = re.compile(
    r"(?<![\w.-])(?:[\d.]+(?:[a-z%]+)|(?:xx?-)?(?:small|large)|medium|smaller|larger|xxx-large"
    r"|(?:calc|clamp|min|max|var)\([^()]*(?:\([^()]*\)[^()]*)*\))"
    r"(?:\s*/\s*[\w.%()-]+)?\s+",
    re.IGNORECASE,
)
_WEIGHTS = {"normal": 400, "bold": 700, "bolder": 700, "lighter": 300}


def read_stylesheet(
    text: str, base: str, viewport: Viewport, scope: Scope | None, *, applies: bool = True
) -> Reading:
    """Find what a style sheet asks for. Never raises, and takes time linear in the text.

    Args:
        text: The sheet.
        base: Its URL, or the document's base for ``<style>``.
        viewport: What media queries are judged by.
        scope: The document that it applies to; without one every rule is taken to match, and its
            images are marked as conditional.
        applies: False if the sheet itself is for another medium: then only imports are fetched.
    """
    return _Sheet(base, viewport, scope).read(text, applies=applies)


def read_declarations(text: str, base: str, viewport: Viewport) -> Reading:
    """What a ``style`` attribute asks for."""
    sheet = _Sheet(base, viewport, None)
    sheet.read_block(None, text)
    return sheet.reading()


class _Group:
    """A block that is open: a conditional group, a style rule with rules nested in it, or other."""

    __slots__ = ("applies", "certain", "selector")

    def __init__(self, *, applies: bool, certain: bool = True, selector: str | None = None) -> None:
        self.applies = applies
        self.certain = certain
        self.selector = selector


class _Sheet:
    """One pass over one style sheet."""

    def __init__(self, base: str, viewport: Viewport, scope: Scope | None) -> None:
        self._base = base
        self._viewport = viewport
        self._scope = scope
        self._references: list[Reference] = []
        self._faces: list[Face] = []
        self._uses: list[FontUse] = []
        self._variables: dict[str, str] = {}

    def reading(self) -> Reading:
        return Reading(
            references=self._references,
            faces=self._faces,
            uses=self._uses,
            variables=self._variables,
        )

    def read(self, text: str, *, applies: bool) -> Reading:
        lower = lowered(text)
        at = self._read_imports(text, lower, applies=applies)
        if applies:
            self._read_rules(text, lower, at)
            if "--" in lower:
                self._variables.update(VARIABLE.findall(text))
        return self.reading()

    # Structure

    def _read_imports(self, text: str, lower: str, *, applies: bool) -> int:
        """``@import`` counts only at the head of a sheet. Returns where the head ends."""
        at = 0
        while "@import" in lower:
            at = _skip_space(text, at)
            if lower.startswith("@import", at):
                rule = import_at(text, at)
                if rule is None:
                    break
                self._add_import(rule.url, rule.condition, applies=applies)
                at = rule.end
                continue
            match = RULE.match(text, at)
            if match is None or match[5] != ";" or not lower.startswith(("@charset", "@layer"), at):
                break
            at = match.end()
        return at

    def _add_import(self, reference: str, condition: str, *, applies: bool) -> None:
        url = join(self._base, reference) if reference else None
        if url is None:
            return
        condition = without_comments(condition).strip()
        for name in ("layer", "supports"):
            if condition[: len(name)].lower() == name:
                argument, condition = _after_function(condition[len(name) :])
                if name == "supports" and not _supports(argument):
                    return
        holds = applies and media_matches(condition, self._viewport)
        self._references.append(Reference(url, "stylesheet", applies=holds))

    def _read_rules(self, text: str, lower: str, at: int) -> None:
        """Walk the rules, from one of interest to the next; what lies between is passed over."""
        stack = [_Group(applies=True)]
        stray = False
        marks = _marks(lower, at)
        mark = next(marks, None)
        while mark is not None and len(self._references) < MAX_REFERENCES:
            if not stray:
                skipped = PLAIN_RULES.match(text, at, mark)
                at = at if skipped is None else skipped.end()
            match = RULE.match(text, at)
            if match is None:
                break
            prelude, opens, body, closes, ends = match.groups()
            group = stack[-1]
            start, at = at, max(match.end(), at + 1)
            if opens is None:
                if group.selector is not None and group.applies and prelude:
                    self.read_block(group.selector, prelude, certain=group.certain)
                if ends == "}":
                    stray = len(stack) == 1  # it becomes part of the next rule and spoils it
                    if not stray:
                        stack.pop()
            elif closes is not None:
                if group.applies and not stray and start <= mark < at:
                    self._read_rule(prelude, body, group)
                stray = False
            else:
                opened = self._opened(prelude, group, len(stack))
                stack.append(_Group(applies=False) if stray else opened)
                at, stray = match.start(3), False
            while mark is not None and mark < at:
                mark = next(marks, None)

    def _opened(self, prelude: str, group: _Group, depth: int) -> _Group:
        """The group that a block with blocks in it makes."""
        prelude = without_comments(prelude).strip()
        if not group.applies or depth > MAX_NESTING:
            return _Group(applies=False)
        if not prelude.startswith("@"):
            return _Group(
                applies=True, certain=group.certain, selector=_nested(group.selector, prelude)
            )
        name, condition = _at_rule(prelude)
        if name not in _GROUPS:
            return _Group(applies=False)
        applies = {
            "media": lambda: media_matches(condition, self._viewport),
            "supports": lambda: _supports(condition),
        }.get(name, lambda: True)()
        certain = group.certain and name not in _CONDITIONAL_GROUPS
        return _Group(applies=applies, certain=certain, selector=group.selector)

    def _read_rule(self, prelude: str, body: str, group: _Group) -> None:
        prelude = without_comments(prelude).strip()
        if not prelude.startswith("@"):
            selector = _nested(group.selector, prelude)
            self.read_block(selector, body, certain=group.certain)
            return
        name, _ = _at_rule(prelude)
        if name == "font-face":
            self._read_face(body)
        elif group.selector is not None and name in _GROUPS:
            inner = self._opened(prelude, group, 0)  # declarations nested in a conditional group
            if inner.applies:
                self.read_block(inner.selector, body, certain=inner.certain)

    # Declarations

    def read_block(self, selector: str | None, block: str, *, certain: bool = True) -> None:
        """The declarations of one rule, or of a ``style`` attribute (without selector)."""
        images: dict[str, str] = {}
        hidden: list[str] = []
        use: dict[str, str] = {}
        for name, value in declarations(block):
            if name in _IMAGE_PROPERTIES:
                images[name.removesuffix("-image").removesuffix("-source")] = value
            elif name.startswith("--") and _may_fetch(value):
                hidden.append(value)
            elif name in {"font", "font-family", "font-weight", "font-style"}:
                use[name] = value
            elif name == "display" and value.lower() == "none":
                return
        fetching = [value for value in images.values() if _may_fetch(value)]
        if not (fetching or hidden or use) or not self._matches(selector):
            return
        for value in fetching:
            self._add_images(value, conditional=not certain or self._unknown(selector))
        for value in hidden:
            self._add_images(value, conditional=True)
        font_use = _font_use(use)
        if font_use is not None:
            self._uses.append(font_use)

    def _matches(self, selector: str | None) -> bool:
        return selector is None or self._scope is None or self._scope.matches(selector)

    def _unknown(self, selector: str | None) -> bool:
        return selector is not None and self._scope is None

    def _add_images(self, value: str, *, conditional: bool) -> None:
        chosen = value
        if "image-set(" in value.lower():
            chosen = _without_image_sets(value, self._viewport)
        for reference in urls_in(chosen):
            if not reference or reference.startswith("#"):
                continue
            url = join(self._base, reference)
            if url is not None:
                self._references.append(Reference(url, "image", conditional=conditional))

    # Fonts

    def _read_face(self, block: str) -> None:
        found = dict(declarations(block))
        family = unescape(found.get("font-family", "")).strip().strip("\"'").strip().lower()
        url = self._font_source(found.get("src", ""))
        if not family or url is None:
            return
        self._faces.append(
            Face(
                family=" ".join(family.split()),
                url=url,
                ranges=_ranges(found.get("unicode-range", "")),
                weight=_weights(found.get("font-weight", "")),
                italic=found.get("font-style", "").lower().startswith(("italic", "oblique")),
                initiator=self._base,
            )
        )

    def _font_source(self, value: str) -> str | None:
        """The first source in a supported format: its URL, "" if it is in the sheet itself."""
        for source in split_top_level(value, ","):
            if "url(" not in source.lower():
                continue
            named = _FORMAT.search(source)
            if named is not None and named[1].lower() not in _FONT_FORMATS:
                continue
            reference = first_url(source)
            if not reference:
                continue
            if reference[:5].lower() == "data:":
                return ""
            return join(self._base, reference)
        return None


def _skip_space(text: str, at: int) -> int:
    """Past white space, comments and the comment marks of HTML."""
    match = _SPACE.match(text, at)
    return at if match is None else match.end()


_SPACE = re.compile(r"(?:[ \t\r\n\f\ufeff]++|/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?|<!--|-->)*+")


def _marks(lower: str, at: int) -> Iterator[int]:
    """The places, rising, at which a sheet may say something of images or fonts."""
    fonts = (
        place for place in _places(lower, "font", at) if lower.startswith(_FONT_WORDS, place + 4)
    )
    return heapq.merge(_places(lower, "url(", at), _places(lower, "image-set(", at), fonts)


def _places(lower: str, word: str, at: int) -> Iterator[int]:
    while (at := lower.find(word, at)) >= 0:
        yield at
        at += 1


def _at_rule(prelude: str) -> tuple[str, str]:
    match = _AT_NAME.match(prelude)
    if match is None:
        return "", ""
    return match[1].lower(), prelude[match.end() :].strip()


def _nested(outer: str | None, selector: str) -> str:
    """A nested rule's selector, relative to the rule around it (CSS Nesting 1)."""
    if outer is None:
        return selector
    parent = f":is({outer})"
    return ",".join(
        part.replace("&", parent) if "&" in part else f"{parent} {part}"
        for part in split_top_level(selector, ",")
    )[:10_000]


def _after_function(text: str) -> tuple[str, str]:
    """The argument of a function whose name has been read, and what follows."""
    if not text.startswith("("):
        return "", text.strip()
    depth = 0
    for match in re.finditer(r"[()]", text):
        depth += 1 if match[0] == "(" else -1
        if depth == 0:
            return text[1 : match.start()], text[match.end() :].strip()
    return text[1:], ""


def _supports(condition: str) -> bool:
    """Whether an evergreen browser supports it: all but what asks for the contrary or for others."""
    condition = condition.strip().lower()
    if re.match(r"not[\s(]", condition):
        return not _supports(condition[3:])
    return not re.search(r"-ms-|-moz-|(?<![\w-])selector\(\s*(?::-|::-moz)", condition)


def _may_fetch(value: str) -> bool:
    lower = value.lower()
    return "url(" in lower or "image-set(" in lower


def _without_image_sets(value: str, viewport: Viewport) -> str:
    """Each ``image-set()`` replaced by the ``url()`` of the candidate that a browser takes."""
    lower = lowered(value)
    parts: list[str] = []
    at = 0
    while (found := lower.find("image-set(", at)) >= 0:
        argument, _ = _after_function(value[found + 9 :])
        parts.append(value[at:found])
        parts.append(_from_image_set(argument, viewport))
        at = found + 9 + len(argument) + 2
    parts.append(value[at:])
    return " ".join(parts)


def _from_image_set(argument: str, viewport: Viewport) -> str:
    candidates: list[Candidate] = []
    for option in split_top_level(argument, ","):
        kind = _IMAGE_TYPE.search(option)
        if kind is not None and kind[1].strip().lower() not in _IMAGE_TYPES:
            continue
        plain = _IMAGE_TYPE.sub("", option)
        reference = first_url(plain)
        if not reference:
            continue
        density = 1.0
        resolution = _RESOLUTION.search(plain.replace(reference, ""))
        if resolution is not None:
            density = float(resolution[1]) / (96 if resolution[2].lower() == "dpi" else 1)
        candidates.append(Candidate(reference, None, density))
    chosen = choose_candidate(candidates, 1.0, viewport.dpr)
    return "" if chosen is None else 'url("' + chosen.replace('"', "%22") + '")'


_IMAGE_TYPES = frozenset(
    {"image/avif", "image/webp", "image/png", "image/jpeg", "image/gif", "image/svg+xml"}
)


def _font_use(found: dict[str, str]) -> FontUse | None:
    families, weight, italic = found.get("font-family"), None, None
    shorthand = found.get("font")
    if shorthand is not None:
        size = _FONT_SIZE.search(shorthand)
        if size is not None:
            families = families or shorthand[size.end() :]
            before = shorthand[: size.start()].lower()
            italic = "italic" in before or "oblique" in before
            weight = _weight(before) or 400
    if "font-weight" in found:
        weight = _weight(found["font-weight"].lower())
    if "font-style" in found:
        italic = found["font-style"].lower().startswith(("italic", "oblique"))
    if families is None and weight in {None, 400} and not italic:
        return None
    return FontUse(families=families, weight=weight, italic=italic)


def _weight(text: str) -> int | None:
    for word in text.split():
        if word in _WEIGHTS and word != "normal":
            return _WEIGHTS[word]
        if word.isdecimal() and 1 <= int(word[:5]) <= 1000:
            return int(word)
    return 400 if "normal" in text else None


def _weights(text: str) -> tuple[int, int]:
    words = [_weight(word) or 400 for word in text.lower().split()[:2]]
    return (min(words), max(words)) if words else (400, 400)


def _ranges(value: str) -> tuple[tuple[int, int], ...]:
    ranges: list[tuple[int, int]] = []
    for match in _RANGE.finditer(value):
        first, wild, last = match.groups()
        low = int(first + "0" * len(wild), 16)
        high = int(last, 16) if last else int(first + "f" * len(wild), 16)
        ranges.append((low, high))
        if len(ranges) >= _MAX_RANGES:
            break
    return tuple(ranges)
