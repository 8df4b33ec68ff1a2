"""A certificate that signs itself, for servers on loopback."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path


def own_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """The file of a certificate for ``localhost`` and 127.0.0.1, and what a server serves it with."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context
