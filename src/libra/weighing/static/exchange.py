"""One request and its response: records the head and the body as they arrive."""

from __future__ import annotations

import asyncio
import time
from typing import overload

from multidict import CIMultiDict

from libra.ascii import lowered, trimmed
from libra.failures import http_failure, is_one_of
from libra.network.client import Answer, HTTPClient
from libra.network.content_encoding import encodings_in
from libra.network.cookies import CookieJar
from libra.network.failures import Failure
from libra.network.origin_slots import name_of_error
from libra.network.politeness import BUSY, retry_after
from libra.network.times import Times
from libra.report import Kind, Timings
from libra.urls import join, origin_of
from libra.weighing.bodies.body import INLINE_BYTES, Body
from libra.weighing.bodies.body_facts import (
    BodyFacts,
    Observer,
    Savings,
    SavingsCache,
    key_of,
    measure_savings,
)
from libra.weighing.bodies.mime import essence_of
from libra.weighing.headers.document_headers import NO_HEADERS, DocumentHeaders
from libra.weighing.headers.resource_policy import forbids_embedding
from libra.weighing.options import Options
from libra.weighing.orders.orders import Fetch, Outcome, Reading
from libra.weighing.orders.source import Source
from libra.weighing.reading.body_reading import refusal_of, will_be_read
from libra.weighing.reading.reader import InThread, Reader, text_of
from libra.weighing.roles import DOCUMENT_ROLES, READ_ROLES
from libra.weighing.static.request_headers import (
    has_credentials,
    is_cors,
    is_trustworthy,
    request_headers,
)

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_EMPTY = frozenset({204, 205})
"""Statuses of answers without a body; a browser ignores what follows their heads."""
_BROKEN = ("cut-short", "bad-answer", "decode")
"""Failures of the server in the middle of a body, which a browser still shows if it is a document."""
_REFUSALS = frozenset({401, 403, 406, 429, 503})
_FIREWALLS = ("cloudflare", "akamaighost", "sucuri", "datadome", "imperva", "ddos-guard", "awselb")
"""Names of servers that screen clients on behalf of the site."""
_FIREWALL = (
    " (a firewall may reject clients that only claim to be Chrome:"
    " try --user-agent libra or --method rendered)"
)


