"""The documents of a page with their stylesheets, and the requests of their style.

A browser knows which images and fonts it needs when it has all stylesheets of a document. `Styles`
collects documents and stylesheets in any order; `Styles.ready` returns the documents that lack none of
theirs. `style` finds the images and fonts that one document requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Generic, Protocol, TypeVar

from libra.ascii import lowered
from libra.weighing.css.tokens import preprocessed
from libra.weighing.options import Viewport
from libra.weighing.style.boxes.boxes import has_box
from libra.weighing.style.boxes.nearness import near
from libra.weighing.style.cascade.cascade import Cascade
from libra.weighing.style.cascade.longhands import IMAGES, longhands
from libra.weighing.style.images import images_in
from libra.weighing.style.shadow_roots import LAYER
from libra.weighing.style.style_walk import StyleWalk
from libra.weighing.style.styled_document import StyledDocument, WorkSpent
from libra.weighing.style.wanted import WantedByStyle
from libra.weighing.stylesheets.fonts import FontFace, families_in, is_met
from libra.weighing.stylesheets.imports import SheetImport
from libra.weighing.stylesheets.marks import SIZES
from libra.weighing.stylesheets.stylesheet import Sheet

_MAX_WANTED = 20_000

MAX_KEPT = 50_000_000
"""Maximum characters of stylesheets to keep for one page. Any beyond have no effect."""

MAX_WAITING = 1_000
"""Maximum number of waiting documents, of at least 200 kB each. The style of others is ignored."""

S_co = TypeVar("S_co", covariant=True)

Parts = list[tuple[Sheet, str]]
"""Stylesheets in cascade order, with the layers that imports put them into.

A stylesheet with imports comes before them, too: that entry, whose layer ends with `AHEAD`, stands
for the layers that it names at its head.
"""

AHEAD = "\0ahead"
"""Ends the layer of an entry that only names layers."""


class SheetLike(Protocol):
    """A stylesheet, as far as its order is concerned."""

    @property
    def imports(self) -> Sequence[SheetImport]:
        """The stylesheets that it imports."""

    @property
    def size(self) -> int:
        """The characters that are kept of it."""


class LinkedLike(Protocol[S_co]):
    """A stylesheet of a document."""

    @property
    def sheet(self) -> S_co | str:
        """The stylesheet itself, or its address."""

    @property
    def applies(self) -> bool:
        """Whether its rules take effect."""

    @property
    def layer(self) -> str:
        """The layer of the stylesheet."""


class DocumentLike(Protocol[S_co]):
    """A document, as far as its stylesheets are concerned."""

    @property
    def sheets(self) -> Sequence[LinkedLike[S_co]]:
        """Its stylesheets in document order."""


D = TypeVar("D", bound=DocumentLike[Any])
S = TypeVar("S", bound=SheetLike)


class Styles(Generic[D, S]):
    """The documents and stylesheets of one page, in whatever form they are known."""

    __slots__ = ("_missing", "_room", "_sheets", "_waiting")

    def __init__(self) -> None:
        self._sheets: dict[str, S | None] = {}
        self._room = MAX_KEPT
        self._waiting: list[D] = []
        self._missing: dict[int, tuple[str | None, Iterator[str]]] = {}

    @property
    def waiting(self) -> bool:
        """Whether the style of any document is still unknown."""
        return bool(self._waiting)

    def add_document(self, scope: D) -> None:
        """Add a document that has been read."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(scope)

    def add_sheet(self, urls: Iterable[str], sheet: S | None) -> None:
        """Add a stylesheet, which may have several addresses; None if it is not available."""
        if sheet is not None:
            self._room -= sheet.size
            if self._room < 0:
                sheet = None
        for url in urls:
            self._sheets[url] = sheet

    def clear(self) -> None:
        """Forget everything: the page is weighed."""
        self._sheets, self._waiting, self._missing = {}, [], {}

    def ready(self, *, all_there: bool) -> list[tuple[D, list[tuple[S, str]]]]:
        """The documents whose style can be worked out now, each once.

        Args:
            all_there: Whether nothing more will arrive, so that missing stylesheets stay missing.
        """
        if not self._waiting:
            return []
        ready = [scope for scope in self._waiting if all_there or self._is_complete(scope)]
        if ready:
            self._waiting = [scope for scope in self._waiting if scope not in ready]
            for scope in ready:
                self._missing.pop(id(scope), None)  # another document may get the same id
        return [(scope, self._parts(scope)) for scope in ready]

    def _is_complete(self, scope: D) -> bool:
        missing, rest = self._missing.get(id(scope), (None, None))
        if rest is None:
            rest = self._needed(scope)
            missing = next(rest, None)
        while missing is not None and missing in self._sheets:
            missing = next(rest, None)
        self._missing[id(scope)] = (missing, rest)
        return missing is None

    def _needed(self, scope: D) -> Iterator[str]:
        """The addresses of a document's stylesheets; imports follow once their importer is known."""
        seen: set[str] = set()
        waiting = [linked.sheet for linked in reversed(scope.sheets)]
        while waiting:
            sheet: S | str | None = waiting.pop()
            if isinstance(sheet, str):
                if sheet in seen:
                    continue
                seen.add(sheet)
                yield sheet
                sheet = self._sheets.get(sheet)
            if sheet is not None:
                waiting += (found.url for found in reversed(sheet.imports))

    def _parts(self, scope: D) -> list[tuple[S, str]]:
        parts: list[tuple[S, str]] = []
        waiting: list[tuple[S | str, str, bool, frozenset[str]]] = [
            (linked.sheet, linked.layer, False, frozenset())
            for linked in reversed(scope.sheets)
            if linked.applies
        ]
        for _ in range(_MAX_STEPS):
            if not waiting or len(parts) >= _MAX_PARTS:
                break
            sheet, layer, opened, inside = waiting.pop()
            if isinstance(sheet, str):
                if sheet in inside:
                    continue  # a stylesheet that imports itself
                found = self._sheets.get(sheet)
                if found is None:
                    continue
                inside |= {sheet}
                sheet = found
            if opened or not sheet.imports:
                parts.append((sheet, layer))
                continue
            parts.append((sheet, layer + AHEAD))
            waiting.append((sheet, layer, True, inside))
            waiting += (
                (part.url, f"{layer}.{part.layer}".strip("."), False, inside)
                for part in reversed(sheet.imports)
                if part.applies
            )
        return parts


