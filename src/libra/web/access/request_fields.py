"""The header fields of a request, as the guard reads them."""

from __future__ import annotations

from typing import Any

Fields = dict[bytes, str]


def fields_of(scope: Any) -> Fields:
    """The fields of a request by name, in lower case."""
    fields: Fields = {}
    for name, value in scope["headers"]:
        text = value.decode("latin-1")
        # Several proxies may each have added a field (RFC 9110, section 5.3).
        more = name == b"x-forwarded-for" and name in fields
        fields[name] = f"{fields[name]},{text}" if more else text
    return fields
