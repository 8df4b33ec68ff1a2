"""Content Security Policy, as far as it is about fetching; what browsers do is in ``asked/policies``."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.urls import origin_of
from libra.weighing.headers.content_policy import (
    MAX_SOURCES,
    PolicyRequest,
    forbids,
    forbids_inline,
    parse_policies,
    upgraded,
    upgrades,
)
from libra.weighing.roles import Role

OWN = "https://example.com"


def forbidden(
    policy: str,
    url: str,
    role: Role = "image",
    *,
    inserted: bool = True,
    redirected: bool = False,
) -> str | None:
    asked = PolicyRequest(url, role, inserted=inserted, redirected=redirected)
    return forbids(parse_policies([policy]), asked, OWN)


@pytest.mark.parametrize(
    ("source", "url", "matches"),
    [
        ("'self'", "https://example.com/a", True),
        ("'self'", "http://example.com/a", False),
        ("'self'", "https://example.com:8443/a", False),
        ("'SELF'", "https://example.com/a", True),
        ("*", "http://other.example/a", True),
        ("*", "data:image/png,x", False),
        ("https:", "https://any.example/a", True),
        ("http:", "https://any.example/a", True),
        ("https:", "http://any.example/a", False),
        ("other.example", "https://other.example/a", True),
        ("other.example", "http://other.example/a", False),
        ("http://other.example", "https://other.example/a", True),
        ("*.example", "https://a.b.example/x", True),
        ("*.example", "https://example/x", False),
        ("other.example:8080", "https://other.example:8080/", True),
        ("other.example:*", "https://other.example:8080/", True),
        ("other.example", "https://other.example:8080/", False),
        ("other.example/dir/", "https://other.example/dir/a", True),
        ("other.example/dir", "https://other.example/dir/a", False),
        ("other.example/dir/?v=1#x", "https://other.example/dir/a", True),
        ("other.example?v=1", "https://other.example/", False),
        ("o_r.example", "https://o_r.example/", False),
        ("other.example/a%20b", "https://other.example/a%20b", True),
        ("'none'", "https://example.com/", False),
        ("nonsense:/:", "https://example.com/", False),
        ("data:", "data:image/png,x", True),
    ],
)
def test_a_source_matches_addresses_as_the_standard_says(
    source: str, url: str, matches: bool
) -> None:
    assert (forbidden(f"img-src {source}", url) is None) == matches


def test_a_directive_with_other_letters_has_no_effect_and_keeps_its_name() -> None:
    assert forbidden("img-src \u00e9; img-src 'none'", "https://other.example/") is None
    assert forbidden("font-src \u00e9; img-src 'none'", "https://other.example/") == "img-src"


def test_after_a_redirect_paths_are_not_compared() -> None:
    policy, url = "img-src https://a.example/one", "https://a.example/two"
    assert forbidden(policy, url) == "img-src"
    assert forbidden(policy, url, redirected=True) is None


def test_the_first_directive_that_is_there_governs() -> None:
    policy = "default-src 'none'; script-src https://a.example; script-src-elem https://b.example"
    assert forbidden(policy, "https://b.example/x.js", "script") is None
    assert forbidden(policy, "https://a.example/x.js", "script") == "script-src-elem"
    assert forbidden(policy, "https://a.example/x.woff2", "font") == "default-src"
    assert forbidden("img-src *; img-src 'none'", "https://a.example/") is None


def test_with_strict_dynamic_only_who_is_known_or_brought_along_may_run() -> None:
    policy = "script-src 'strict-dynamic' 'nonce-n' https:"
    url = "https://a.example/x.js"
    assert forbidden(policy, url, "script") == "script-src"
    assert forbidden(policy, url, "module", inserted=False) is None
    assert forbids(parse_policies([policy]), PolicyRequest(url, "script", nonce="n"), OWN) is None


def test_what_is_written_in_the_page_needs_unsafe_inline_a_nonce_or_its_hash() -> None:
    def allowed(policy: str, nonce: str = "") -> bool:
        return forbids_inline(parse_policies([policy]), "style", "p{}", nonce) is None

    digest = base64.b64encode(hashlib.sha256(b"p{}").digest()).decode()
    assert allowed("img-src 'none'")
    assert allowed("style-src 'unsafe-inline'")
    assert not allowed("style-src 'self'")
    assert not allowed("style-src 'unsafe-inline' 'nonce-a'")
    assert allowed("style-src 'nonce-a'", "a")
    assert allowed(f"style-src 'sha256-{digest}'")
    assert not allowed(f"style-src 'sha256-A{digest[1:]}'")


def test_addresses_of_this_machine_are_not_upgraded() -> None:
    assert upgrades(parse_policies(["upgrade-insecure-requests"]))
    assert upgraded("http://a.example/x") == "https://a.example/x"
    assert upgraded("http://localhost:1/x") == "http://localhost:1/x"


def test_of_a_policy_only_so_many_sources_count() -> None:
    (policy,) = parse_policies(["img-src " + "a.example " * 9_000 + "; font-src b.example"])
    assert sum(map(len, policy.directives.values())) == MAX_SOURCES


TEXT = st.text(alphabet="'*:/;, abc-nonceslfhttp.0123456789%", max_size=60)


@given(TEXT, TEXT, st.sampled_from(["https://example.com/a", "data:,x", "http://[::1]/"]))
def test_any_text_is_a_policy(first: str, second: str, url: str) -> None:
    policies = parse_policies([f"img-src {first}", second])
    own = origin_of(url) if url.startswith("http") else ""
    forbids(policies, PolicyRequest(url, "image"), own)
    forbids_inline(policies, "script", first, second)
