"""What Chromium asked for on small pages is what is found in them, without a browser.

The tables hold a style sheet, a body and what Chromium 156 asked for; of a case that is not the same
here the fourth entry is the reason. Where Libra gets better than an exception, that has to go.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from libra.weighing.html.document import read_document
from libra.weighing.options import DESKTOP
from libra.weighing.style.page_styles import Styles, style
from libra.weighing.style.styled_document import StyledDocument
from libra.weighing.stylesheets.stylesheet import Sheet, read_stylesheet

TABLES = Path(__file__).parent / "asked"
BASE = "https://example.com/"


def asked(css: str, body: str) -> list[str]:
    """What the style of a page asks for, and what its sheets import."""
    link = "<link rel=stylesheet href=s.css>" if css else ""
    page = f"<!doctype html><title>t</title>{link}{body}".encode()
    documents = read_document(page, "text/html; charset=utf-8", BASE).documents
    sheet = read_stylesheet(css, BASE + "s.css", DESKTOP)
    styles: Styles[StyledDocument, Sheet] = Styles()
    for document in documents:
        styles.add_document(document)
    styles.add_sheet([BASE + "s.css"], sheet)
    found = {part.url for part in sheet.imports}
    for document, parts in styles.ready(all_there=True):
        found |= {wanted.urls[0] for wanted in style(document, parts, DESKTOP)}
    return sorted(url.removeprefix(BASE) for url in found)


@pytest.mark.parametrize(
    "area",
    [
        "syntax", "values", "selectors", "matching", "supports", "fonts", "more", "containers",
        "declared",
    ],
)  # fmt: skip
def test_what_chromium_asked_for_is_found(area: str) -> None:
    table: dict[str, Any] = json.loads((TABLES / f"{area}.json").read_text("utf-8"))
    wrong = []
    for css, body, expected, *reason in table["cases"]:
        found = asked(css, table["bodies"][body])
        if (found == expected) is bool(reason):
            wrong.append((css or table["bodies"][body], expected, found))
    assert not wrong
