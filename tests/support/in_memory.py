"""A site that is only in memory, and what a page of it asks for: no sockets, a millisecond a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from libra.weighing.desk import Desk, StyleTask
from libra.weighing.headers import DocumentHeaders
from libra.weighing.kept import Kept
from libra.weighing.mime import essence_of
from libra.weighing.options import DESKTOP, Options
from libra.weighing.reader import text_of
from libra.weighing.reading import refusal_of, will_be_read
from libra.weighing.reference import Fetch, Outcome, StyleFound, StyleJob
from libra.weighing.report import Report
from libra.weighing.source import Source, Text
from libra.weighing.urls import join
from libra.weighing.weighing import Weighing

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
_BY_SUFFIX: dict[str, tuple[str, bytes]] = {
    "png": ("image/png", PNG),
    "css": ("text/css", b""),
    "js": ("text/javascript", b""),
    "html": ("text/html", b"<!doctype html>x"),
    "woff2": ("font/woff2", b"x"),
    "svg": ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "mp4": ("video/mp4", b"x"),
    "json": ("application/json", b"{}"),
    "vtt": ("text/vtt", b"WEBVTT\n"),
}
_NOT_ASKED = ("favicon.ico", ".webmanifest")
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
    weighing, desk = Weighing(url, options), Desk()
    bodies: dict[int, tuple[Text, bytes]] = {}
    asked: list[str] = []
    orders: list[Any] = [*weighing.begin()]
    while orders:
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
    desk: Desk,
    bodies: dict[int, tuple[Text, bytes]],
    options: Options,
) -> Outcome:
    content_type = ", ".join(answer.values_of("Content-Type")) or None
    headers = DocumentHeaders.of(answer.values_of)
    if answer.status in _REDIRECTS:
        target = join(fetch.url, answer.values_of("Location")[0])
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
        source = Source(text, Kept(answer.body))
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


def asked_by_libra(case: Case) -> list[str]:
    """What the page of a case asks for; not the manifest, which a driven Chromium does not fetch."""
    prefix = f"/c/{case.name}"

    def answer_at(url: str) -> Answer:
        address = urlsplit(url)
        path = address.path.removeprefix(prefix)
        query = f"?{address.query}" if address.query else ""
        found = case.site.get(path + query) or case.site.get(path)
        if found is None:
            kind, body = _BY_SUFFIX.get(path.rpartition(".")[2], ("text/plain", b""))
            found = Answer((("Content-Type", kind),), body)
        fields = tuple((name, _filled(value, prefix)) for name, value in found.fields)
        body = _filled(found.body.decode("latin-1"), prefix).encode("latin-1")
        return Answer(fields, body, found.status)

    weighed = weigh_in_memory(f"http://{HOST}{prefix}/", answer_at)
    asked = {_short(url, prefix) for url in weighed.asked}
    return sorted(path for path in asked if path != "/" and not path.endswith(_NOT_ASKED))


def _filled(text: str, prefix: str) -> str:
    for mark, value in (
        ("{B}", f"http://{HOST}{prefix}"),
        ("{X}", f"http://{OTHER_HOST}{prefix}"),
        ("{O}", f"http://{HOST}"),
    ):
        text = text.replace(mark, value)
    return text


def _short(url: str, prefix: str) -> str:
    address = urlsplit(url)
    path = address.path.removeprefix(prefix) + (f"?{address.query}" if address.query else "")
    return path if address.netloc == HOST else f"X{path}"
