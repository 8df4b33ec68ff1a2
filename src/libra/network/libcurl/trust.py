"""The authorities whose certificates count."""

from __future__ import annotations

import atexit
import os
import ssl
import tempfile
from functools import cache
from pathlib import Path

import certifi
import msgspec


class TrustError(ValueError):
    """A file of authorities that cannot be used; the message gives the reason."""


class Trust(msgspec.Struct, frozen=True):
    """The rules for certificates.

    Attributes:
        ca: A PEM file of authorities that count beside the system's; None for no more.
        insecure: Accept every certificate: for a site on one's own machine with a self-signed one.
    """

    ca: Path | None = None
    insecure: bool = False

    def places(self) -> tuple[str | None, str | None]:
        """The file and the folder of all authorities, for libcurl."""
        return _places(self.ca)

    def context(self) -> ssl.SSLContext:
        """The same for Python's own connections; all of them share it."""
        return _context(self)


SYSTEM = Trust()
"""The authorities of the system, or those of ``SSL_CERT_FILE``."""


def trust(ca: Path | None = None, *, insecure: bool = False) -> Trust:
    """The rules for certificates, after a check that the file can be used.

    Raises:
        TrustError: if the file cannot be read or holds no certificate.
    """
    if ca is not None:
        try:
            ssl.create_default_context().load_verify_locations(ca)
        except ssl.SSLError:
            raise TrustError(f"{ca} holds no certificate in PEM form") from None
        except OSError as error:
            raise TrustError(f"{ca} cannot be read: {error.strerror}") from None
    return Trust(ca, insecure)


@cache
def _context(rules: Trust) -> ssl.SSLContext:
    # Reading all authorities of a system takes longer than a request.
    context = ssl.create_default_context()
    file, folder = rules.places()
    context.load_verify_locations(file, folder)
    if rules.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@cache
def _places(ca: Path | None) -> tuple[str | None, str | None]:
    file, folder = _of_system()
    if ca is None:
        return file, folder
    # libcurl takes one file, and reads it once for all connections.
    with tempfile.NamedTemporaryFile(prefix="libra-", suffix=".pem", delete=False) as both:
        both.write(ca.read_bytes())
        if file is not None:
            both.write(b"\n" + Path(file).read_bytes())
    atexit.register(Path(both.name).unlink, missing_ok=True)
    return both.name, folder


@cache
def _of_system() -> tuple[str | None, str | None]:
    """The places where OpenSSL looks by default, or certifi's list.

    The OpenSSL of libcurl's wheel knows only the folders of the machine where it was built.
    """
    paths = ssl.get_default_verify_paths()
    named = os.environ.get(paths.openssl_cafile_env)
    folder = os.environ.get(paths.openssl_capath_env)
    if folder is not None and named is None:
        return None, folder
    for file in (named, paths.cafile, *_BUNDLES):
        if file and Path(file).is_file():
            return file, folder
    return certifi.where(), folder


_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS
)
