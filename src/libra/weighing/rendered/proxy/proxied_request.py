"""A request as a browser sends it to a proxy, and as it goes on to its server."""

from __future__ import annotations

from dataclasses import dataclass

_HOP_BY_HOP = (b"proxy-connection:", b"proxy-authorization:")
_NO_REPEAT = frozenset({b"POST", b"PUT", b"PATCH", b"DELETE"})


@dataclass(slots=True)
class ProxiedRequest:
    """A request of the browser's, its head as it goes to the server."""

    method: bytes
    host: str
    port: int
    head: bytes = b""
    body_bytes: int = 0
    url: str = ""

    @property
    def server_name(self) -> str:
        """Host and port, to see whether a connection leads there."""
        return f"{self.host}:{self.port}"

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent twice, with the same outcome."""
        return self.method not in _NO_REPEAT

    @classmethod
    def parse(cls, head: bytes) -> ProxiedRequest | None:
        """Read a head, absolute form or CONNECT. None if it is neither."""
        lines = head.split(b"\r\n")
        method, _, rest = lines[0].partition(b" ")
        target, _, version = rest.rpartition(b" ")
        if method == b"CONNECT":
            place = _split_authority(target, 443)
            return cls(method, *place) if place is not None else None
        if target[:7].lower() != b"http://":
            return None
        authority, slash, path = target[7:].partition(b"/")
        place = _split_authority(authority, 80)
        if place is None:
            return None
        lines[0] = b"%b %b %b" % (method, (slash or b"/") + path, version)
        body_bytes = 0
        for line in lines[1:]:
            name = line[:18].lower()
            if name.startswith(b"content-length:"):
                digits = line[15:].strip()
                if not digits.isdigit():
                    return None
                body_bytes = int(digits)
            elif name == b"transfer-encoding:":
                return None  # browsers send bodies of unknown length over HTTP/2 only
        kept = [line for line in lines if not line.lower().startswith(_HOP_BY_HOP)]
        return cls(method, *place, b"\r\n".join(kept), body_bytes, target.decode("latin-1"))


def place_of(host: str, port: int) -> str:
    """As a URL has it, ``host:port`` or ``[address]:port``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _split_authority(authority: bytes, default_port: int) -> tuple[str, int] | None:
    """Host and port. Names and addresses come from the browser's own parser, in ASCII."""
    text = authority.decode("latin-1")
    if "@" in text:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = text, str(default_port)
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65_536:
        return None
    host = host.removeprefix("[").removesuffix("]")
    return (host, int(port)) if host else None
