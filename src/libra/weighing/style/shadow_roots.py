"""Declarative shadow roots: ``<template shadowrootmode>`` (HTML standard, 4.12.3 and 13.2.6.4.4).

A browser builds a shadow tree from such a template without any script. This module moves the content
into the document, at the end of its host, into an element with a unique name. So it is walked, laid out
and styled with the rest, and inherits from its host. Attributes keep its styles separate: each element
states its root, and the selectors of stylesheets are rewritten to match that. Where no shadow root is
possible, the content is inert. Then only the elements that Chromium's preload scanner takes cause
requests, since the scanner does not know this.
"""

from __future__ import annotations

import re
from functools import lru_cache

from selectolax.lexbor import LexborHTMLParser, LexborNode

from libra.ascii import lowered, trimmed, words
from libra.weighing.css.name_characters import NAME
from libra.weighing.stylesheets.selectors import is_valid

MAX_ROOTS = 500
_MAX_NESTING = 12

ROOT = "libra-shadow-root"
INERT = "libra-inert"
IN = "libra-in"
HOST = "libra-host"
SLOTTED = "libra-slotted"

LAYER = "\1shadow"
"""Prefix of a root's layer: the document's rules for a host beat those of its root."""

_HOSTS = frozenset(
    {
        "article", "aside", "blockquote", "body", "div", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
        "header", "main", "nav", "p", "section", "span",
    }
)  # fmt: skip
_HIDDEN = "display:none!important"


def attach_shadow_roots(tree: LexborHTMLParser) -> int:
    """Move the content of shadow roots into a document; returns the number of roots."""
    roots = 0
    with_root: set[int] = set()
    for _ in range(_MAX_NESTING):
        templates = [node for node in tree.css("template[shadowrootmode]") if _is_meant(node)]
        if not templates:
            break
        for template in templates:
            host = template.parent
            fragments = template.template_fragments()
            if host is None or not fragments or roots >= MAX_ROOTS:
                template.decompose()
                continue
            can_host = host.tag in _HOSTS or "-" in (host.tag or "")
            if can_host and host.mem_id not in with_root and host.tag != INERT:
                roots += 1
                with_root.add(host.mem_id)
                _attach(tree, host, template, fragments[0], str(roots))
            else:
                _set_apart(tree, host, template, fragments[0])
    return roots


def _is_meant(template: LexborNode) -> bool:
    return lowered(template.attrs.sget("shadowrootmode")) in {"open", "closed"}


def _attach(
    tree: LexborHTMLParser, host: LexborNode, template: LexborNode, content: LexborNode, number: str
) -> None:
    template.decompose()
    root = tree.create_node(ROOT)
    host.insert_child(root, move=True)
    _move(content, root)
    slots: dict[str, LexborNode] = {}
    root.attrs[IN] = "0"
    for node in root.traverse():
        if node.is_element_node and node.mem_id != root.mem_id:
            node.attrs[IN] = number
            if node.tag == "slot":
                slots.setdefault(node.attrs.sget("name"), node)
    host.attrs[HOST] = number
    _distribute(host, root, slots, number)


def _distribute(
    host: LexborNode, root: LexborNode, slots: dict[str, LexborNode], number: str
) -> None:
    """Assign the children of the host to slots; children without a slot are not rendered."""
    child = host.first_child
    while child is not None and child.mem_id != root.mem_id:
        following = child.next
        is_text = child.is_text_node and trimmed(child.text_content or "") != ""
        if child.is_element_node:
            slot = slots.get(child.attrs.sget("slot"))
            if slot is None:
                _hide(child)
            else:
                child.attrs[SLOTTED] = number
                _hide_fallback(slot)
        elif is_text and "" in slots:
            _hide_fallback(slots[""])
        child = following


def _hide_fallback(slot: LexborNode) -> None:
    child = slot.first_child
    while child is not None:
        if child.is_element_node:
            _hide(child)
        child = child.next


def _hide(node: LexborNode) -> None:
    # Replace its own style, which has no effect any more and may end inside a string.
    node.attrs["style"] = _HIDDEN


def _set_apart(
    tree: LexborHTMLParser, host: LexborNode, template: LexborNode, content: LexborNode
) -> None:
    apart = tree.create_node(INERT)
    template.decompose()
    host.insert_child(apart, move=True)
    apart.attrs["style"] = _HIDDEN
    _move(content, apart)


def _move(content: LexborNode, into: LexborNode) -> None:
    child = content.first_child
    while child is not None:
        following = child.next
        into.insert_child(child, move=True)
        child = following


