"""The suite for parsers of ECMAScript, test262-parser-tests (the licences are beside the cases).

Whether a source compiles is the answer of V8, which Chromium has, for the source as a module.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.scripts.early_errors import has_early_error
from libra.weighing.scripts.import_map import ImportMap
from libra.weighing.scripts.module_scripts import imports_in, parsed
from support.work import assert_linear

HERE = Path(__file__).parent
CASES: dict[str, list[str]] = json.loads((HERE / "parser_cases.json").read_text("utf-8"))
URL = "https://example.com/app.js"

REFUSED_BY_THE_GRAMMAR = {
    # The grammar of tree-sitter knows no parentheses around the parts of a pattern,
    "({a:(b.c)} = 1)\n", "({a:(b)} = 1)\n", "({a:(b) = 1} = 2)\n", "[(a) = 1] = 2\n",
    "[(a.b)] = 1\n", "[(a)] = 1\n",
    # and no assignment to a call, which browsers compile for compatibility.
    "func() = 4",
}  # fmt: skip

COMPILED_BY_MISTAKE = {
    # Characters that may be in a name, but not at its beginning.
    "\u200c = []", "\u200d = []", "\u203f = 10",
    # A character that is newer than V8's version of Unicode.
    "var \U0002b81e_ = 12;",
    # The grammar allows the end of a line in a string after a special character.
    "('\n')",
    # A computed name that ends after ``yield iter``, in a block.
    "(function*() {\n    { *[yield iter]() {} }\n})\n",
}  # fmt: skip


def compiles(source: str) -> bool:
    return bool(imports_in(f'import "./probe.js";\n{source}', URL, ImportMap(URL)))


def test_every_module_that_a_browser_compiles_fetches_its_imports() -> None:
    assert {case for case in CASES["compiled"] if not compiles(case)} == REFUSED_BY_THE_GRAMMAR


def test_no_module_that_a_browser_refuses_fetches_an_import() -> None:
    assert {case for case in CASES["refused"] if compiles(case)} == COMPILED_BY_MISTAKE


@pytest.mark.parametrize(
    "source",
    [
        "let a = await (0, b.c)(1); d()",
        "async function f() { let a = await(b || c).d(); return await (a) }",
        "class A { async *[await (1)]() { yield (await (2)) } }",
        "try {} catch (e) { var e }",
        "function f(a) { var a; function a() {} }",
        "switch (1) { case 1: { let a } default: { let a } }",
        "for (let a of b) { let a }",
        "if (a) { function f() {} } function f() {}",
        "class A { static { var a; var a; function a() {} } }",
        r"a = /[\w\-]{1,2}?(?<n>a)|(?<n>b)\k<n>/u",
        r"a = /{a}]{,2}\-(?=a)*[a-z-]/",
        r"a = /[\p{L}--[a-z]]/v",
        "x = ['\u200b', `\u200b${a}\u200b`, /\u200b[\u200b]\\\u200b/] // \u200b\n/* \u200b */",
        "x = y/* two\nlines */z()",
    ],
)
def test_a_module_compiles(source: str) -> None:
    assert compiles(source)


@pytest.mark.parametrize(
    "source",
    [
        "function f() { await (1) }",
        "try {} catch ([e]) { var e }",
        "function f() { let a; { var a } }",
        "if (a) { function f() {} function f() {} }",
        "class A { static { let a; var a } }",
        "let a, {b: [a]} = {}",
        "for (let a of b) { var a }",
        "(a, {b: a}) => 1",
        "console.log(“a”)",
        "a =\u200b b",
        "a = /[z-a]/",
        "a = /a{2,1}/",
        "a = /(?<n>a)(?<n>b)/",
        "a = /(/",
        "a = /^*/",
        r"a = /\-/u",
        "export { default }",
    ],
)
def test_a_module_does_not_compile(source: str) -> None:
    assert not compiles(source)


WORDS = r"""
a b eval let const var function class { } ( ) [ ] = => , ; : ? ?. . ... + ++ ** ?? || yield await async
for of in if else while do break continue return throw new super this import export default from as 'a'
`a` ` ${ /a/u /(?<a>b)/ 1 01 # #a * static get set constructor switch case try catch finally \u0061
\u{110000} あ “ <!-- -->
"""
PIECES = st.sampled_from([*WORDS.split(), "\n", "\r", "\0", "\u2028"])


@given(st.lists(PIECES, max_size=40), st.sampled_from(["", " "]))
def test_any_text_has_an_early_error_or_none(pieces: list[str], between: str) -> None:
    text = between.join(pieces).encode()
    tree, text = parsed(text)
    assert tree is not None
    assert has_early_error(tree, text) in {True, False}


@pytest.mark.parametrize(
    ("before", "unit", "after"),
    [("x=1", "+1", ""), ("", "{var a;", "}"), ("", "f();", ""), ("x=", "/(?<a>b)|/u;", "")],
)
def test_a_deep_or_wide_tree_is_checked_in_linear_time(before: str, unit: str, after: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        count = size // len(unit)
        tree, text = parsed((before + unit * count + after * count).encode())
        assert tree is not None
        return lambda: has_early_error(tree, text)

    assert_linear(prepare, 60_000)
