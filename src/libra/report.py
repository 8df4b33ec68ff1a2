"""The report: all that Libra knows of a page, as plain data.

Everything that leaves Libra (JSON over HTTP, the command, the database) is one of these types, and
every part of the program may import them. Their only behaviour is encoding, and display in a notebook.
All sizes are bytes, all durations milliseconds, all times UTC.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from datetime import datetime
from typing import Final, Literal, get_args

import msgspec

from libra.decoding import decode_json_with

Kind = Literal["document", "stylesheet", "script", "image", "font", "media", "other"]
"""The kind of an asset, one of Lighthouse's seven; a frame's page is a ``document`` too."""

KINDS: tuple[Kind, ...] = get_args(Kind)

Status = Literal["queued", "fetching", "weighing", "weighed", "failed"]
"""The stage of a page's life."""

FINISHED: frozenset[Status] = frozenset({"weighed", "failed"})

AssetStatus = Literal["pending", "fetched", "failed", "skipped"]

Backup = Literal["memory", "journaled", "replicated", "stored", "rejected"]
"""How safe a result is: only in memory, on local disk, in the database, or refused by it."""

Method = Literal["static", "rendered"]

Bound = Literal["exact", "at_most"]
"""Whether a score is exact, or an upper bound from the part of the page that is known."""


class Bytes(msgspec.Struct, frozen=True):
    """The two sizes of a body: as it crossed the wire, and decoded."""

    transfer_bytes: int = 0
    resource_bytes: int = 0


class Total(msgspec.Struct, frozen=True):
    """A sum over requests."""

    requests: int = 0
    transfer_bytes: int = 0
    resource_bytes: int = 0


