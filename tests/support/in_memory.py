"""A site that is only in memory, and what a page of it asks for: no sockets, a millisecond a page."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from libra.report import Report
from libra.urls import join
from libra.weighing.bodies.kept import KeptBody
from libra.weighing.bodies.mime import essence_of
from libra.weighing.headers.document_headers import DocumentHeaders
from libra.weighing.options import DESKTOP, Options
from libra.weighing.orders.orders import Fetch, Outcome, StyleFound, StyleJob
from libra.weighing.orders.source import Source, Text
from libra.weighing.reading.body_reading import refusal_of, will_be_read
from libra.weighing.reading.reader import text_of
from libra.weighing.reading.serial_reader import SerialReader, StyleTask
from libra.weighing.static.weighing import Weighing

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
WOFF2 = b64decode(
    "d09GMgABAAAAAAEMAAoAAAAAAywAAADEAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAABmAAgXIKMD4BNgIkAwYLBgAEIAVOByAb"
    "fQIAHoex22SnKB+Dc0o8/7XXnft2Q+vjv7BUi8t4VBytqmajHNpiwSfo9AAPJL18wXHTyfFBD3IASTENEFrEgSWZxp7z8EolEXue"
    "ddRqkox0UoBzKwymagdQaDjQBAe6H3RdMF0sMJTR704qFOgoLGEN0EGktbR7uPlshlsQhOOrvy+3/V+h/cHvoS8/kHlGUyC0YRE1"
    "wV0WAEBqAoLSBBQAALozAREElGXRpK+KsnKHsmVt/PJqcmMX7j368ubau2YAAA=="
)
"""A font with a triangle for each letter of ASCII."""
_SOUND = (
    b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data\x08\0\0\0"
    + b"\x80" * 8
)
"""A millisecond of silence: a browser that cannot play a source goes on to the next one."""

BY_SUFFIX: dict[str, tuple[str, bytes]] = {
    "png": ("image/png", PNG),
    "css": ("text/css", b""),
    "js": ("text/javascript", b""),
    "html": ("text/html", b"<!doctype html>x"),
    "woff2": ("font/woff2", WOFF2),
    "svg": ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "mp4": ("video/mp4", _SOUND),
    "mp3": ("audio/mpeg", _SOUND),
    "json": ("application/json", b"{}"),
    "vtt": ("text/vtt", b"WEBVTT\n"),
}
NOT_ASKED = ("favicon.ico", ".webmanifest")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Answer(NamedTuple):
    """What is at an address: header fields in their order, a body, a status."""

    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    status: int = 200

    def values_of(self, name: str) -> list[str]:
        return [value for field, value in self.fields if field.lower() == name.lower()]


class Weighed(NamedTuple):
    """What a page asked for, in order, and its report."""

    asked: list[str]
    report: Report


def weigh_in_memory(
    url: str, answer_at: Callable[[str], Answer], options: Options | None = None
) -> Weighed:
    """Weigh a page; every address is asked for at most once."""
    options = options or Options()
    weighing, desk = Weighing(url, options), SerialReader()
    bodies: dict[int, tuple[Text, bytes]] = {}
    asked: list[str] = []
    orders: list[Any] = [*weighing.begin()]
    while orders or weighing.more:
        orders += weighing.go_on()
        if not orders:
            continue
        order = orders.pop(0)
        if isinstance(order, StyleJob):
            work = weighing.job(order)
            wanted = []
            if work is not None:
                task, _ = StyleTask.of(work)
                wanted = desk.style(task, bodies.__getitem__, options.viewport)
            orders += weighing.record(StyleFound(order, wanted))
            continue
        asked.append(order.url)
        orders += weighing.record(_outcome(order, answer_at(order.url), desk, bodies, options))
    assert weighing.done
    return Weighed(asked, weighing.report(Report(id="", url=url, status="weighed")))


def _outcome(
    fetch: Fetch,
    answer: Answer,
    desk: SerialReader,
    bodies: dict[int, tuple[Text, bytes]],
    options: Options,
) -> Outcome:
    content_type = ", ".join(answer.values_of("Content-Type")) or None
    headers = DocumentHeaders.of(answer.values_of)
    if answer.status in _REDIRECTS:
        target = join(fetch.url, answer.values_of("Location")[0])
        if target is None:
            return Outcome(fetch, answer.status, error="bad-redirect: it leads nowhere", whole=True)
        return Outcome(fetch, answer.status, redirect=target, whole=True)
    is_document = fetch.reference.role in {"document", "frame", "object"}
    refusal = refusal_of(fetch, content_type, headers) if is_document else None
    if refusal is not None:
        return Outcome(fetch, answer.status, error=refusal, whole=True)
    reading = source = None
    if will_be_read(fetch, answer.status, content_type, headers):
        text = text_of(fetch, content_type, headers if is_document else DocumentHeaders())
        bodies[text.id] = text, answer.body
        reading = desk.read(text, answer.body, DESKTOP, most=options.limits.assets, keep=True)
        source = Source(text, KeptBody(answer.body))
    return Outcome(
        fetch,
        answer.status,
        len(answer.body),
        len(answer.body),
        content_type=essence_of(content_type),
        error=f"http: {answer.status}" if answer.status >= 400 else None,
        whole=True,
        reading=reading,
        source=source,
    )


class Case(NamedTuple):
    """A page, the rest of its site, and what Chromium asks for when it shows it.

    Attributes:
        name: Which is part of its address. site: Answers by path, from the page's own on, ``/``.
        ``{B}`` in one stands for the address of the
            page, ``{X}`` for the same on another host, ``{O}`` for its origin.
        asked: Paths; those on the other host begin with ``X``.
    """

    name: str
    site: Mapping[str, Answer]
    asked: tuple[str, ...]


HOST, OTHER_HOST = "127.0.0.1:8080", "localhost:8080"
_HOSTS = frozenset({"127.0.0.1", "localhost"})


def asked_by_libra(case: Case) -> list[str]:
    """What the page of a case asks for; not the manifest, which a driven Chromium does not fetch."""
    prefix = f"/c/{case.name}"

    def answer_at(url: str) -> Answer:
        address = urlsplit(url)
        if address.scheme != "http":
            return Answer((), b"", 404)  # nobody listens there
        path = address.path.removeprefix(prefix)
        query = f"?{address.query}" if address.query else ""
        found = case.site.get(path + query) or case.site.get(path)
        if found is None:
            kind, body = BY_SUFFIX.get(path.rpartition(".")[2], ("text/plain", b""))
            found = Answer((("Content-Type", kind),), body)
        fields = tuple((name, _filled(value, prefix)) for name, value in found.fields)
        body = _filled(found.body.decode("latin-1"), prefix).encode("latin-1")
        return Answer(fields, body, found.status)

    weighed = weigh_in_memory(f"http://{HOST}{prefix}/", answer_at)
    # What goes anywhere else nobody sees, here or there.
    asked = {
        _short(url, prefix)
        for url in weighed.asked
        if (address := urlsplit(url)).hostname in _HOSTS
        and address.scheme == "http"
        and address.path.startswith(f"{prefix}/")
    }
    return sorted(path for path in asked if path != "/" and not path.endswith(NOT_ASKED))


def _filled(text: str, prefix: str) -> str:
    for mark, value in (
        ("{B}", f"http://{HOST}{prefix}"),
        ("{X}", f"http://{OTHER_HOST}{prefix}"),
        ("{O}", f"http://{HOST}"),
    ):
        text = text.replace(mark, value)
    return text


def _short(url: str, prefix: str) -> str:
    _, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    path = f"{slash}{path}".removeprefix(prefix)
    for mark, value in (("{B}", HOST), ("{X}", OTHER_HOST)):
        path = path.replace(f"{value}{prefix}", mark)
    return path if host == HOST else f"X{path}"