class Exchange:
    """One request and its response, as far as they have arrived.

    Args:
        fetch: The order to carry out.
        options: The options of the page.
        reader: Reads the body, if it must be read.
        until: The loop's time after which nothing is read any more.
        cookies: The page's cookie jar; without it no cookies are sent or kept.
        in_thread: Runs something in a thread.
        savings: Cached savings of compression for texts seen before.

    Attributes:
        error: The named error, if any.
        retry_after: Seconds after which the server wants to be asked again.
    """

    __slots__ = (
        "_body",
        "_content_type",
        "_cookies",
        "_encoding",
        "_fetch",
        "_in_thread",
        "_job",
        "_named",
        "_observer",
        "_options",
        "_protocol",
        "_read",
        "_reader",
        "_redirect",
        "_refused",
        "_savings",
        "_set_cookies",
        "_started",
        "_status",
        "_timings",
        "_until",
        "_walled",
        "error",
        "retry_after",
    )

    def __init__(
        self,
        fetch: Fetch,
        options: Options,
        reader: Reader,
        until: float | None,
        cookies: CookieJar | None,
        in_thread: InThread,
        savings: SavingsCache,
    ) -> None:
        self._in_thread = in_thread
        self._savings = savings
        self._cookies = cookies if cookies is not None and has_credentials(fetch) else None
        self._set_cookies = False
        self._fetch = fetch
        self._options = options
        self._reader = reader
        self._until = until
        self._started = time.perf_counter()
        self._status: int | None = None
        self._protocol: str | None = None
        self._timings: Timings | None = None
        self._content_type: str | None = None
        self._encoding: str | None = None
        self._named = NO_HEADERS
        self._redirect: str | None = None
        self.retry_after: float | None = None
        self._refused: str | None = None
        self._walled = False
        self._body: Body | None = None
        self._read = False
        self._observer: Observer | None = None
        self._job: asyncio.Future[None] | None = None
        self.error: str | None = None

    async def run(self, wire: HTTPClient) -> None:
        """Send the request and receive the response."""
        answer = await wire.get(
            self._fetch.url,
            request_headers(self._fetch, self._options, self._cookies_to_send()),
            max_field=self._options.limits.header_bytes,
        )
        try:
            self._take_head(answer)
            await self._take_body(answer)
        finally:
            self._timings = _timings_of(answer.times())
            answer.close()

    def fail(self, error: Failure | OSError | ValueError) -> None:
        """Record why the exchange failed, and the status if one was received."""
        self.error = name_of_error(error)
        if self._status is None and isinstance(error, Failure):
            self._status = error.status

    def timed_out(self) -> str:
        """The named error of a passed deadline, which depends on what had arrived."""
        seconds = f"{self._options.limits.asset_seconds:g} s"
        if self._status is None:
            return f"timeout: no response within {seconds}"
        return f"timeout: the body did not end within {seconds}"

    async def outcome(self) -> Outcome:
        """The result, with what was read in the body."""
        body = self._body
        transfer_bytes = resource_bytes = 0
        reading: Reading | None = None
        source: Source | None = None
        error = self.error
        if body is not None:
            if self._job is not None and not self._job.done():
                await asyncio.wait([self._job])  # a deadline passed while a thread was decoding
            if not body.decode_inline():
                await asyncio.shield(self._in_thread(body.decode))
            is_broken = is_one_of(error or body.error, _BROKEN)
            if error is None:
                body.finish()
            error = error or body.error or body.cut
            transfer_bytes, resource_bytes = body.transfer_bytes, body.resource_bytes
            used = self._fetch.reference.role in DOCUMENT_ROLES or not is_broken
            if self._read and used and (resource_bytes or self._named.asks):
                reading, source = await self._reading(body)
                error = error or reading.error
        whole = error is None
        facts = await self._facts() if whole else None
        status = self._status
        if error is None and status is not None and status >= 400:
            error = http_failure(status) + (_FIREWALL if self._walled else "")
        if error is None and self._refused is not None:
            error = self._refused
        return Outcome(
            fetch=self._fetch,
            http_status=status,
            transfer_bytes=transfer_bytes,
            resource_bytes=resource_bytes,
            content_type=essence_of(self._content_type),
            encoding=None if self._encoding is None else self._encoding[:127],
            duration_ms=round((time.perf_counter() - self._started) * 1000),
            protocol=self._protocol,
            timings=self._timings,
            started=self._started,
            error=error,
            whole=whole,
            kind=self._kind(),
            denied=is_one_of(error, ("denied",)),
            redirect=self._redirect,
            retry_after=self.retry_after,
            set_cookies=self._set_cookies,
            reading=reading,
            source=source,
            facts=facts,
        )

    def _take_head(self, answer: Answer) -> None:
        headers = answer.headers
        status = self._status = answer.status
        self._protocol = answer.protocol
        self._content_type = _as_sent(", ".join(headers.getall("Content-Type", ()))) or None
        self._encoding = _as_sent(", ".join(headers.getall("Content-Encoding", ()))) or None
        if self._cookies is not None and "Set-Cookie" in headers:
            fetch = self._fetch
            self._set_cookies = self._cookies.take(
                fetch.url,
                headers.getall("Set-Cookie"),  # as they came, and so they go back
                trusted=is_trustworthy(origin_of(fetch.url)),
                same_site=fetch.same_site,
            )
        if status in _REFUSALS and "Chrome/" in self._options.user_agent:
            server = lowered(headers.get("Server", ""))
            self._walled = server.startswith(_FIREWALLS) or "cf-mitigated" in headers
        if status in BUSY:
            self.retry_after = retry_after(status, headers.get("Retry-After"))
        if status in _REDIRECTS:
            location = _as_sent(headers.get("Location"))
            if location:
                self._redirect = join(self._fetch.url, location)
                if self._redirect is None:
                    self.error = "bad-redirect: it leads to a URL that cannot be fetched"
        self._refused = self._not_shared(headers)
        if self._refused is not None:
            # A browser discards the response here.
            self._redirect = None
            return
        if self._fetch.reference.role in READ_ROLES and not self._may_show(headers, status):
            return
        if status in _EMPTY:
            return
        self._body = Body(
            encodings_in(self._encoding),
            self._options.limits,
            keep=self._read,
            spool=self._reader.spool,
        )
        reference = self._fetch.reference
        if status == 200 and not reference.partial:
            self._observer = Observer(headers, is_image=reference.role == "image")

    def _may_show(self, headers: CIMultiDict[str], status: int) -> bool:
        """Whether the headers allow showing the response; if so, decides whether its body is read."""
        fetch = self._fetch
        named = DocumentHeaders.of(lambda name: headers.getall(name, ()))
        if fetch.reference.role in DOCUMENT_ROLES and self._redirect is None:
            self._named = named
            self._refused = refusal_of(fetch, self._content_type, named)
            if self._refused is not None:
                return False
        self._read = will_be_read(fetch, status, self._content_type, named)
        return True

    def _not_shared(self, headers: CIMultiDict[str]) -> str | None:
        """Why the document may not read or embed the response of another origin; None if it may."""
        fetch = self._fetch
        own, role = fetch.client.origin, fetch.reference.role
        if fetch.reader and self._redirect is None:
            allowed = trimmed(", ".join(headers.getall("Access-Control-Allow-Origin", ())))
            if allowed not in {"*", fetch.reader}:
                return "cors: the server does not let this page read it"
        if not own or is_cors(fetch) or role in DOCUMENT_ROLES or role == "manifest":
            return None
        policy = ", ".join(headers.getall("Cross-Origin-Resource-Policy", ()))
        return forbids_embedding(policy, own, origin_of(fetch.url))

    async def _take_body(self, answer: Answer) -> None:
        body, observer = self._body, self._observer
        if body is None:
            return
        enough = self._options.limits.media_bytes if self._fetch.reference.partial else None
        while chunk := await answer.read():
            if not body.take(chunk):
                return
            if observer is not None:
                observer.take(chunk)
            if body.backlog_bytes > INLINE_BYTES:
                self._job = self._in_thread(body.decode)
                await asyncio.shield(self._job)
            elif body.spills:
                self._job = self._in_thread(body.spill)
                await asyncio.shield(self._job)
            if enough is not None and body.transfer_bytes >= enough:
                return

    async def _facts(self) -> BodyFacts | None:
        """The facts about the body. Compresses text that was sent uncompressed, to learn the savings."""
        observer = self._observer
        if observer is None:
            return None
        text = observer.compressible()
        if text is None:
            return observer.facts(None)
        key = key_of(text)
        known = self._savings.get(key)
        if known is not None:
            return observer.facts(known)
        savings: Savings = await asyncio.shield(self._in_thread(lambda: measure_savings(text)))
        self._savings.put(key, savings)
        return observer.facts(savings)

    async def _reading(self, body: Body) -> tuple[Reading, Source | None]:
        """The reading of the body. If the deadline passes first, the body still counts as received."""
        text = text_of(self._fetch, self._content_type, self._named)
        try:
            async with asyncio.timeout_at(self._until):
                return await self._reader.read(text, body.take_kept())
        except TimeoutError:
            return Reading(error="timeout: the page's deadline passed before it was read"), None

    def _cookies_to_send(self) -> str:
        if not self._cookies:
            return ""
        url = self._fetch.url
        return self._cookies.header(
            url, trusted=is_trustworthy(origin_of(url)), same_site=self._fetch.same_site
        )

    def _kind(self) -> Kind | None:
        """The kind of an ``<object>`` or ``<embed>`` by its response."""
        if self._fetch.reference.role != "object":
            return None
        essence = essence_of(self._content_type) or ""
        if essence.startswith("image/"):
            return "image"
        if essence in {"text/html", "application/xhtml+xml"}:
            return "document"
        return "media" if essence.startswith(("video/", "audio/")) else "other"


def _timings_of(times: Times) -> Timings:
    steps = (times.lookup, times.connect, times.tls, times.first_byte, times.body)
    return Timings(*[None if took is None else max(0, round(took)) for took in steps])


@overload
def _as_sent(field: str) -> str: ...
@overload
def _as_sent(field: None) -> None: ...
@overload
def _as_sent(field: str | None) -> str | None: ...
def _as_sent(field: str | None) -> str | None:
    """Decode a header's bytes as UTF-8, like browsers do. The field holds them as surrogates."""
    if field is None or field.isascii():
        return field
    return field.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
