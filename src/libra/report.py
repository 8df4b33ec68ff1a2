"""The report: what is known of a page, as plain data.

Everything that leaves Libra (JSON over HTTP, the command, the database) is one of these types, and
every part of the program may import them. They hold no behaviour beyond encoding, and showing themselves
in a notebook. All sizes are bytes, all durations milliseconds, all times UTC.
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
"""What an asset is, in Lighthouse's seven kinds; a frame's page is a ``document`` too."""

KINDS: tuple[Kind, ...] = get_args(Kind)

Status = Literal["queued", "fetching", "weighing", "weighed", "failed"]
"""Where a page is in its life."""

FINISHED: frozenset[Status] = frozenset({"weighed", "failed"})

AssetStatus = Literal["pending", "fetched", "failed", "skipped"]

Backup = Literal["memory", "journaled", "replicated", "stored", "rejected"]
"""How safe a result is: only in memory, on local disk, in the database, or refused by it."""

Method = Literal["static", "rendered"]

Bound = Literal["exact", "at_most"]
"""Whether a score is that of the page, or of the part of it that is known."""


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
    """What one host (``host`` or ``host:port``) sent.

    Third party is judged by registrable domain.
    """

    requests: int = 0
    transfer_bytes: int = 0
    resource_bytes: int = 0
    third_party: bool = False


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """Both scores of a page, 0 to 100, and the verdict in words.

    The weight of a page that is not whole is a lower bound, so its scores are upper ones: ``bound`` is
    ``at_most``, and there is no verdict.
    """

    teledrin: int
    bound: Bound = "exact"
    verdict: str | None
    lighthouse: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What others make of the same weight, beside the scores; estimates, by their own formulas.

    Attributes:
        co2_grams: Grams of CO2 equivalent for one visit that finds nothing in its cache, by the
            Sustainable Web Design Model, version 4.
        elements: Elements of the document, without what is in drawings, as far as the method sees them.
        ecoindex: EcoIndex, 0 to 100, more is better; None if the elements were not counted.
    """

    co2_grams: float
    elements: int | None = None
    ecoindex: float | None = None


