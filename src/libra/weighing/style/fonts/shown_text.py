"""The characters that are shown: text as it is transformed, and what ``content`` generates."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborNode

from libra.weighing.css.value_text import unescape

WHITE_SPACE = " \t\n\r\f"


def transformed(text: str, transform: str) -> str:
    """A text as ``text-transform`` has it set (CSS Text 3, section 2.1)."""
    if transform == "none" or not transform:
        return text
    words = transform.split()
    if "uppercase" in words:
        return text.upper()
    if "lowercase" in words:
        return text.lower()
    if "capitalize" in words:
        return FIRST_LETTER.sub(lambda match: match[0].upper(), text)
    return text


FIRST_LETTER = re.compile(r"(?<![\w'\u2019])\w")


def is_broken(node: LexborNode) -> bool:
    """Whether an image is known not to be there, so that its ``alt`` is shown."""
    attributes = node.attrs
    if attributes.sget("srcset"):
        return False
    return not attributes.sget("src").strip() and bool(attributes.sget("alt"))


def text_of(content: str, node: LexborNode | None) -> str:
    """The characters of a ``content`` value."""
    text = ""
    at, end = 0, len(content)
    while at < end:
        character = content[at]
        if character in "\"'":
            close = at + 1
            while close < end and content[close] != character:
                close += 2 if content[close] == "\\" else 1
            text += unescape(content[at + 1 : close])
            at = close + 1
        elif content.startswith("attr(", at):
            close = content.find(")", at)
            close = end if close < 0 else close
            name = content[at + 5 : close].partition(",")[0].strip().lower()
            text += node.attrs.sget(name) if name and node is not None else ""
            at = close + 1
        elif content.startswith(("counter(", "counters("), at):
            text += "0123456789"
            at = content.find(")", at) + 1 or end
        elif content.startswith("url(", at):
            at = content.find(")", at) + 1 or end
        else:
            if content.startswith(("open-quote", "close-quote"), at):
                text += "“”"
            at += 1
    return text