_PIECE = re.compile(
    r"""\\[\s\S]?"""
    r"""|\[(?:[^\]"'\\]++|"(?:[^"\\]++|\\[\s\S]?)*+"?|'(?:[^'\\]++|\\[\s\S]?)*+'?|\\[\s\S]?)*+\]?"""
    r"""|\((?:[^()"']++|"[^"]*+"?|'[^']*+'?|\((?:[^()]++|\((?:[^()]++|\([^()]*+\)?)*+\)?)*+\)?)*+\)?"""
    rf"""|::?{NAME}++|[ \t\n\f\r]*+[>+~][ \t\n\f\r]*+|[ \t\n\f\r]++|,"""
    r"""|[^\\\[(:>+~, \t\n\f\r]++|.""",
    re.DOTALL | re.ASCII,
)
_COMBINATOR = re.compile(r"[ \t\n\f\r]*+[>+~]?[ \t\n\f\r]*+\Z")


@lru_cache(maxsize=4_096)
def in_root(selector: str, number: str) -> str:
    """Rewrite a selector list in a shadow root to match its own elements, its host and slotted ones."""
    return _rewritten(selector, number)


@lru_cache(maxsize=4_096)
def outside_roots(selector: str) -> str:
    """Rewrite a selector list of the document to match nothing in shadow roots except their parts."""
    return _rewritten(selector, "")


def _rewritten(selector: str, number: str) -> str:
    written: list[str] = []
    compound: list[str] = []
    for match in _PIECE.finditer(selector):
        piece = match[0]
        if piece == "," or _COMBINATOR.match(piece):
            written.append(_compound(compound, number, trimmed(piece)))
            written.append(piece)
            compound = []
        else:
            compound.append(piece)
    written.append(_compound(compound, number, ""))
    return "".join(written)


def _compound(pieces: list[str], number: str, combinator: str) -> str:
    if not pieces:
        return ""
    names = [lowered(piece) for piece in pieces]
    argument = pieces[-1] if pieces[-1][:1] == "(" else ""
    if number:
        inner = _in_brackets(pieces, 0)
        of_host = names[0] in {":is", ":where"} and ":host" in lowered(inner)
        if of_host and inner.count("(") <= _MAX_NESTING and _is_over(names, 2):
            inner = _rewritten(inner[1:].removesuffix(")"), number)
            return f"{pieces[0]}({inner}){''.join(pieces[2:])}"
        if not {":host", ":host-context"}.isdisjoint(names):
            return _host(pieces, names, number, combinator)
        if "::slotted" in names:
            at = names.index("::slotted")
            slotted, rest = _argument_at(pieces, at), "".join(pieces[at + 2 :])
            return f'{slotted}[{SLOTTED}="{number}"]{rest}' if slotted else _NOTHING
        mark = f':where([{IN}="{number}"])'
    elif "::part" in names and argument:
        host = _compound(pieces[: names.index("::part")], "", "")
        parts = "".join(f'[part~="{part}"]' for part in words(argument.strip("()")))
        return f"{host}:where([{HOST}]) :where([{IN}]){parts}"
    else:
        mark = f":where(:not([{IN}]))"
    # Insert the mark before the first pseudo-element, which ends a compound.
    for at in range(len(names)):
        if _is_over(names, at):
            return "".join(pieces[:at]) + mark + "".join(pieces[at:])
    return "".join(pieces) + mark


_NOTHING = ":not(*)"
_OLD_PSEUDO_ELEMENTS = frozenset({":before", ":after", ":first-line", ":first-letter"})


def _host(pieces: list[str], names: list[str], number: str, combinator: str) -> str:
    """The host, of which a selector in its shadow root can say nothing but ``:host`` and its like."""
    plain = ""
    at = 0
    while at < len(names) and names[at] in {":host", ":host-context"}:
        inner = _argument_at(pieces, at)
        if not inner and (_in_brackets(pieces, at) or names[at] == ":host-context"):
            return _NOTHING
        around = names[at] == ":host-context"
        plain += f":is({inner} *, {inner})" if around else inner
        at += 1 + bool(inner)
    if not _is_over(names, at):
        return _NOTHING
    inside = f" > {ROOT}" if combinator == ">" else ""
    return f'{plain}[{HOST}="{number}"]{"".join(pieces[at:])}{inside}'


def _is_over(names: list[str], at: int) -> bool:
    """Whether nothing but a pseudo-element is left of a compound."""
    return at >= len(names) or names[at].startswith("::") or names[at] in _OLD_PSEUDO_ELEMENTS


def _argument_at(pieces: list[str], at: int) -> str:
    """The argument of a function, a compound, as ``:is()``; "" if there is none that is valid."""
    inner = trimmed(_in_brackets(pieces, at)[1:].removesuffix(")"))
    single = not any(
        match[0] == "," or _COMBINATOR.match(match[0]) for match in _PIECE.finditer(inner)
    )
    return f":is({inner})" if inner and single and is_valid(inner) else ""


def _in_brackets(pieces: list[str], at: int) -> str:
    """What is in brackets after a name, with the brackets; "" if there are none."""
    found = pieces[at + 1] if at + 1 < len(pieces) else ""
    return found if found[:1] == "(" else ""