class Timings(msgspec.Struct, frozen=True, omit_defaults=True):
    """Milliseconds that each step of a request took.

    What was not needed (a kept connection needs no first three) or is not known is left out. Their sum
    is less than the asset's duration, which includes waiting for a connection.

    Attributes:
        lookup_ms: For the addresses of the name.
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

    ``lazy`` marks what a browser would load only when scrolled to, ``conditional`` what it loads
    only if something holds that cannot be known without a browser. ``started_ms`` is when the request
    was sent, since that of the page itself. ``protocol`` is what the answer came over, named as ALPN
    does: ``http/1.1``, ``h2``, ``h3``; it and the ``timings`` are null where nobody knows.
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
    """Something about a page that somebody can act on.

    Attributes:
        code: What it is, for machines: ``uncompressed-text``, ``identical-bodies``, ...
        message: What it is, for people.
        saves_bytes: How many bytes less would cross the wire, where that was measured; of images
            with too many pixels, about how many.
        assets: The URLs that it is about; the message says how many there are if these are not all.
    """

    code: str
    message: str
    saves_bytes: int | None = None
    assets: tuple[str, ...] = ()


_PROJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_BRANCH: Final = re.compile(r"[^\s:\x00-\x1f\x7f]{1,250}")
_COMMIT: Final = re.compile(r"[A-Za-z0-9]{1,64}")


class Build(msgspec.Struct, frozen=True):
    """Which build of a project a page was weighed in, by a CI job that sent its result.

    Attributes:
        project: Its name.
        branch: Of the repository.
        commit: Of the branch.
        path: Path and query of the page: what it is compared by, whatever host a preview has.
    """

    project: str
    branch: str
    commit: str
    path: str

    def problem(self) -> str | None:
        """Which part cannot be what it is called, and what it takes; None if all can."""
        if _PROJECT.fullmatch(self.project) is None:
            return "a project's name is 1 to 64 letters, digits, - . and _"
        if _BRANCH.fullmatch(self.branch) is None:
            return "a branch is 1 to 250 characters without white space and colon"
        if _COMMIT.fullmatch(self.commit) is None:
            return "a commit is 1 to 64 letters and digits"
        if not self.path.startswith("/") or len(self.path) > 1024 or not self.path.isascii():
            return "a path begins with / and has 1,024 characters at most, as a URL has it"
        return None

    @property
    def series(self) -> str:
        """What results that follow one another have in common; no branch of git has a colon."""
        return f"{self.project}:{self.branch}:{self.path}"

    def on(self, branch: str) -> Build:
        """The same page on another branch."""
        return msgspec.structs.replace(self, branch=branch)


class Report(msgspec.Struct, frozen=True):
    """All that is known of a page at one version.

    ``total`` equals the sum over ``assets``, over ``by_kind`` and over ``by_host``: always, also
    while the page is being weighed. ``complete`` is true only when every asset was fetched and
    nothing was cut short by a limit or a deadline. ``viewport`` is width and height in CSS pixels and
    the device pixels for each, as `libra.weighing.options.Viewport` reads it. ``findings`` come when
    the page is weighed; ``coverage`` says what the method could not see, where that is plain, and
    ``chosen`` why this method was taken, where that was left to Libra. ``figures`` come with the score;
    reports of an older Libra have none. ``build`` is there where a CI job weighed the page, and
    ``screenshot`` is true where a picture of it was taken, and ``with_headers`` where it was asked for
    with request headers of somebody's own, which are not told.
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
        """What a notebook shows."""
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
        """How it was weighed, in a short text."""
        return way_of(self)


def way_of(report: Report | Summary) -> str:
    """How a page was weighed, in a short text: only what was weighed in one way can be compared."""
    headers = " with headers" if report.with_headers else ""
    return sys.intern(f"{report.method} {report.viewport}{headers}")


def summarize(report: Report) -> Summary:
    """The summary of a report."""
    return Summary(**{name: getattr(report, name) for name in Summary.__struct_fields__})


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Report)
_summaries = msgspec.json.Decoder(Summary)


def encode(report: Report) -> bytes:
    """The report as JSON, the one encoding that is served, stored and kept at rest."""
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

    Its assets are not even looked at: a list has a hundred reports, each of which may have megabytes
    of them.
    """
    short = without_assets(data)
    if short is not data:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return _summaries.decode(short)
    return decode_json_with(_summaries, data)


def without_assets(encoded: bytes) -> bytes:
    """An encoded report whose list of assets is empty, without decoding it.

    What was written by another program, and so in another order, is returned as it is, or may be no
    JSON any more.
    """
    # As in `restamp`: no text in a report can look like these. Only the list of assets is followed by
    # the report's error; those of its findings are not.
    start = encoded.find(_ASSETS) + len(_ASSETS)
    end = encoded.rfind(_AFTER_ASSETS)
    return encoded[:start] + encoded[end:] if len(_ASSETS) < start < end else encoded


def restamp(encoded: bytes, version: int, backup: Backup) -> bytes:
    """An encoded report with another version and backup, without decoding it.

    A finished report changes in nothing else, and it may be read a thousand times a second. That the
    first match is the right one: the fields come in the order of `Report`, and inside a JSON string
    every quotation mark is escaped, so no foreign URL or title can look like the field.
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
    """Raise ValueError where `restamp` would: what is stored may be no report at all."""
    encoded.index(b",", encoded.index(_BACKUP, encoded.index(_VERSION)) + len(_BACKUP))


_ASSETS = b',"assets":['
_AFTER_ASSETS = b'],"error":'
_VERSION = b',"version":'
_BACKUP = b',"backup":'