class HostTotal(msgspec.Struct, frozen=True):
    """The total of one host (``host`` or ``host:port``).

    Third party is judged by registrable domain.
    """

    requests: int = 0
    transfer_bytes: int = 0
    resource_bytes: int = 0
    third_party: bool = False


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """Both scores of a page, 0 to 100, and the verdict in words.

    A page that is not whole weighs at least this much, so its scores are upper bounds: ``bound`` is
    ``at_most``, and there is no verdict.
    """

    teledrin: int
    bound: Bound = "exact"
    verdict: str | None
    lighthouse: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Other measures of the same weight, beside the scores; estimates, by their own formulas.

    Attributes:
        co2_grams: Grams of CO2 equivalent for one visit with an empty cache, by the Sustainable Web
            Design Model, version 4.
        elements: Elements of the document, without those inside SVG, as far as the method sees them.
        ecoindex: EcoIndex, 0 to 100, more is better; None if the elements were not counted.
    """

    co2_grams: float
    elements: int | None = None
    ecoindex: float | None = None


class Timings(msgspec.Struct, frozen=True, omit_defaults=True):
    """Milliseconds that each step of a request took.

    A step is left out if it was not needed (a kept connection needs none of the first three) or is not
    known. Their sum is less than the asset's duration, which includes waiting for a connection.

    Attributes:
        lookup_ms: To look up the addresses of the name.
        connect_ms: To connect.
        tls_ms: For the handshake, after that.
        first_byte_ms: From the request to the first byte of the answer.
        body_ms: From there to the last byte.
    """

    lookup_ms: int | None = None
    connect_ms: int | None = None
    tls_ms: int | None = None
    first_byte_ms: int | None = None
    body_ms: int | None = None


class Asset(msgspec.Struct, frozen=True):
    """One request that the page makes, the document itself included.

    ``lazy`` marks an asset that a browser loads only when the user scrolls to it. ``conditional`` marks
    one that it loads only under a condition that cannot be checked without a browser. ``started_ms`` is
    when the request was sent, counted from the request of the page itself. ``protocol`` is the protocol
    of the answer, named as in ALPN: ``http/1.1``, ``h2``, ``h3``. It and the ``timings`` are null where
    they are not known.
    """

    url: str
    kind: Kind
    status: AssetStatus = "pending"
    http_status: int | None = None
    transfer_bytes: int = 0
    resource_bytes: int = 0
    content_type: str | None = None
    encoding: str | None = None
    initiator: str | None = None
    third_party: bool = False
    lazy: bool = False
    conditional: bool = False
    duration_ms: int | None = None
    error: str | None = None
    started_ms: int | None = None
    protocol: str | None = None
    timings: Timings | None = None


class Finding(msgspec.Struct, frozen=True):
    """Something about a page that its owner can act on.

    Attributes:
        code: Its name, for machines: ``uncompressed-text``, ``identical-bodies``, ...
        message: A sentence, for people.
        saves_bytes: How many bytes fewer would cross the wire, where that was measured; for images
            with too many pixels, an estimate.
        assets: The URLs that it is about; if these are not all, the message says how many there are.
    """

    code: str
    message: str
    saves_bytes: int | None = None
    assets: tuple[str, ...] = ()


_PROJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_BRANCH: Final = re.compile(r"[^\s:\x00-\x1f\x7f]{1,250}")
_COMMIT: Final = re.compile(r"[A-Za-z0-9]{1,64}")


class Build(msgspec.Struct, frozen=True):
    """The build of a project in which a CI job weighed a page and sent its result.

    Attributes:
        project: Its name.
        branch: Of the repository.
        commit: Of the branch.
        path: Path and query of the page. Results are compared by it, whatever host a preview has.
    """

    project: str
    branch: str
    commit: str
    path: str

    def problem(self) -> str | None:
        """Which part is invalid, and what it must be; None if all are valid."""
        if _PROJECT.fullmatch(self.project) is None:
            return "a project's name is 1 to 64 letters, digits, - . and _"
        if _BRANCH.fullmatch(self.branch) is None:
            return "a branch is 1 to 250 characters without white space or colons"
        if _COMMIT.fullmatch(self.commit) is None:
            return "a commit is 1 to 64 letters and digits"
        if not self.path.startswith("/") or len(self.path) > 1024 or not self.path.isascii():
            return "a path begins with / and has at most 1,024 characters, encoded as in a URL"
        return None

    @property
    def series(self) -> str:
        """The key shared by results that follow one another; no git branch contains a colon."""
        return f"{self.project}:{self.branch}:{self.path}"

    def on(self, branch: str) -> Build:
        """The same page on another branch."""
        return msgspec.structs.replace(self, branch=branch)


class Report(msgspec.Struct, frozen=True):
    """All that is known of a page at one version.

    ``total`` equals the sum over ``assets``, over ``by_kind`` and over ``by_host``: always, also
    while the page is being weighed. ``complete`` is true only when every asset was fetched and
    nothing was cut short by a limit or a deadline. ``viewport`` is width and height in CSS pixels and
    the device pixels for each, as `libra.weighing.options.Viewport` reads it. ``findings`` are added
    when the page is weighed. ``coverage`` says what the method could not see, where that is known.
    ``chosen`` says why Libra took this method, where the client left the choice to Libra. ``figures``
    come with the score; reports of an older Libra have none. ``build`` is set where a CI job weighed
    the page. ``screenshot`` is true where Libra took a picture of it. ``with_headers`` is true where
    the client gave request headers of its own, which the report does not contain.
    """

    id: str
    url: str
    final_url: str | None = None
    title: str | None = None
    method: Method = "static"
    viewport: str = "1350x940@1"
    status: Status = "queued"
    complete: bool = False
    version: int = 1
    backup: Backup = "memory"
    submitted_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    duration_ms: int | None = None
    body: Bytes = Bytes()
    total: Total = Total()
    by_kind: dict[Kind, Total] = msgspec.field(
        default_factory=lambda: dict.fromkeys(KINDS, Total())
    )
    by_host: dict[str, HostTotal] = {}
    score: Score | None = None
    assets: tuple[Asset, ...] = ()
    error: str | None = None
    findings: tuple[Finding, ...] = ()
    coverage: str | None = None
    chosen: str | None = None
    figures: Figures | None = None
    build: Build | None = None
    screenshot: bool = False
    with_headers: bool = False

    def _repr_html_(self) -> str:
        """The report as HTML, for a notebook."""
        from libra.notebook import to_html  # noqa: PLC0415 - seldom needed

        return to_html(self)


class Summary(msgspec.Struct, frozen=True):
    """A report without its assets, for lists."""

    id: str
    url: str
    final_url: str | None
    title: str | None
    status: Status
    complete: bool
    version: int
    backup: Backup
    submitted_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    total: Total
    by_kind: dict[Kind, Total]
    score: Score | None
    error: str | None
    method: Method = "static"
    viewport: str = "1350x940@1"
    build: Build | None = None
    with_headers: bool = False

    @property
    def way(self) -> str:
        """How the page was weighed, in a short text."""
        return way_of(self)


def way_of(report: Report | Summary) -> str:
    """How a page was weighed, in a short text: only pages weighed in the same way can be compared."""
    headers = " with headers" if report.with_headers else ""
    return sys.intern(f"{report.method} {report.viewport}{headers}")


def summarize(report: Report) -> Summary:
    """The summary of a report."""
    return Summary(**{name: getattr(report, name) for name in Summary.__struct_fields__})


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Report)
_summaries = msgspec.json.Decoder(Summary)


def encode(report: Report) -> bytes:
    """The report as JSON: the one encoding that Libra serves, stores and keeps in memory."""
    return _encoder.encode(report)


def decode(data: bytes | str) -> Report:
    """Read what `encode` wrote.

    Raises:
        msgspec.ValidationError: if it is JSON of another shape.
        msgspec.DecodeError: if it is not JSON.
    """
    return decode_json_with(_decoder, data)


def decode_summary(data: bytes) -> Summary:
    """Read the summary of what `encode` wrote; raises as `decode` does.

    It skips the assets without decoding them: a list has a hundred reports, and each may have megabytes
    of assets.
    """
    short = without_assets(data)
    if short is not data:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return _summaries.decode(short)
    return decode_json_with(_summaries, data)


def without_assets(encoded: bytes) -> bytes:
    """An encoded report whose list of assets is empty, without decoding it.

    A report that another program wrote, and so in another order, is returned unchanged, or may no longer
    be JSON.
    """
    # As in `restamp`, no text in a report can look like these keys. Only the report's own list of assets
    # is followed by ``error``; the lists in its findings are not.
    start = encoded.find(_ASSETS) + len(_ASSETS)
    end = encoded.rfind(_AFTER_ASSETS)
    return encoded[:start] + encoded[end:] if len(_ASSETS) < start < end else encoded


def restamp(encoded: bytes, version: int, backup: Backup) -> bytes:
    """An encoded report with another version and backup, without decoding it.

    Nothing else changes in a finished report, and it may be read a thousand times a second. The first
    match is the right one: the fields come in the order of `Report`, and inside a JSON string every
    quotation mark is escaped, so no foreign URL or title can look like the field.
    """
    start = encoded.index(_VERSION)
    end = encoded.index(b",", encoded.index(_BACKUP, start) + len(_BACKUP))
    return b'%b%b%d,"backup":"%b"%b' % (
        encoded[:start],
        _VERSION,
        version,
        backup.encode(),
        encoded[end:],
    )


def require_stampable(encoded: bytes) -> None:
    """Raise ValueError where `restamp` would: the stored bytes may not be a report."""
    encoded.index(b",", encoded.index(_BACKUP, encoded.index(_VERSION)) + len(_BACKUP))


_ASSETS = b',"assets":['
_AFTER_ASSETS = b'],"error":'
_VERSION = b',"version":'
_BACKUP = b',"backup":'
