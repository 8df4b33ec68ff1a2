"""What the web wrote is read by the web's grammars, which are ASCII: see `libra.ascii`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from libra.ascii import is_digits, lowered, trimmed, words

SOURCE = Path(__file__).parents[2] / "src/libra"
READERS = ("weighing", "network", "cli/finding", "formats/sitemap.py", "formats/loose_xml.py")
"""Whatever reads the text of others."""

OF_UNICODE = frozenset(
    {
        *(
            "casefold",
            "isalnum",
            "isalpha",
            "isdecimal",
            "isdigit",
            "isnumeric",
            "isspace",
            "lower",
        ),
        *("splitlines", "title", "upper"),
    }
)
OF_UNICODE_WHEN_BARE = frozenset({"lstrip", "rsplit", "rstrip", "split", "strip"})
EXPRESSIONS = frozenset(
    {"compile", "findall", "finditer", "fullmatch", "match", "search", "split", "sub"}
)

BYTES = "bytes: their methods know ASCII only"
OWN = "Libra's own text"
GIVEN = "the user's own settings"
JAVASCRIPT = "JavaScript's blanks and names are of Unicode"

ALLOWED: dict[str, tuple[str, set[str]]] = {
    "weighing/bodies/prescan.py": (BYTES, {"name.lower()", "attribute['name'].lower()"}),
    "weighing/html/document_walk.py": (BYTES, {"html.lower()"}),
    "weighing/html/parser_limits.py": (BYTES, {"name.lower()"}),
    "weighing/html/quirks.py": (BYTES, {"kind.lower()", "doctype[1].lower()"}),
    "weighing/scripts/early_errors.py": (BYTES, {"number[1:2].isdigit()", "after.isalpha()"}),
    "weighing/scripts/early_places.py": (
        BYTES,
        {"source[node.end_byte:node.end_byte + 1].isdigit()"},
    ),
    "network/libcurl/heads.py": (
        "bytes that libcurl has accepted as a status line",
        {
            "lines[0].split(None, 2)",
            "head[0].split(None, 2)",
            "start[1].isdigit()",
            "status.isdigit()",
        },
    ),
    "network/tolerant_http.py": (BYTES, {"buffer[start:start + _SLOP + 4].lower()"}),
    "weighing/css/chromium.py": (OWN, {"text.split()"}),
    "weighing/css/grammar.py": (
        OWN,
        {
            r"re.compile('\\s*(?:<([\\w+-]+)>|([\\w-]+)\\(|([\\w-]+)|(\\|\\||&&|\\||\\[|\\]|\\)|\\*|\\+|\\?|#)|\\{(\\d+)(,(\\d*))?\\}|([,/]))')"
        },
    ),
    "network/content_encoding.py": (OWN, {"str(error).rpartition(':')[2].strip()"}),
    "network/failures.py": (OWN, {"words.split()"}),
    "network/origin_slots.py": (OWN, {"(text or type(error).__name__).split()"}),
    "weighing/options.py": (
        GIVEN,
        {
            r"re.fullmatch('(\\d{1,5})x(\\d{1,5})(?:@(\\d{1,2}(?:\\.\\d{1,3})?))?', text.strip())",
            "name.lower()",
            "self.user_agent.strip()",
            "self.user_agent.strip().lower()",
            "text.strip()",
        },
    ),
    "weighing/static/request_headers.py": (
        GIVEN,
        {
            "line.partition(':')[0].lower()",
            "lines.splitlines(keepends=True)",
            "name.lower()",
            "pair.strip()",
        },
    ),
    "network/proxies.py": (
        GIVEN,
        {
            "entry.lower()",
            "f'{scheme}_proxy'.upper()",
            "host.strip('[]').lower()",
            "no_proxy.replace(',', ' ').split()",
            "text.strip()",
            "wanted.isdigit()",
        },
    ),
    "weighing/scripts/module_scripts.py": (
        JAVASCRIPT,
        {
            r"re.compile('(?<![\\w$.])(?:import|export)(?![\\w$])')",
            r"re.compile('[\\w$*{},\\s]*+')",
            r"re.compile('\\b(?:import|export)\\b')",
        },
    ),
    "weighing/findings/document_facts.py": (
        "what a reader sees: a no-break space is nothing",
        {"(node.text_content or '').strip()"},
    ),
    "weighing/style/fonts/shown_text.py": (
        "text-transform is of Unicode",
        {
            "match[0].upper()",
            r"""re.compile("(?<![\\w'\\u2019])\\w")""",
            "text.lower()",
            "text.upper()",
        },
    ),
    "weighing/stylesheets/fonts.py": (
        "names of families are compared by the caseless matching of Unicode",
        {"' '.join(words(name)).casefold()", "name.strip('\"\\'').casefold()"},
    ),
}
"""By file, why some of its calls are right, and which."""


def readers() -> Iterator[Path]:
    for place in READERS:
        path = SOURCE / place
        for found in [path] if path.suffix else sorted(path.rglob("*.py")):
            if "rendered" not in found.parts:  # there, the browser has read the text of others
                yield found


def calls_of_unicode(source: str) -> Iterator[str]:
    """The calls by which Unicode may come in, as written."""
    tree = ast.parse(source)
    pieces = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        method, of = node.func.attr, node.func.value
        if isinstance(of, ast.Name) and of.id == "re":
            if method in EXPRESSIONS and is_of_unicode(node, pieces):
                yield ast.unparse(node)
        elif isinstance(of, ast.Constant):
            continue
        elif method in OF_UNICODE or (
            method in OF_UNICODE_WHEN_BARE
            and not node.keywords
            and all(isinstance(one, ast.Constant) and one.value is None for one in node.args[:1])
        ):
            yield ast.unparse(node)


def is_of_unicode(call: ast.Call, pieces: dict[str, ast.expr]) -> bool:
    pattern = written(call.args[0], pieces)
    flags = "".join(map(ast.unparse, [*call.args[1:], *(one.value for one in call.keywords)]))
    if pattern is None or "re.ASCII" in flags:
        return False
    pattern = pattern.replace(r"[\s\S]", "")
    return "re.IGNORECASE" in flags or any(rf"\{letter}" in pattern for letter in "sSdDwWbB")


def written(pattern: ast.expr, pieces: dict[str, ast.expr]) -> str | None:
    """The text of an expression, with the constants of its module put in; None for bytes."""
    match pattern:
        case ast.Constant(value=bytes()):
            return None
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(written(part, pieces) or "" for part in parts)
        case ast.FormattedValue(value=value):
            return written(value, pieces)
        case ast.Name(id=name) if name in pieces:
            return written(pieces[name], pieces)
        case ast.BinOp(left=left, right=right):
            ends = written(left, pieces), written(right, pieces)
            return None if None in ends else "".join(filter(None, ends))
        case _:
            return ""


def test_what_reads_the_web_reads_ascii() -> None:
    wrong = {
        name: unknown
        for path in readers()
        if (
            unknown := [
                call
                for call in calls_of_unicode(path.read_text("utf-8"))
                if call not in ALLOWED.get(name := str(path.relative_to(SOURCE)), ("", set()))[1]
            ]
        )
    }
    assert wrong == {}, "use libra.ascii or re.ASCII, or say why it is right"


def test_nothing_is_allowed_in_vain() -> None:
    vain = {
        name: gone
        for name, (_, calls) in ALLOWED.items()
        if (gone := calls - set(calls_of_unicode((SOURCE / name).read_text("utf-8"))))
    }
    assert vain == {}


@pytest.mark.parametrize(
    "line",
    [
        "text.split()",
        "text.split(None, 2)",
        "text.strip().lower()",
        "text.isdigit()",
        r're.compile(r"\s")',
        're.compile("a", re.IGNORECASE)',
        'A = r"\\w"\nre.match(rf"{A}+", text)',
    ],
)
def test_what_is_of_unicode_is_found(line: str) -> None:
    assert list(calls_of_unicode(line))


@pytest.mark.parametrize(
    "line",
    [
        'text.split(",")',
        'text.strip(" ")',
        r're.compile(rb"\s", re.IGNORECASE)',
        r're.compile(r"[\s\S]")',
        r're.compile(r"\w", re.IGNORECASE | re.ASCII)',
    ],
)
def test_what_is_not_of_unicode_is_not_found(line: str) -> None:
    assert list(calls_of_unicode(line)) == []


def test_blanks_are_those_of_the_web() -> None:
    assert words(" a\tb\nc\fd\re ") == ["a", "b", "c", "d", "e"]
    odd = "\v\x1c\x1f\x85\xa0\u2000\u2028\u3000"
    assert words(f"a{odd}b {odd}") == [f"a{odd}b", odd]
    assert words("a\x1fb c") == ["a\x1fb", "c"]
    assert words(" \t ") == []
    assert trimmed(f"\f {odd}\r\n") == odd


def test_letters_and_digits_are_those_of_the_web() -> None:
    assert lowered("ABC-Z") == "abc-z"
    assert lowered("A\u212a\u0130É\udcff") == "a\u212a\u0130É\udcff"
    assert is_digits("0129")
    assert not any(map(is_digits, ["", "\u0661", "1\u00b2", "-1", "1.0", " 1"]))