_MAX_PARTS = 5_000
_MAX_STEPS = 20_000
"""Maximum number of stylesheets and imports per document, because imports may multiply."""


def style(scope: StyledDocument, parts: Parts, viewport: Viewport) -> list[WantedByStyle]:
    """The assets that a document's style needs. Call this only once per document, which it uses up.

    If it takes more than `MATCHING_SECONDS`, the result is only a rough one.
    """
    steps, parts = parts, [part for part in parts if not part[1].endswith(AHEAD)]
    # Chromium ignores fonts in the stylesheets of shadow roots.
    faces = [face for sheet, layer in parts if not layer.startswith(LAYER) for face in sheet.faces]
    inline = scope.inline
    images = scope.has_images or any(sheet.has_images for sheet, _ in parts)
    if not (images or scope.lazy or scope.embedded or any(face.sources for face in faces)):
        return []
    displays: dict[int, str] = {}
    skipped: set[int] = set()
    try:
        if scope.large:
            raise WorkSpent
        scope.begin()
        cascade = Cascade(
            scope,
            fonts=bool(faces),
            images=images,
            sizes=_asks_for_sizes(scope, parts),
            font_sizes=any(sheet.fonts for sheet, _ in parts) or bool(scope.select(_FONTS)),
        )
        for sheet, layer in steps:
            scope.check()
            if layer.endswith(AHEAD):
                cascade.name_layers(layer.removesuffix(AHEAD), sheet.layers[: sheet.layers_ahead])
            else:
                cascade.add(sheet, layer)
        for element, text in scope.hints.items():
            cascade.add_hint(element, text, scope.base)
        for element, text in inline.items():
            cascade.add_inline(element, text, scope.base)
        if cascade.sizes:
            _add_sizes(scope, cascade)
        if scope.lazy or scope.embedded:
            displays = {
                element: lowered(value.text)
                for element, value in cascade.winners("display").items()
            }
            skipped.update(
                element
                for element, value in cascade.winners("content-visibility").items()
                if lowered(value.text) == "hidden"
            )
        initial = {
            found.name: found.initial
            for sheet, _ in parts
            for found in sheet.properties
            if found.initial
        }
        cascade.variables_with_images |= any("url(" in text for text in initial.values())
        wanted = StyleWalk(
            scope,
            cascade,
            cascade.faces(),
            viewport,
            images=images,
            initial=initial,
            keyframes=cascade.keyframes(),
            registered={found.name: found for sheet, _ in parts for found in sheet.properties},
        ).wanted()
    except WorkSpent:
        wanted = _roughly(scope, parts, faces, viewport)
    if scope.lazy:
        wanted = _near(scope, displays, viewport) + wanted
    wanted = _rendered(scope, displays, skipped) + wanted
    scope.forget()
    return wanted[:_MAX_WANTED]


