"""The names of files without the hashes of their content, which bundlers put into the names.

``app.3f2a9c1d.js`` is another file after every build, but the same file to people.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import unquote, urlsplit


def folded(address: str) -> str:
    """An address, or the path of one, with ``*`` for each hash."""
    return _HASH.sub("*", _BASE64.sub("*", address))


def without_hash(name: str) -> str:
    """``app.js`` for ``app.3f2a9c1d.js`` and ``index.js`` for ``index-DiwrgTda.js``."""
    return _FOLDED.sub("", folded(name))


def name_matches(url: str, pattern: str) -> bool:
    """Whether a pattern matches this file.

    A pattern with a slash is matched against the path, any other against the name. ``*`` stands for
    any text and ``?`` for one character. A name also matches without its hash, so ``app.js`` still
    matches ``app.3f2a9c1d.js``.
    """
    pattern = pattern.replace("[", "[[]")  # frameworks write brackets into the names of files
    path = unquote(urlsplit(url).path)
    folder, _, name = path.rpartition("/")
    if "/" not in pattern:
        return fnmatchcase(name, pattern) or fnmatchcase(without_hash(name), pattern)
    pattern = pattern if pattern.startswith(("/", "*")) else f"*/{pattern}"
    return fnmatchcase(path, pattern) or fnmatchcase(f"{folder}/{without_hash(name)}", pattern)


#: Hashes with a letter and a digit, or of digits alone: at least eight characters.
_HASH: Final = re.compile(r"(?<![A-Za-z0-9_])(?=[A-Za-z_]*[0-9])[A-Za-z0-9_]{8,64}(?![A-Za-z0-9_])")

#: Hashes that Vite and esbuild write before the suffix: eight base64 characters, ``index-DiwrgTda.js``.
_BASE64: Final = re.compile(r"(?<=[-.])(?=.{1,7}[A-Z0-9])[\w-]{8}(?=\.\w+(?:\?|$))", re.ASCII)

_FOLDED: Final = re.compile(r"[-._]\*(?=\.|$)")
