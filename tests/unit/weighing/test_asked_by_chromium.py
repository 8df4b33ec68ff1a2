"""What small pages ask for is what Chromium asks for.

The pages are in ``asked/``, by area, each with its answers and with what Chromium 156 requested
when it showed it; `scripts/ask_chromium.py` asks it anew. Whatever differs is named here, with its
reason.
"""

import json
from pathlib import Path

import pytest

from support.in_memory import Answer, Case, asked_by_libra

FOLDER = Path(__file__).parent / "asked"

GUESSED = "Chromium guesses the encoding of pages that declare none by their letters"
NO_SCRIPTS = "the sandbox forbids scripts: then noscript is shown"
BY_SCRIPT = "a script asks for it"
SCANNER = "Chromium's preload scanner asks for what the page then does not need"
EARLY = "an early error of the language that is not looked for"

EXCEPTIONS = {
    "mr-one": "after a second the page has been seen",
    "mr-404": "a page that is an error fails, wherever it leads",
    "rh-404": "a page that is an error fails, wherever it leads",
    "lh-404": "a page that is an error fails, whatever it asks for",
    "lh-prefetch": "what is for the next page is not counted",
    "csp33": NO_SCRIPTS,
    "csp-sandbox-noscript": NO_SCRIPTS,
    "frame-sandbox-noscript": NO_SCRIPTS,
    "csp-ro": "Chromium holds back scripts that it reports only; pages in the field do not",
    "frame-csp-attr": "the csp attribute of frames is not looked at",
    "coep": "Cross-Origin-Embedder-Policy is not looked at",
    "xml-pi-xsl": "XSLT is not carried out",
    "m-dynamic": BY_SCRIPT,
    "m-workers": BY_SCRIPT,
    "mx-m3": BY_SCRIPT,
    "al-inlinejs": BY_SCRIPT,
    "da43": BY_SCRIPT,
    "m-404": "Chromium gives up a graph at its first failure, whatever came by then",
    "im-integrity": "the digests of import maps are not checked",
    "hi-off": "where a page puts a frame is not known",
    "hi-srcdocsheet": "a srcdoc that a style sheet hides is taken to be seen",
    "hi-data": "in a process of its own a document does not know that its frame is hidden",
    "da33": "whether an image can be decoded is not looked at",
    "ba18": "style attributes are read when all of the page is there",
    "ba19": "style attributes are read when all of the page is there",
    "ba38": "a lazy image is resolved where it stands",
    "ba26": SCANNER,
    "ba30": SCANNER,
    "ba40": SCANNER,
    "ba45": SCANNER,
    "dr14": SCANNER,
    "dr24": SCANNER,
    "dr46": "of the two attributes of a drawing with an address only the newer one is followed",
    "dr65": "of animated addresses only those that are set are followed",
    "eb-marquee": "a marquee has what is skipped around it laid out",
    "eb-select": "an image that an object shows in a select",
    "ss-before": "an alternate sheet is judged by the titles before it",
    "sh2-empty": "the host of a shadow root is not :empty",
    **dict.fromkeys(
        ("as-at-nbsp", "as-at-vt", "as-at-ls", "as-at-nel", "as-at-wide", "as-at-fs"),
        "Chromium's preload scanner takes the rest of an @import for its address",
    ),
    **dict.fromkeys(
        (
            "m-surr", "ee29", "ee62",
        ),
        EARLY,
    ),
    **dict.fromkeys(
        (
            "en-headersq", "en-headersp", "en-headernosemi", "en-xmldecl3", "en-late-body",
            "en-late-div", "en-late-template", "enc-css-guess", "enc-guess-ru", "enc-guess-ja",
            "enc-guess-eucjp", "enc-guess-gbk", "enc-frame-inherit",
        ),
        GUESSED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("area", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_a_page_asks_for_what_chromium_asks_for(area: str) -> None:
    differences = {
        case.name: {"missed": missed, "in vain": in_vain}
        for case in cases_of(area)
        if case.name not in EXCEPTIONS
        and (
            (missed := sorted(set(case.asked) - set(asked := asked_by_libra(case))))
            + (in_vain := sorted(set(asked) - set(case.asked)))
        )
    }
    assert differences == {}


def test_every_exception_is_one() -> None:
    known = {case.name: case for path in FOLDER.glob("*.json") for case in cases_of(path.stem)}
    assert [name for name in EXCEPTIONS if name not in known] == []
    assert [
        name for name in EXCEPTIONS if asked_by_libra(known[name]) == list(known[name].asked)
    ] == []


def cases_of(area: str) -> list[Case]:
    return [
        Case(
            entry["name"],
            {
                path: Answer(
                    tuple((name, value) for name, value in answer["fields"]),
                    answer["body"].encode("latin-1"),
                    answer.get("status", 200),
                )
                for path, answer in entry["site"].items()
            },
            tuple(entry["asked"]),
        )
        for entry in json.loads((FOLDER / f"{area}.json").read_text())
    ]
