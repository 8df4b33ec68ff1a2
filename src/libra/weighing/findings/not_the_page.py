"""Responses that are probably not the page that the user meant: no HTML, or a login page.

Both are light, so a budget that they meet says nothing about the page.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from libra.ascii import lowered, trimmed
from libra.report import Asset, Finding

NOT_HTML: Final = "not-html"
LOGIN_PAGE: Final = "login-page"

_HTML: Final = frozenset({"text/html", "application/xhtml+xml", "application/xml", "text/xml"})

_PATH: Final = re.compile(
    r"(?:^|[/_.-])(?:log-?_?in|log-?_?on|sign-?_?in|sign-?_?on|sso|oauth2?|auth|authorize|authenticate"
    r"|anmelden|anmeldung|einloggen|connexion|iniciar-sesion|accedi)(?:$|[/_.-])",
    re.IGNORECASE | re.ASCII,
)
_HOST: Final = re.compile(
    r"(?:log-?in|sign-?in|sso|auth|oauth|accounts?|idp)\.", re.IGNORECASE | re.ASCII
)


def not_the_page(
    asked: str, document: Asset, *, is_html: bool | None = None, asks_password: bool = False
) -> list[Finding]:
    """The findings about the weighed document itself.

    Args:
        asked: the submitted address.
        document: the weighed response, after all redirects.
        is_html: whether Libra read it as HTML; None to decide by its content type.
        asks_password: whether it has a password field.
    """
    essence = lowered(trimmed((document.content_type or "").partition(";")[0]))
    if is_html is None:
        is_html = essence in _HTML or not essence or essence == "*/*"
    if not is_html:
        message = (
            f"The server sent {essence or 'a file of unknown type'}, not an HTML page."
            " Libra weighed it as a single file."
        )
        return [Finding(NOT_HTML, message, assets=(document.url,))]
    if _leads_to_login(asked, document.url, asks_password=asks_password):
        message = (
            "The server sent a login page, and Libra weighed that. To weigh the page behind it, send"
            " credentials in a request header, such as Cookie or Authorization."
        )
        return [Finding(LOGIN_PAGE, message, assets=(document.url,))]
    return []


def _leads_to_login(asked: str, final: str, *, asks_password: bool) -> bool:
    before, after = urlsplit(asked), urlsplit(final)
    if (before.path.rstrip("/"), before.query) == (after.path.rstrip("/"), after.query):
        return False  # to https, to www, or no redirect at all
    if _looks_like_login(asked):
        return False
    return asks_password or _looks_like_login(final)


def _looks_like_login(url: str) -> bool:
    parts = urlsplit(url)
    return _PATH.search(parts.path) is not None or _HOST.match(parts.netloc) is not None
