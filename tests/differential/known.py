"""Differences that are known: each with its reason, which `docs/weighing.md` has, too.

A reason is known by what the page holds and by what differs, never by the number of a page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from differential.made import Made
from libra.weighing.bodies.charset import html_encoding
from support.in_memory import Answer


class Known(NamedTuple):
    """A kind of difference.

    Attributes:
        reason: Why it is left.
        holds: Whether this page with these differences, missed and in vain, is of that kind.
    """

    reason: str
    holds: Callable[[str, Sequence[str], Sequence[str]], bool]


def reason_of(made: Made, mine: Sequence[str], asked: Sequence[str]) -> str | None:
    """Why this difference is known, or None."""
    text = "\n".join(
        "\n".join((*(value for _, value in answer.fields), answer.body.decode("utf-8", "replace")))
        for answer in made.answers.values()
    )
    missed = [path for path in asked if path not in mine]
    in_vain = [path for path in mine if path not in asked]
    if made.area == "encodings" and any(map(_declares_nothing, made.answers.values())):
        return "Chromium guesses the encoding of pages that declare none"
    for known in KNOWN:
        if known.holds(text, missed, in_vain):
            return known.reason
    return None


def _declares_nothing(answer: Answer) -> bool:
    """Whether a document that is not in ASCII says nothing of its encoding."""
    kinds = answer.values_of("Content-Type")
    if not kinds or not kinds[0].lower().startswith("text/html"):
        return False
    return html_encoding(answer.body, kinds[0], _NOTHING) == _NOTHING


_NOTHING = "x-nothing"


Judge = Callable[[str, Sequence[str], Sequence[str]], bool]


def _holds(pattern: str) -> Judge:
    """Whether a page has this."""
    found = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    return lambda text, _missed, _in_vain: found.search(text) is not None


def _missed_with(pattern: str) -> Judge:
    """Whether a page has this, and nothing is asked for in vain."""
    has = _holds(pattern)
    return lambda text, missed, in_vain: not in_vain and has(text, missed, in_vain)


def _in_vain_with(pattern: str) -> Judge:
    """Whether a page has this, and nothing is missed."""
    has = _holds(pattern)
    return lambda text, missed, in_vain: not missed and has(text, missed, in_vain)


def _each_missed(pattern: str) -> Judge:
    """Whether nothing is asked for in vain, and all that is missed is where ``{}`` stands."""

    def holds(text: str, missed: Sequence[str], in_vain: Sequence[str]) -> bool:
        return (
            bool(missed)
            and not in_vain
            and all(
                re.search(pattern.replace("{}", re.escape(_file(path))), text, _FLAGS)
                for path in missed
            )
        )

    return holds


def _each_missed_or_in_vain(pattern: str, path_has: str) -> Judge:
    """Whether a page has this, and every address that differs has that."""

    def holds(text: str, missed: Sequence[str], in_vain: Sequence[str]) -> bool:
        differing = (*missed, *in_vain)
        return re.search(pattern, text, _FLAGS) is not None and all(
            re.search(path_has, path) for path in differing
        )

    return holds


def _reported(text: str, missed: Sequence[str], in_vain: Sequence[str]) -> bool:
    """Whether all that is missed is where a policy has its violations sent."""
    places = {
        place.rpartition("/")[2]
        for places in re.findall(r"\breport-uri\s+([^;,\n\"]*)", text, re.IGNORECASE)
        for place in places.split()
    }
    return bool(missed) and not in_vain and all(_file(path) in places for path in missed)


def _file(path: str) -> str:
    """The end of an address, which is how a page names it."""
    return unquote(path.partition("?")[0].rpartition("/")[2])


_FLAGS = re.IGNORECASE | re.DOTALL

KNOWN = (
    Known(
        "a page that is sent on at once may not get to ask",
        _in_vain_with(r"\A\s*\.?0*(?:\.\d+)?\s*[;,].*url|refresh"),
    ),
    Known(
        "what a drawing that is used asks for is not followed",
        _missed_with(r"<use[^>]*>.*<image href='no.png'|<image href='no.png'.*<use"),
    ),
    Known("style attributes are read when all is there", _holds(r"style=[^>]*url.*<base")),
    Known(
        "the preload scanner takes bases, scripts and CDATA otherwise than the parser",
        _holds(
            r"<base[^>]*href=(?:'//'|'http://'|'javascript:|'data:)|<svg>.{0,200}<base"
            r"|<script for=x event=y"
            r"|<!\[CDATA\[(?:(?!\]\]>).)*@import"
        ),
    ),
    Known(
        "the preload scanner asks for what the parser then drops",
        _missed_with(
            r"<frameset>(?:(?!</frameset>).)*(?:src|href|srcset|poster|data)="
            r"|</frameset>.*(?:src|srcset|href)="
            r"|<!\[CDATA\[(?:(?!\]\]>).)*(?:src|href|srcset|poster)=|srcdoc=['\"]?<base|<(?:svg|math)>(?:<[^>]*>)*<picture"
            r"|\bxlink:href=\S+ xlink:href=|<style[^>]*>@import '[^']*</style"
            r"|srcset='[^']*\dw[ ,][^']*\dx|srcset='[^']*\dx[ ,][^']*\dw"
        ),
    ),
    Known(
        "the preload scanner does not look into what is raw text in HTML, in a drawing either",
        _in_vain_with(r"<(?:svg|math)>.*<(?:title|xmp|noembed|textarea)>.*<link"),
    ),
    Known(
        "an import whose line ends before a regular expression or a template",
        _missed_with(r"(?:from|import)\s*(?:'[^'\n]*'|\"[^\"\n]*\")\s*\n\s*(?:/[^/*]|`)"),
    ),
    Known(
        "an address in a style sheet with an escaped line end and a <",
        _in_vain_with(r"@import\s*'[^']*<[^']*\\9"),
    ),
    Known(
        "a drawing that is used is asked for where another origin redirects to, too",
        _in_vain_with(r"\{X\}/\d+\.svg.*<use\s"),
    ),
    Known(
        "what stands in a canvas has style",
        _each_missed(r"<canvas>(?:(?!</canvas>).)*style=(?:(?!</canvas>).)*{}"),
    ),
    Known("reports of violations are not sent", _reported),
    Known(
        "Chromium's decoder of Big5 has no codes of two characters",
        _each_missed_or_in_vain("\ufffd[bd]", r"%C2%93|%C2%B3|%C3%8A%CC|%C3%AA%CC|%EF%BF%BD"),
    ),
    Known(
        "a marquee has what is skipped around it laid out",
        _missed_with(r"(?:<details|content-visibility|until-found).*<marquee"),
    ),
    Known(
        "an image that an object shows in a select",
        _each_missed(r"<select[^>]*>(?:(?!</select>).)*<(?:object|embed)\b[^>]*{}"),
    ),
    Known(
        "a frame that the parser moves is asked for, and shows nothing",
        _in_vain_with(r"<b><p>(?:(?!</b>).)*<iframe\b(?:(?!</b>).)*</b>"),
    ),
    Known(
        "the preload scanner does not take a type with blanks around it, so that a later policy holds",
        _in_vain_with(r"<link [^>]*preload[^>]* type='[^']* '[^>]*>.*content-security-policy"),
    ),
    Known("what is for the next page is not counted", _missed_with(r"rel=['\"]?[^>]*\bprefetch\b")),
    Known(
        "what @starting-style or a container query asks for is conditional",
        _in_vain_with(r"@starting-style|@container"),
    ),
    Known(
        "an early error of the language that is not looked for",
        _holds(r"switch\(1\)\{case 1:let a|\u200b|let async;async|a\\u\{2F\}b|x`\\u`"),
    ),
    Known(
        "an object that says it is an image and is a document is not judged as a frame",
        _in_vain_with(r"(?:child|frame|default)-src.*<object[^>]*type=image/png"),
    ),
    Known(
        "a machine has other fonts: a desktop has those that stand first",
        _each_missed_or_in_vain(
            r"font[^;}]*(?:helvetica|times|courier|cursive|fantasy|math|emoji)['\"]?\s*,",
            r"\.woff2\Z",
        ),
    ),
    Known(
        "how far an animation comes, and along which timeline, is not followed",
        _in_vain_with(r"\banimation[^;}]*(?:steps\(1\)|1s 0\.5|1ms)|animation-timeline"),
    ),
    Known(
        "regular expressions in modules are not compiled",
        _in_vain_with(r"/\(/|\(\?<a>\)\(\?<a>\)|\\u\{110000\}/u"),
    ),
)
