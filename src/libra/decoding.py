"""Decodes JSON and TOML that others have written: all such decoding happens here.

Decoders recurse, so deep nesting makes them raise `RecursionError`, which no caller expects. Numbers of
thousands of digits make Python raise `ValueError`. Text that is just shallow enough to be read can be
too deep to be shown in a message. Here each of these is `Undecodable`, like every other mistake.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

DEPTH = 100
"""How deep lists and objects may nest; the formats that Libra reads need five levels."""

TOML_BYTES = 1_000_000
"""Largest size of a settings file, in bytes."""

T = TypeVar("T")

Pairs = Callable[[list[tuple[str, Any]]], Any]

_TOO_DEEP = "it is nested too deeply"
_DIGITS = 400
"""Digits of a number: more than any float has, and few enough to convert."""


class Undecodable(msgspec.DecodeError):
    """The text is not JSON or TOML, or not of the expected shape; the message says why."""


def decode_json_as(data: bytes | str, kind: type[T]) -> T:
    """Read JSON of a known shape.

    Raises:
        Undecodable: it is not JSON, has another shape (the message says where), or is nested too deeply.
    """
    return _checked(lambda: msgspec.json.decode(data, type=kind))


def decode_json_with(decoder: msgspec.json.Decoder[T], data: bytes | str) -> T:
    """Read JSON with a prepared decoder; raises as `decode_json_as` does."""
    return _checked(lambda: decoder.decode(data))


def decode_json(data: bytes | str, *, pairs: Pairs | None = None) -> Any:
    """Read JSON of any shape, nested up to `DEPTH`.

    Args:
        data: in UTF-8.
        pairs: converts the keys and values of an object; without it, an object is a dictionary.

    Raises:
        Undecodable: it is not JSON, or is nested too deeply.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        if _is_deep(text):
            raise Undecodable(_TOO_DEEP)
        return json.loads(text, object_pairs_hook=pairs, parse_int=_int)
    except UnicodeDecodeError:
        raise Undecodable("it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise Undecodable(f"it is not JSON: {error}") from None


def decode_toml(data: bytes) -> dict[str, Any]:
    """Read TOML.

    Raises:
        Undecodable: it is not TOML, or larger or deeper than a settings file may be.
    """
    if len(data) > TOML_BYTES:
        raise Undecodable(f"it is larger than {TOML_BYTES:,} bytes")
    try:
        text = data.decode()
        if _DOTTED.search(text) is not None:
            raise Undecodable(_TOO_DEEP)
        return tomllib.loads(text)
    except UnicodeDecodeError:
        raise Undecodable("it is not UTF-8") from None
    except RecursionError:
        raise Undecodable(_TOO_DEEP) from None
    except ValueError as error:  # a number that is too long does not raise TOMLDecodeError
        raise Undecodable(str(error)) from None


def _checked(decode: Callable[[], T]) -> T:
    try:
        return decode()
    except RecursionError:
        raise Undecodable(_TOO_DEEP) from None
    except UnicodeDecodeError:
        raise Undecodable("it is not UTF-8 text") from None
    except msgspec.DecodeError as error:
        raise Undecodable(str(error)) from None


_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def _is_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= DEPTH:
        return False
    depth = 0
    for match in _TOKEN.finditer(text):
        mark = match[0]
        if mark in "[{":
            depth += 1
            if depth > DEPTH:
                return True
        elif mark in "]}":
            depth -= 1
    return False


def _int(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise Undecodable(f"it has a number of {len(digits):,} digits")
    return int(digits)


# A key of n parts makes n nested tables, which takes quadratic time.
_DOTTED = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""")
