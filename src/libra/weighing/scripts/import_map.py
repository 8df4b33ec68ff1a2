"""Import maps: the URLs for the specifiers of a document's modules (HTML standard, 8.1.6)."""

from __future__ import annotations

from collections.abc import Mapping

import ada_url
import msgspec

from libra.decoding import Undecodable, decode_json
from libra.urls import MAX_ASSET_URL

_SPECIAL = frozenset({"http:", "https:", "ws:", "wss:", "ftp:", "file:"})

Specifiers = dict[str, str | None]
"""URLs by specifier; None for a specifier that must not resolve."""


class ImportMap(msgspec.Struct):
    """The specifiers that a document maps to URLs.

    Attributes:
        base: The base URL of the map's addresses.
        imports: URLs by specifier.
        scopes: More such maps, each for the modules below an address.
    """

    base: str
    imports: Specifiers = {}
    scopes: dict[str, Specifiers] = {}

    def add(self, text: str) -> None:
        """Merge the JSON of a ``<script type=importmap>``. Ignores anything that is not an import map.

        Entries of an earlier map take precedence ("merge module specifier maps").
        """
        try:
            parsed = decode_json(text)
        except Undecodable:
            return
        if not isinstance(parsed, dict):
            return
        imports, scopes = parsed.get("imports", {}), parsed.get("scopes", {})
        if not all(
            isinstance(part, dict) for part in (imports, scopes, parsed.get("integrity", {}))
        ):
            return
        if not all(isinstance(part, dict) for part in scopes.values()):
            return
        self.imports = self._normalised(imports) | self.imports
        for prefix, part in scopes.items():
            url = absolute(self.base, prefix)
            if url is not None:
                self.scopes[url] = self._normalised(part) | self.scopes.get(url, {})

    def resolve(self, specifier: str, importer: str) -> str | None:
        """The URL of a specifier in the module at `importer`; None if the import fails."""
        url = _as_url(specifier, importer)
        key = url or specifier
        special = url is None or _protocol(url) in _SPECIAL
        for prefix in sorted(self.scopes, reverse=True):
            if importer == prefix or (prefix.endswith("/") and importer.startswith(prefix)):
                found, result = _lookup(self.scopes[prefix], key, special=special)
                if found:
                    return result
        found, result = _lookup(self.imports, key, special=special)
        return result if found else url

    def _normalised(self, imports: Mapping[str, object]) -> Specifiers:
        normalised: Specifiers = {}
        for key, address in imports.items():
            if not key:
                continue
            url = _as_url(address, self.base) if isinstance(address, str) else None
            if url is not None and key.endswith("/") and not url.endswith("/"):
                url = None
            normalised[_as_url(key, self.base) or key] = url
        return normalised


def absolute(base: str, reference: str) -> str | None:
    """The absolute form of a reference, in any scheme."""
    if len(reference) > MAX_ASSET_URL:
        return None
    try:
        return ada_url.join_url(base, reference)
    except ValueError:
        return None


def _as_url(specifier: str, base: str) -> str | None:
    """A specifier that is itself an address ("resolve a URL-like module specifier")."""
    if specifier.startswith(("/", "./", "../")):
        return absolute(base, specifier)
    if len(specifier) > MAX_ASSET_URL or ":" not in specifier:
        return None
    try:
        return ada_url.URL(specifier).href
    except ValueError:
        return None


def _protocol(url: str) -> str:
    return url[: url.find(":") + 1]


def _lookup(imports: Specifiers, key: str, *, special: bool) -> tuple[bool, str | None]:
    """Whether the map has an entry, and its URL: None if the specifier must not resolve."""
    if key in imports:
        return True, imports[key]
    if not special:
        return False, None
    prefixes = [name for name in imports if name.endswith("/") and key.startswith(name)]
    if not prefixes:
        return False, None
    longest = max(prefixes, key=len)
    address = imports[longest]
    if address is None:
        return True, None
    url = absolute(address, key[len(longest) :])
    return True, url if url is not None and url.startswith(address) else None
