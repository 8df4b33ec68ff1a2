"""Whose certificates are believed."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path


class TrustError(ValueError):
    """A file of authorities that cannot be used; the message says why."""


@cache
def trust(ca: Path | None = None, *, insecure: bool = False) -> ssl.SSLContext:
    """What connections are judged by: the system's authorities, or those of ``SSL_CERT_FILE``.

    To read them takes some milliseconds, so that it is done once.

    Args:
        ca: A PEM file of authorities that are believed beside them.
        insecure: Believe every certificate: for a site on one's own machine that signed its own.

    Raises:
        TrustError: if the file cannot be read or holds no certificate.
    """
    context = ssl.create_default_context()
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except ssl.SSLError:
            raise TrustError(f"{ca} holds no certificate in PEM form") from None
        except OSError as error:
            raise TrustError(f"{ca} cannot be read: {error.strerror}") from None
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