def _asks_for_sizes(scope: StyledDocument, parts: Parts) -> bool:
    """Whether a rule asks for the size of a container, and all that decides it is known."""
    asking = [rule.block for sheet, _ in parts for rule in sheet.rules if rule.containers]
    moving = (
        frame.block for sheet, _ in parts for frames in sheet.keyframes for frame in frames.blocks
    )
    return (
        bool(asking)
        and all(sheet.sizes for sheet, _ in parts)
        and not any(_CONTAINING.search(block) for block in asking)
        and not any(SIZES.search(lowered(block)) for block in moving)
        and not (scope.has_roots or scope.has_policies)
        and not scope.select(_OTHER_LAYOUT)
    )


_CONTAINING = re.compile(r"--|container", re.IGNORECASE | re.ASCII)
"""What in a rule of a query may decide the sizes of other containers, beside sizes."""

_OTHER_LAYOUT = (
    "[align=left i],[align=right i],[style*=float i],[style*=zoom i],[style*=column i],"
    "[style*=writing-mode i],[style*=aspect-ratio i],[style*=scroll i],"
    "[style*=auto i][style*=overflow i]"
)
"""Attributes that make sizes depend on more than declarations of sizes."""

_FONTS = "[style*=font i],font[size],big,small"


def _add_sizes(scope: StyledDocument, cascade: Cascade) -> None:
    """Add the ``style`` attributes that matter only for sizes."""
    for node in scope.tree.css("[style]"):
        text = preprocessed(node.attrs.sget("style"))
        if node.mem_id not in scope.inline and SIZES.search(lowered(text)):
            cascade.add_inline(node.mem_id, text, scope.base)


def _near(
    scope: StyledDocument, displays: Mapping[int, str], viewport: Viewport
) -> list[WantedByStyle]:
    """The lazy elements that load at once, because they are near."""
    return [
        WantedByStyle((url,), scope.url, near=True)
        for element in near(scope.tree, viewport, displays)
        for url in scope.lazy.get(element, ())
    ]


def _rendered(
    scope: StyledDocument, displays: Mapping[int, str], skipped: AbstractSet[int]
) -> list[WantedByStyle]:
    """The embedded objects and frames, marked as hidden if they have no box."""
    return [
        WantedByStyle((url,), scope.url, near=True, hidden=not has_box(node, displays, skipped))
        for node, url in scope.embedded.values()
    ]


def _roughly(
    scope: StyledDocument, parts: Parts, faces: list[FontFace], viewport: Viewport
) -> list[WantedByStyle]:
    """The requests of a document that is too large to look at element by element, as an estimate.

    Takes every rule whose names are all in the document, and every face of the families that these
    rules name, unless the face is italic. All of the requests are conditional.
    """
    wanted: dict[WantedByStyle, None] = {}
    families: set[str] = set()
    blocks = [(text, scope.base) for text in (*scope.hints.values(), *scope.inline.values())]
    blocks += (
        (rule.block, sheet.base)
        for sheet, _ in parts
        for rule in sheet.rules
        if scope.may_match(rule.selector)
    )
    for block, base in blocks:
        for name, (_, value, _) in longhands(block):
            if name == "font-family" or name[:2] == "--":
                families.update(families_in(value))
            elif name in IMAGES:
                for url in images_in(value, base, viewport):
                    wanted[WantedByStyle((url,), base, conditional=True)] = None
        if len(wanted) > _MAX_WANTED:
            break
    text = sorted(scope.characters)
    for face in faces:
        if face.family in families and face.sources and not face.italic and is_met(face, text):
            wanted[WantedByStyle(face.sources, face.initiator, font=True, conditional=True)] = None
    return list(wanted)
