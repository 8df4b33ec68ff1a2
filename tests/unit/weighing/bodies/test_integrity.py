"""A style sheet that is not the one that a page means is weighed and not used."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.bodies.integrity import NEVER, asks, holds
from libra.weighing.html.document import read_document
from libra.weighing.options import DESKTOP
from libra.weighing.orders.source import Text
from libra.weighing.reading.body_reading import read_body

BODY = b"p{background:url(a.png)} @font-face{}"


def digest(body: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, body).digest()).decode()}"


@pytest.mark.parametrize(
    ("metadata", "answer"),
    [
        (digest(BODY), True),
        (digest(b"another"), False),
        (f"{digest(b'another')} {digest(BODY)}", True),
        (f"{digest(BODY)} {digest(b'another', 'sha512')}", False),
        (f"{digest(b'another')} {digest(BODY, 'sha384')}", True),
        (f"{digest(BODY)}?option", True),
        ("", True),
        ("md5-xxxx gibberish", True),
        ("sha256-x", False),
        (NEVER, False),
    ],
)
def test_the_strongest_digest_decides(metadata: str, answer: bool) -> None:
    assert holds(metadata, BODY) is answer


@given(st.text("sha256384512-+/=?ABC \n", max_size=60), st.binary(max_size=20))
def test_any_text_is_metadata(metadata: str, body: bytes) -> None:
    assert holds(metadata, body) or asks(metadata)


@pytest.mark.parametrize(("metadata", "used"), [(digest(BODY), True), (digest(b"another"), False)])
def test_a_sheet_with_another_digest_is_not_used(metadata: str, used: bool) -> None:
    text = Text(0, "stylesheet", "https://example.com/a.css", "text/css", integrity=metadata)
    assert (read_body(text, BODY, DESKTOP).sheet is not None) is used


@pytest.mark.parametrize(
    ("attributes", "integrity"),
    [
        (f"href=a.css integrity={digest(BODY)}", digest(BODY)),
        (f"href=//b.example/a.css integrity={digest(BODY)}", NEVER),
        (f"href=//b.example/a.css crossorigin integrity={digest(BODY)}", digest(BODY)),
        ("href=//b.example/a.css integrity=none", ""),
        ("href=//b.example/a.css", ""),
    ],
)
def test_of_another_origin_only_what_is_shared_can_be_checked(
    attributes: str, integrity: str
) -> None:
    page = f"<link rel=stylesheet {attributes}>".encode()
    (sheet,) = read_document(page, "text/html", "https://example.com/").references
    assert sheet.integrity == integrity
