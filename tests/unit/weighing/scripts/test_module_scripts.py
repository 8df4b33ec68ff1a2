"""Module scripts are followed along their static imports."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.scripts.import_map import ImportMap
from libra.weighing.scripts.module_scripts import imports_in
from support.work import assert_linear

URL = "https://example.com/js/app.js"


def found(source: str, import_map: ImportMap | None = None) -> list[str]:
    prefix = "https://example.com/"
    return [
        item.url.removeprefix(prefix)
        for item in imports_in(source, URL, import_map or ImportMap(URL))
    ]


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ('import "./a.js";', ["js/a.js"]),
        ("import a from './a.js'", ["js/a.js"]),
        ('import{a as b,c}from"./a.js";import*as d from"../b.js"', ["js/a.js", "b.js"]),
        ('import a, {\n  b,\n  c,\n} from "/c.js";\n', ["c.js"]),
        (
            'export * from "./a.js"; export {x} from "./b.js"; export default 1',
            ["js/a.js", "js/b.js"],
        ),
        ('export*from"./a.js"', ["js/a.js"]),
        ('import "./a.js"; import "./a.js#x"', ["js/a.js"]),
        ('const x = await import("./lazy.js")', []),
        ("import.meta.url; const important = 'x'", []),
        ('export const from = "x"', []),
        ('import "bare"; import "./a.js"', []),
        ('import "https://cdn.example/x.js"', ["https://cdn.example/x.js"]),
        ('import data from "./d.json" with {type: "json"}', ["js/d.json"]),
        ("x.import 'a.js'", []),
        ("", []),
    ],
)
def test_static_imports_are_found(source: str, imports: list[str]) -> None:
    assert found(source) == imports


def test_an_import_map_gives_meaning_to_bare_specifiers() -> None:
    import_map = ImportMap("https://example.com/")
    import_map.add(
        json.dumps({
            "imports": {
                "vue": "/vue.js", "lib/": "./vendor/lib/", "./js/old.js": "./new.js", "none": None,
            },
            "scopes": {"/js/": {"vue": "/scoped-vue.js"}},
        })
    )  # fmt: skip
    assert found('import "vue"; import "lib/x.js"; import "./old.js"', import_map) == [
        "scoped-vue.js",
        "vendor/lib/x.js",
        "new.js",
    ]
    assert found('import "vue"; import "none"', import_map) == []
    assert import_map.resolve("vue", "https://example.com/other.js") == "https://example.com/vue.js"


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", '{"imports": 1}', '{"imports": {"a": {}}}', "[" * 100_000,
        '{"imports": {"a": "/a.js"}, "integrity": 5}', '{"imports": {"a": "/a.js"}, "scopes": []}',
    ],
)  # fmt: skip
def test_what_is_no_import_map_is_ignored(text: str) -> None:
    import_map = ImportMap(URL)
    import_map.add(text)
    assert import_map.resolve("a", URL) is None


WORDS = st.sampled_from(["import", "export", " ", "{", "}", "*", "from", "'./a'", '"', ",", "\n"])
TREES = st.recursive(
    st.none() | st.text(max_size=9),
    lambda inner: st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)


@given(st.lists(WORDS, max_size=30).map("".join))
def test_any_source_is_read(source: str) -> None:
    assert all(item.url.startswith("https://") for item in imports_in(source, URL, ImportMap(URL)))


@given(TREES)
def test_any_json_is_an_import_map_or_ignored(value: object) -> None:
    import_map = ImportMap(URL)
    import_map.add(json.dumps({"imports": value, "scopes": value}))
    import_map.resolve("a/b", URL)


@pytest.mark.parametrize(
    "unit", ["import ", "export ", "import{", "import'", 'import"a";', "import a from ", "from "]
)
def test_the_worst_is_read_in_linear_time(unit: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        source = unit * (size // len(unit))
        return lambda: imports_in(source, URL, ImportMap(URL))

    assert_linear(prepare, 300_000)
