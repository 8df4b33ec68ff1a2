"""Module scripts: what they import statically, and import maps (HTML standard, "import maps").

``import(...)`` is decided by a running script and is not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from libra.decoding import Undecodable, decode_json
from libra.weighing.urls import join

MAX_IMPORTS = 2_000

_KEYWORD = re.compile(r"(?<![\w$.])(?:import|export)(?![\w$])")
_CLAUSE = re.compile(r"[\w$*{},\s]*+")
_SPECIFIER = re.compile(r"""(["'])([^"'\\\n]{1,4000}+)\1""")


class ImportMap(msgspec.Struct):
    """The specifiers that a document maps to URLs.

    Attributes:
        base: What the map's addresses are relative to.
        imports: URLs by specifier.
        scopes: The same for the modules below an address.
    """

    base: str
    imports: dict[str, str] = {}
    scopes: dict[str, dict[str, str]] = {}

    def add(self, text: str) -> None:
        """Merge the JSON of a ``<script type=importmap>``; what is not an import map is ignored."""
        try:
            parsed = decode_json(text)
        except Undecodable:
            return
        if not isinstance(parsed, dict):
            return
        self.imports = self._resolved(parsed.get("imports")) | self.imports
        scopes = parsed.get("scopes")
        for prefix, imports in scopes.items() if isinstance(scopes, dict) else ():
            url = join(self.base, prefix)
            if url is not None:
                self.scopes[url] = self._resolved(imports) | self.scopes.get(url, {})

    def resolve(self, specifier: str, importer: str) -> str | None:
        """The URL of a specifier in a module at `importer`; None if the import would fail."""
        relative = specifier.startswith(("/", "./", "../"))
        as_url = join(importer, specifier) if relative or ":" in specifier else None
        key = as_url or specifier
        for prefix in sorted(self.scopes, key=len, reverse=True):
            if importer == prefix or (prefix.endswith("/") and importer.startswith(prefix)):
                found = _lookup(self.scopes[prefix], key)
                if found is not None:
                    return found
        return _lookup(self.imports, key) or as_url

    def _resolved(self, imports: object) -> dict[str, str]:
        resolved: dict[str, str] = {}
        for key, address in imports.items() if isinstance(imports, dict) else ():
            if not isinstance(address, str):
                continue
            url = join(self.base, address)
            name = join(self.base, key) if key.startswith(("/", "./", "../")) else key
            if url is not None and name:
                resolved[name] = url
        return resolved


def imports_in(source: str, url: str, import_map: ImportMap) -> list[str]:
    """The URLs that a module imports or re-exports from statically, in order, each once.

    Args:
        source: The text of the module.
        url: Its address, or the document's base for an inline module.
        import_map: The map of its document.
    """
    found: dict[str, None] = {}
    for specifier in _specifiers(source):
        resolved = import_map.resolve(specifier, url)
        if resolved is not None:
            found[resolved] = None
        if len(found) >= MAX_IMPORTS:
            break
    return list(found)


def _specifiers(source: str) -> Iterator[str]:
    """What follows ``import`` and ``import ... from`` and ``export ... from``.

    A clause that is not followed by a string ends the search at its end and not after its keyword:
    a later keyword inside it would run into the same end. So the time is linear in the source.
    """
    at = 0
    while (keyword := _KEYWORD.search(source, at)) is not None:
        clause = _CLAUSE.match(source, keyword.end())
        at = keyword.end() if clause is None else clause.end()
        specifier = _SPECIFIER.match(source, at)
        if specifier is None:
            continue
        words = source[keyword.end() : at].rsplit(maxsplit=1)
        named = bool(words) and (words[-1] == "from" or words[-1].endswith(("}from", "*from")))
        if named or (not words and keyword[0] == "import"):
            yield specifier[2]
            at = specifier.end()


def _lookup(imports: dict[str, str], key: str) -> str | None:
    if key in imports:
        return imports[key]
    prefixes = [name for name in imports if name.endswith("/") and key.startswith(name)]
    if not prefixes:
        return None
    longest = max(prefixes, key=len)
    return join(imports[longest], key[len(longest) :])
