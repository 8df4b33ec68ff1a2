r"""Foreign text: what web pages contain and a database cannot hold, made safe and restored.

PostgreSQL's texts hold every character but NUL, and its JSONB neither ``\u0000`` nor half of a
surrogate pair; SQLite's driver refuses the halves too. Titles of real pages contain both. They are
escaped by a marker, a private-use character without a meaning, followed by four hexadecimal digits; a
marker in the text itself is doubled. All other text stays readable in queries of the database.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final

_MARKER: Final = "\ue0ff"
_MARKER_BYTES: Final = _MARKER.encode()

_UNSAFE: Final = re.compile(f"[\x00\ud800-\udfff{_MARKER}]")
_ESCAPED: Final = re.compile(f"{_MARKER}({_MARKER}|[0-9a-f]{{4}})")

# The same in JSON, where they are written as escapes. Escaped backslashes and whole surrogate pairs
# are matched only to step over them.
_UNSAFE_JSON: Final = re.compile(
    r"\\\\"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|\\u(?P<code>0000|[dD][89a-fA-F][0-9a-fA-F]{2}|[eE]0[fF]{2})"
    f"|(?P<raw>[\ud800-\udfff{_MARKER}])"
)


def escape(text: str) -> str:
    """Make a text safe for a column."""
    return _UNSAFE.sub(_escape, text)


def like(text: str) -> str:
    r"""A text as a part of a pattern of ``LIKE`` that matches it alone; the escape is ``\``."""
    return re.sub(r"([\\%_])", r"\\\1", escape(text))


def caseless(text: str) -> str:
    """A regular expression of PostgreSQL that finds a text in any case, in any locale."""
    return "".join(map(_either, escape(text)))


def unescape(text: str) -> str:
    """Restore what `escape` was given."""
    return _ESCAPED.sub(_unescape, text) if _MARKER in text else text


def escape_json(data: bytes) -> str:
    """Make JSON safe for JSONB.

    Raises:
        UnicodeDecodeError: it is not UTF-8 (apart from surrogates, which strictly are not).
    """
    if b"\\u" not in data and _MARKER_BYTES not in data:
        with suppress(UnicodeDecodeError):
            return data.decode()
    return _UNSAFE_JSON.sub(_escape_json, data.decode("utf-8", "surrogatepass"))


def unescape_json(text: str) -> bytes:
    """Restore JSON that means what `escape_json` was given."""
    if _MARKER in text:
        text = _ESCAPED.sub(_unescape_json, text)
    return text.encode()


def _either(character: str) -> str:
    if not character.isalpha():
        return character if character.isalnum() or not character.isascii() else f"\\{character}"
    forms = {character, character.lower(), character.upper(), character.title()}
    forms |= {form for form in (character.casefold(),) if len(form) == 1}
    return f"[{''.join(sorted(form for form in forms if len(form) == 1))}]"


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _MARKER + (_MARKER if character == _MARKER else f"{ord(character):04x}")


def _unescape(match: re.Match[str]) -> str:
    return _MARKER if match[1] == _MARKER else chr(int(match[1], 16))


def _escape_json(match: re.Match[str]) -> str:
    code = int(match["code"], 16) if match["code"] else ord(match["raw"]) if match["raw"] else None
    if code is None:
        return match[0]
    return _MARKER + (_MARKER if code == ord(_MARKER) else f"{code:04x}")


def _unescape_json(match: re.Match[str]) -> str:
    return _MARKER if match[1] == _MARKER else f"\\u{match[1]}"
