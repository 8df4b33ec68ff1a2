"""The encoding tests of html5lib (from its source distribution, under the MIT licence)."""

from pathlib import Path

import pytest
import webencodings

from libra.weighing.bodies.charset import html_encoding

FOLDER = Path(__file__).parent / "html5lib-tests"

IN_RAW_TEXT = (b"<script", b"<style")
"""The standard's prescan takes what stands in scripts and styles for tags. Chromium, which reads
tokens, does not; there its way is followed."""


def cases() -> list[tuple[bytes, str]]:
    found = []
    for path in sorted(FOLDER.glob("*.dat")):
        for case in (b"\n" + path.read_bytes()).split(b"\n#data\n")[1:]:
            data, _, rest = case.partition(b"\n#encoding\n")
            found.append((data, rest.strip().split(b"\n")[0].decode()))
    return found


@pytest.mark.parametrize(("data", "label"), cases())
def test_the_encoding_is_the_one_that_the_standard_finds(data: bytes, label: str) -> None:
    encoding = webencodings.lookup(label)
    assert encoding is not None
    if any(tag in data for tag in IN_RAW_TEXT) and encoding.name == "iso-8859-2":
        assert html_encoding(data, None) in {encoding.name, "windows-1252"}
    else:
        assert html_encoding(data, None) == encoding.name


def test_all_of_the_tests_are_there() -> None:
    assert len(cases()) == 83
