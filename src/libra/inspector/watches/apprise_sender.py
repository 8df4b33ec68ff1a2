"""The program that sends one alert by `apprise`, in a process that may be killed.

The parent starts it by the path of this file and writes an order to its standard input; the exit code
gives the result. It imports nothing of Libra, because it lives for a second. It imports only the
`apprise` plugin of the requested service, so no address can reach another plugin, however it is
written.
"""

from __future__ import annotations

import base64
import json
import logging
import resource
import smtplib
import socket
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final
from urllib.parse import unquote, urlsplit

NOT_TAKEN: Final = 3
"""Exit code: a service was not reached, or did not accept the message."""

UNUSABLE: Final = 4
"""Exit code: an address belongs to none of the supported services."""

SECONDS: Final = 10
"""The limit of processor time, in seconds."""

PLUGINS: Final[Mapping[str, tuple[str, str]]] = {
    "discord": ("discord", "NotifyDiscord"),
    "gchat": ("google_chat", "NotifyGoogleChat"),
    "gotify": ("gotify", "NotifyGotify"),
    "mailto": ("email", "NotifyEmail"),
    "matrix": ("matrix", "NotifyMatrix"),
    "mmost": ("mattermost", "NotifyMattermost"),
    "ntfy": ("ntfy", "NotifyNtfy"),
    "opsgenie": ("opsgenie", "NotifyOpsgenie"),
    "pagerduty": ("pagerduty", "NotifyPagerDuty"),
    "pover": ("pushover", "NotifyPushover"),
    "rocket": ("rocketchat", "NotifyRocketChat"),
    "slack": ("slack", "NotifySlack"),
    "tgram": ("telegram", "NotifyTelegram"),
    "workflow": ("workflows", "NotifyWorkflows"),
    "zulip": ("zulip", "NotifyZulip"),
}
"""The module and the class of each service, by its scheme, which may have an ``s`` added."""

HEAD: Final = 16_384
"""The limit of bytes in a proxy's answer."""

NATIVE: Final = ("discord", "gchat", "slack", "workflow", "matrix", "ntfy")
"""Services whose own ``https`` addresses are supported."""


def send(urls: list[str], title: str, text: str) -> int:
    """Send a message to each URL; return the exit code."""
    # `apprise` is an extra, and importing it takes half a second that importing this module must not.
    import apprise  # noqa: PLC0415

    asset = apprise.AppriseAsset(
        app_id="Libra",
        app_desc="Libra",
        app_url="https://github.com/libra-weigh/libra",
        image_url_logo="",
        image_url_mask="",
        interpret_emojis=False,
        interpret_escapes=False,
        plugin_paths=[],
        secure_logging=True,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    everybody = apprise.Apprise(asset=asset)
    for url in urls:
        service = service_of(url, asset)
        if service is None:
            return UNUSABLE
        everybody.add(service)
    taken = everybody.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT)
    return 0 if taken else NOT_TAKEN


def service_of(url: str, asset: Any) -> Any:
    """The plugin that sends to this address; None if it belongs to none of the supported services."""
    for kind, results in readings(url.replace("/#", "/%23")):
        if results:
            try:
                return kind(**{**results, "tag": set(), "asset": asset})
            except TypeError:  # how a plugin of apprise refuses an address
                return None
    return None


def readings(url: str) -> Iterator[tuple[Any, Any]]:
    """Each plugin that may support this address, with its reading of it, which may be empty."""
    scheme = url.partition("://")[0].lower()
    if scheme == "https":
        for name in NATIVE:
            kind = _plugin(name)
            yield kind, kind.parse_native_url(url)
        return
    name = scheme if scheme in PLUGINS else scheme.removesuffix("s")
    if name in PLUGINS:
        kind = _plugin(name)
        yield kind, kind.parse_url(url)


def mail_through(proxy: str) -> None:
    """Make mail, which ignores proxies, always use a tunnel of the proxy (``CONNECT``)."""

    def connected(_: smtplib.SMTP, host: str, port: int, timeout: float) -> socket.socket:
        return tunnel(proxy, host, port, timeout)

    # Both kinds of connection use it, also those with TLS from the first byte.
    smtplib.SMTP._get_socket = connected  # type: ignore[attr-defined]  # noqa: SLF001 - see above


def tunnel(proxy: str, host: str, port: int, timeout: float) -> socket.socket:
    """Open a connection through a proxy to a port of a host.

    Raises:
        OSError: the proxy did not open it.
    """
    parts = urlsplit(proxy)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if parts.username is not None:
        name = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(name.encode()).decode()}")
    way = socket.create_connection((parts.hostname or "", parts.port or 1080), timeout)
    try:
        way.sendall("\r\n".join([*lines, "", ""]).encode())
        head = b""
        # Byte by byte: a mail server speaks first, and its bytes may come with the proxy's answer.
        while not head.endswith(b"\r\n\r\n"):
            byte = way.recv(1)
            if not byte or len(head) == HEAD:
                raise ConnectionError("the proxy did not answer")
            head += byte
        if not head.partition(b" ")[2].startswith(b"2"):
            raise ConnectionError("the proxy refused the connection")
    except BaseException:
        way.close()
        raise
    return way


def _plugin(name: str) -> Any:
    module, kind = PLUGINS[name]
    return getattr(import_module(f"apprise.plugins.{module}"), kind)


def main() -> int:
    """Read the order from standard input and carry it out."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    logging.disable(logging.CRITICAL)
    order = json.loads(sys.stdin.buffer.read())
    if order["proxy"] is not None:
        mail_through(order["proxy"])
    return send(order["urls"], order["title"], order["text"])


if __name__ == "__main__":
    sys.exit(main())
