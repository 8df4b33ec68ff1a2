"""Budgets in Lighthouse's format."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.budgets.growth import Growth
from libra.budgets.lighthouse import (
    SUBJECTS,
    BudgetError,
    Limit,
    at_most,
    budget_for,
    check,
    growth_of,
    parse_budgets,
    path_matches,
)
from support.samples import PAGE, asset, ordinary, weighed

# Every part of the format at once, as Lighthouse's own documentation shows it.
WHOLE = """
[
  {
    "path": "/*",
    "options": {"firstPartyHostnames": ["example.com", "*.example.net"]},
    "timings": [{"metric": "interactive", "budget": 3000, "tolerance": 500}],
    "resourceSizes": [
      {"resourceType": "script", "budget": 125},
      {"resourceType": "total", "budget": 300.5}
    ],
    "resourceCounts": [{"resourceType": "third-party", "budget": 10}]
  }
]
"""


def _sizes(**budgets: float) -> str:
    sizes = [{"resourceType": name, "budget": number} for name, number in budgets.items()]
    return json.dumps([{"resourceSizes": sizes}])


def test_the_whole_format_is_read() -> None:
    (budget,) = parse_budgets(WHOLE)
    assert budget.path == "/*"
    assert budget.first_party == ("example.com", "*.example.net")
    assert budget.timings == ("interactive",)
    assert budget.limits == (
        Limit("script", "size", 125 * 1024),
        Limit("total", "size", 307_712),
        Limit("third-party", "count", 10),
    )


def test_an_empty_list_limits_nothing() -> None:
    assert check(ordinary(), parse_budgets("[]")) == []


def test_sizes_are_in_kib_of_transfer_size() -> None:
    report = weighed([asset(PAGE, "document", 1024)])
    (exact,) = check(report, parse_budgets(_sizes(document=1)))
    assert not exact.over
    report = weighed([asset(PAGE, "document", 1025)])
    (breached,) = check(report, parse_budgets(_sizes(document=1)))
    assert breached.over


@pytest.mark.parametrize(
    ("subject", "transfer", "requests"),
    [
        ("total", 795_896, 5),
        ("document", 45_896, 1),
        ("stylesheet", 30_000, 1),
        ("script", 320_000, 2),
        ("image", 400_000, 1),
        ("font", 0, 0),
        ("media", 0, 0),
        ("other", 0, 0),
        ("third-party", 120_000, 1),
    ],
)
def test_each_subject_is_measured(subject: str, transfer: int, requests: int) -> None:
    items = [{"resourceType": subject, "budget": 0}]
    text = json.dumps([{"resourceSizes": items, "resourceCounts": items}])
    assert [one.measured for one in check(ordinary(), parse_budgets(text))] == [transfer, requests]


def test_every_subject_of_the_format_is_known() -> None:
    assert len(parse_budgets(_sizes(**dict.fromkeys(SUBJECTS, 1)))[0].limits) == 9


@pytest.mark.parametrize(
    ("own", "measured"),
    [
        (["example.com"], 7),
        (["example.com", "cdn.example.net"], 4),
        (["*.example.net"], 1),
        (["*.example.net", "example.com"], 0),
    ],
)
def test_first_party_hosts_can_be_named(own: list[str], measured: int) -> None:
    report = weighed(
        [
            asset(PAGE, "document", 1),
            asset("https://cdn.example.net:8443/a", "script", 3),
            asset("https://example.net/b", "script", 4),
        ]
    )
    items = [{"resourceType": "third-party", "budget": 0}]
    text = json.dumps([{"options": {"firstPartyHostnames": own}, "resourceSizes": items}])
    (one,) = check(report, parse_budgets(text))
    assert one.measured == measured


def test_a_host_that_only_ends_alike_is_a_stranger() -> None:
    report = weighed([asset("https://evilexample.net/", "document", 5)])
    items = [{"resourceType": "third-party", "budget": 0}]
    text = json.dumps(
        [{"options": {"firstPartyHostnames": ["*.example.net"]}, "resourceSizes": items}]
    )
    assert check(report, parse_budgets(text))[0].measured == 5


@pytest.mark.parametrize(
    ("url", "pattern", "matches"),
    [
        ("https://a.example/", "/", True),
        ("https://a.example/fish", "/", True),
        ("https://a.example/fish", "/fish", True),
        ("https://a.example/fishheads/yummy", "/fish", True),
        ("https://a.example/Fish", "/fish", False),
        ("https://a.example/cat/fish", "/fish", False),
        ("https://a.example/fish", "/fish$", True),
        ("https://a.example/fish?x=1", "/fish$", False),
        ("https://a.example/a/b.php", "/*.php", True),
        ("https://a.example/a/b.php?x", "/*.php", True),
        ("https://a.example/b.php", "/*.php$", True),
        ("https://a.example/b.php?x", "/*.php$", False),
        ("https://a.example/b.php5", "/*.php$", False),
        ("https://a.example/fish/x.php", "/fish*.php", True),
        ("https://a.example/?page=2", "/?page=", True),
        ("https://a.example", "/", True),
        ("https://a.example/ab", "/ab*b$", False),
    ],
)
def test_paths_match_as_in_robots_txt(url: str, pattern: str, matches: bool) -> None:
    assert path_matches(url, pattern) is matches


def test_the_last_budget_that_matches_is_the_one_that_counts() -> None:
    budgets = parse_budgets('[{"path": "/"}, {"path": "/blog"}, {"path": "/shop"}]')
    assert budget_for("https://a.example/blog/1", budgets) is budgets[1]
    assert budget_for("https://a.example/about", budgets) is budgets[0]


def test_a_page_that_no_budget_matches_is_not_limited() -> None:
    text = '[{"path": "/blog", "resourceSizes": [{"resourceType": "total", "budget": 0}]}]'
    assert check(ordinary(), parse_budgets(text)) == []


def test_the_tighter_of_two_limits_on_the_same_counts() -> None:
    budgets = parse_budgets(_sizes(total=300))
    assert [one.limit.most for one in check(ordinary(), budgets, [at_most(500_000)])] == [307_200]
    assert [one.limit.most for one in check(ordinary(), budgets, [at_most(1000)])] == [1000]


def test_a_breach_says_how_much_and_by_how_much() -> None:
    script, total = check(ordinary(), parse_budgets(_sizes(script=300, total=999)))
    assert (
        script.sentence()
        == "script size is 320.0 kB, 12.8 kB over its budget of 307.2 kB (300 KiB)"
    )
    assert total.sentence() == "total size is 795.9 kB, within its budget of 1.0 MB (999 KiB)"


def test_a_breach_of_a_count_is_in_requests() -> None:
    text = '[{"resourceCounts": [{"resourceType": "script", "budget": 1}]}]'
    (one,) = check(ordinary(), parse_budgets(text))
    assert one.sentence() == "script count is 2 requests, 1 over its budget of 1"


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 500), st.integers(0, 10**6))
def test_growth_is_what_is_more_and_the_tighter_limit_counts(
    before: int, after: int, percent: int, most: int
) -> None:
    budgets = parse_budgets(
        json.dumps([{"maxGrowth": f"{percent}%"}, {"path": "/x", "maxGrowth": "0"}])
    )
    earlier, later = (weighed([asset(PAGE, "document", size)]) for size in (before, after))
    (only,) = growth_of(earlier, later, budgets)
    assert only.measured == max(0, after - before)
    assert only.over == (100 * (after - before) > percent * before and after > before)
    assert growth_of(earlier, later, ()) == []
    (both,) = growth_of(earlier, later, budgets, Growth(transfer_bytes=most))
    assert both.limit.most == min(most, only.limit.most)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is not JSON"),
        ("{}", "must be a list"),
        ("[1]", r"\[0\] must be an object, but is a number"),
        ('[{"resourceSize": []}]', "unknown key 'resourceSize'; known keys are path, options"),
        ('[{"path": "blog"}]', r"\[0\].path must be text that begins with /"),
        ('[{"path": "/*/*"}]', "may have only one *"),
        ('[{"path": "/a$b"}]', "a \\$ only at its end"),
        ('[{"resourceSizes": {}}]', "must be a list, but is an object"),
        (
            '[{"resourceSizes": [{"resourceType": "img", "budget": 1}]}]',
            "'img'; it must be one of document",
        ),
        ('[{"resourceSizes": [{"resourceType": "image"}]}]', "must be a number of 0 or more"),
        ('[{"resourceSizes": [{"resourceType": "image", "budget": "9"}]}]', "must be a number"),
        ('[{"resourceSizes": [{"resourceType": "image", "budget": true}]}]', "must be a number"),
        ('[{"resourceSizes": [{"resourceType": "image", "budget": -1}]}]', "0 or more"),
        ('[{"resourceSizes": [{"resourceType": "image", "budget": NaN}]}]', "0 or more"),
        ('[{"resourceSizes": [{"resourceType": "image", "budget": 1e300}]}]', "more than any page"),
        ('[{"resourceSizes": [{"resourceType": "image", "limit": 1}]}]', "unknown key 'limit'"),
        ('[{"path": "/a", "path": "/b"}]', "'path' occurs twice"),
        ('[{"timings": [{"metric": "speed", "budget": 1}]}]', "'speed'; it must be one of"),
        ('[{"options": {"firstPartyHostnames": ["https://a.example"]}}]', "without scheme"),
        ('[{"options": {"firstPartyHostnames": ["a.*.example"]}}]', "may only be its first part"),
        ('[{"options": {"firstPartyHostnames": "a.example"}}]', "must be a list"),
        ('[{"maxGrowth": 5}]', "text such as '5%' or '20kB', but is 5"),
        (
            '[{"maxGrowth": "much"}]',
            r"\[0\].maxGrowth: 'much' is not a growth limit: write 5% or 20kB",
        ),
        ("[" * 100_000, "nested too deeply|not JSON"),
    ],
)
def test_what_the_format_does_not_know_is_an_error(text: str, message: str) -> None:
    with pytest.raises(BudgetError, match=message):
        parse_budgets(text)


def test_two_budgets_for_one_type_are_an_error() -> None:
    item = '{"resourceType": "image", "budget": 1}'
    with pytest.raises(BudgetError, match="two budgets for 'image'"):
        parse_budgets(f'[{{"resourceSizes": [{item}, {item}]}}]')


def test_bytes_that_are_no_text_are_an_error() -> None:
    with pytest.raises(BudgetError, match="UTF-8"):
        parse_budgets(b'[{"path": "/\xff"}]')


_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["path", "options", "resourceSizes", "resourceType", "budget", "x"]), inner
    ),
    max_leaves=20,
)  # fmt: skip


@given(_json)
def test_any_json_is_a_budget_or_a_clear_error(value: object) -> None:
    try:
        budgets = parse_budgets(json.dumps(value))
    except BudgetError:
        return
    assert all(one.measured >= 0 for one in check(ordinary(), budgets))


@given(st.text("/ab*$?."), st.text("/ab?."))
def test_matching_a_path_never_fails(pattern: str, path: str) -> None:
    assert path_matches(f"https://a.example/{path}", f"/{pattern}") in {True, False}
