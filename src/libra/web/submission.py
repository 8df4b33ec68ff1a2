"""What is submitted: JSON, or a form as browsers and `curl -d` send it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import msgspec
from litestar import Request
from litestar.exceptions import ClientException, HTTPException

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page to weigh: an absolute ``http`` or ``https`` URL without credentials."""

    url: str


def content_type(request: Request[Any, Any, Any]) -> str:
    """The type of the body, without parameters.

    Raises:
        HTTPException: 415, if it is none of those that are taken.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (JSON, FORM, MULTIPART):
        raise HTTPException(
            status_code=415,
            detail=f'Send JSON ({JSON}, such as {{"url": "https://example.com"}}) '
            f"or a form ({FORM}) with a field url.",
            headers={"Accept-Post": f"{JSON}, {FORM}, {MULTIPART}"},
        )
    return kind


async def read_submission(request: Request[Any, Any, Any], kind: str) -> Submission:
    """Read the body.

    Args:
        request: whose body is read.
        kind: its content type, from `content_type`.

    Raises:
        ClientException: saying what is missing or malformed; 413 for a body that is too large.
    """
    if kind == JSON:
        try:
            return msgspec.json.decode(await request.body(), type=Submission)
        # A body that does not fit is a DecodeError too; text that is not UTF-8 is not.
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ClientException(f"The body is not as expected: {error}.") from None
    if kind == MULTIPART:
        url = (await request.form()).get("url")
    else:
        url = form_field(await request.body(), "url")
    if not isinstance(url, str):
        raise ClientException(
            "The form has no field url. To send JSON, say Content-Type: application/json."
        )
    return Submission(url)


def form_field(body: bytes, name: str) -> str | None:
    """The first value of a field of a URL-encoded form; None if it has none.

    Raises:
        ClientException: if the form cannot be read.
    """
    try:
        fields = parse_qs(
            body.decode(), keep_blank_values=True, max_num_fields=100, errors="strict"
        )
    except ValueError as error:  # not UTF-8, or too many fields
        raise ClientException(f"The form cannot be read: {error}.") from None
    return fields[name][0] if name in fields else None
