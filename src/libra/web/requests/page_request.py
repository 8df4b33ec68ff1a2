"""Reads submissions: JSON, or a form as browsers and `curl -d` send it."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qs

import msgspec
from litestar import Request
from litestar.exceptions import ClientException, HTTPException

from libra.app import parse_headers
from libra.decoding import Undecodable, decode_json_as
from libra.urls import as_typed
from libra.weighing.method_choice import Choice
from libra.weighing.options import InvalidOptions, Options, Viewport

T = TypeVar("T")

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
PLAIN = "text/plain"

MOST = 1000
"""Most URLs in one bulk submission."""

BULK_BODY = 4_000_000
"""Bytes of its body: that many URLs of the greatest length, with some escapes."""


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How to weigh pages; fields that are left out have the service's defaults.

    ``headers`` are sent to the page's own site only. Their values are secrets: they are kept until
    the page is finished and never shown.
    """

    method: Choice | None = None
    viewport: str | None = None
    headers: dict[str, str] = {}

    def __repr__(self) -> str:
        """The fields, with only the names of the headers."""
        names = ", ".join(self.headers)
        return f"{type(self).__name__}(method={self.method!r}, headers=({names}), ...)"

    def options(self, default: Options) -> Options | None:
        """The options from these fields; None if nothing is chosen.

        Raises:
            InvalidOptions: the viewport is invalid, or a header cannot be sent.
        """
        headers = parse_headers(self.headers)
        if self.method is None and self.viewport is None and not headers:
            return None
        viewport = default.viewport if self.viewport is None else Viewport.parse(self.viewport)
        if self.method is None:
            return msgspec.structs.replace(default, viewport=viewport, headers=headers)
        return msgspec.structs.replace(
            default,
            method="rendered" if self.method == "rendered" else "static",
            viewport=viewport,
            headers=headers,
            auto=self.method == "auto",
        )


class Submission(Wanted, frozen=True, kw_only=True):
    """A page to weigh: an absolute ``http`` or ``https`` URL without credentials."""

    url: str


class Bulk(Wanted, frozen=True, kw_only=True):
    """Up to 1,000 pages to weigh, all in the same way."""

    urls: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MOST)]


AnyRequest = Request[Any, Any, Any]


def content_type(request: AnyRequest, *, taken: tuple[str, ...] = (JSON, FORM, MULTIPART)) -> str:
    """The type of the body, without parameters.

    Raises:
        HTTPException: 415, it is not one of the accepted types, or the body is compressed.
    """
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in {"", "identity"}:
        raise HTTPException(
            status_code=415,
            detail=f"Send the body without Content-Encoding: {coding[:40]} is not decoded here.",
            headers={"Accept-Encoding": "identity"},  # RFC 9110, section 12.5.3
        )
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in taken:
        example = '{"url": "https://example.com"}' if FORM in taken else '{"urls": ["https://…"]}'
        other = f"a form ({FORM}) with a field url" if FORM in taken else f"lines ({PLAIN})"
        raise HTTPException(
            status_code=415,
            detail=f"Send JSON ({JSON}, such as {example}) or {other}.",
            headers={"Accept-Post": ", ".join(taken)},
        )
    return kind


async def read_submission(request: AnyRequest, kind: str, *, typed: bool = False) -> Submission:
    """Read the body.

    Args:
        request: the request.
        kind: its content type, from `content_type`.
        typed: whether a person typed it into a form, and may have left out the scheme of the URL.

    Raises:
        ClientException: saying what is missing or malformed; 413 for a body that is too large.
    """
    if kind == JSON:
        return decode_body(await request.body(), Submission)
    fields = await read_fields(request, kind)
    if "url" not in fields:
        raise ClientException(
            "The form has no field url. To send JSON, add Content-Type: application/json."
        )
    # An empty field was not filled in. Unknown fields, such as a button's, are no mistake.
    wanted = {name: fields[name] for name in ("method", "viewport") if fields.get(name)}
    headers = header_lines(fields.get("headers", ""))
    try:
        url = as_typed(fields["url"]) if typed else fields["url"]
        return msgspec.convert({"url": url, **wanted, "headers": headers}, Submission)
    except msgspec.ValidationError as error:
        raise ClientException(f"The form is invalid: {error}.") from None


async def read_fields(request: AnyRequest, kind: str) -> dict[str, str]:
    """The fields of a form, of either type, each with its first value; raises as `form_fields`."""
    if kind != MULTIPART:
        return form_fields(await request.body())
    form = await request.form()
    return {name: form[name] for name in form if isinstance(form[name], str)}


async def read_bulk(request: AnyRequest) -> Bulk:
    """Read many submissions: JSON, or lines of text with ``#`` for comments.

    Raises:
        ClientException: saying what is missing or malformed; 413 for a body that is too large.
        HTTPException: 415 for a body of another type.
    """
    if content_type(request, taken=(JSON, PLAIN)) == JSON:
        return decode_body(await request.body(), Bulk)
    try:
        lines = [line.strip() for line in (await request.body()).decode().splitlines()]
    except UnicodeDecodeError as error:
        raise ClientException(f"The list cannot be read: {error}.") from None
    urls = tuple(line for line in lines if line and not line.startswith("#"))
    try:
        return msgspec.convert({"urls": urls}, Bulk)
    except msgspec.ValidationError as error:
        raise ClientException(f"The list is invalid: {error}.") from None


def header_lines(text: str) -> dict[str, str]:
    """Read headers from lines of ``Name: value``.

    Raises:
        InvalidOptions: a line is not a header.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if line.strip() and not colon:
            raise InvalidOptions("write one header per line, as Name: value")
        if colon:
            found[name.strip()] = value.strip()
    return found


def form_field(body: bytes, name: str) -> str | None:
    """The first value of a field of a URL-encoded form; None if it has none.

    Raises:
        ClientException: the form cannot be read.
    """
    return form_fields(body).get(name)


def form_fields(body: bytes) -> dict[str, str]:
    """The fields of a URL-encoded form, each with its first value.

    Raises:
        ClientException: the form cannot be read.
    """
    try:
        fields = parse_qs(
            body.decode(), keep_blank_values=True, max_num_fields=100, errors="strict"
        )
    except ValueError as error:  # not UTF-8, or too many fields
        raise ClientException(f"The form cannot be read: {error}.") from None
    return {name: values[0] for name, values in fields.items()}


def decode_body(body: bytes, kind: type[T]) -> T:
    """Read JSON.

    Raises:
        ClientException: saying what is missing or malformed.
    """
    try:
        return decode_json_as(body, kind)
    except Undecodable as error:
        raise ClientException(f"The body is invalid: {error}.") from None
