"""What could be better about a page: said when it was measured, and not said otherwise."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from libra.report import Asset, Finding
from libra.weighing.bodies.body_facts import (
    COMPRESS_FROM,
    COMPRESS_UP_TO,
    BodyFacts,
    Observer,
    Savings,
    SavingsCache,
    has_cache_headers,
    is_uncompressed_text,
    measure_savings,
)
from libra.weighing.findings.findings import BUILT_BY_SCRIPT, MAX_ASSETS, FindingNotes, findings_of
from libra.weighing.findings.observed import Observed

PAGE = "https://example.com/"


def asset(path: str, **more: object) -> Asset:
    values = {
        "kind": "image",
        "status": "fetched",
        "http_status": 200,
        "transfer_bytes": 10_000,
        "resource_bytes": 10_000,
        "initiator": PAGE,
    }
    return Asset(url=path if "://" in path else PAGE + path, **{**values, **more})  # type: ignore[arg-type]


def find(
    assets: Sequence[Asset],
    facts: Mapping[int, BodyFacts] | None = None,
    **more: object,
) -> dict[str, Finding]:
    found = findings_of(assets, facts or {}, **more)  # type: ignore[arg-type]
    return {finding.code: finding for finding in found}


def test_a_good_page_has_no_findings() -> None:
    assert find([asset(""), asset("a.png")], {0: BodyFacts(b"1"), 1: BodyFacts(b"2")}) == {}


# Compression


def test_text_sent_as_it_is_is_reported_with_what_compression_saves() -> None:
    assets = [asset("", kind="document"), asset("a.js", kind="script"), asset("b.png")]
    facts = {
        0: BodyFacts(b"1", savings=Savings(7_000, 7_500)),
        1: BodyFacts(b"2", savings=Savings(5_000, 5_500)),
    }
    finding = find(assets, facts)["uncompressed-text"]
    assert finding.saves_bytes == 13_000
    assert finding.assets == (PAGE, PAGE + "a.js")
    assert finding.message == (
        "2 text files are sent uncompressed (20 kB): gzip would save 12 kB, brotli 13 kB."
    )


def test_text_that_compression_hardly_shortens_is_not_reported() -> None:
    assert find([asset("")], {0: BodyFacts(b"1", savings=Savings(300, 400))}) == {}


def test_savings_are_measured_by_compressing() -> None:
    text = b"All work and no play makes Jack a dull boy. " * 1_000
    savings = measure_savings(text)
    assert savings.gzip == len(text) - len(gzip.compress(text, 6, mtime=0))
    assert savings.brotli > savings.gzip > 40_000


@given(st.binary(max_size=3_000))
def test_no_body_has_negative_savings(body: bytes) -> None:
    savings = measure_savings(body)
    assert min(savings.gzip, savings.brotli) >= 0


def test_only_text_without_an_encoding_is_compressed() -> None:
    for content_type in (
        "text/html; charset=utf-8",
        "TEXT/CSS",
        "application/json",
        "image/svg+xml",
    ):
        assert is_uncompressed_text(content_type, None)
        assert is_uncompressed_text(content_type, "identity")
        assert not is_uncompressed_text(content_type, "br")
    for other in ("image/png", "font/woff2", "video/mp4", "", None):
        assert not is_uncompressed_text(other, None)


def test_short_bodies_are_not_compressed_and_long_ones_in_part() -> None:
    headers = {"Content-Type": "text/css"}
    short = Observer(headers, is_image=False)
    short.take(b"x" * (COMPRESS_FROM - 1))
    assert short.compressible() is None
    long = Observer(headers, is_image=False)
    for _ in range(5):
        long.take(b"x" * 1_000_000)
    assert len(long.compressible() or b"") == COMPRESS_UP_TO


def test_what_compression_saves_of_a_body_is_remembered() -> None:
    cache = SavingsCache()
    for number in range(3_000):
        cache.put(number.to_bytes(2, "big"), Savings(number, number))
        assert cache.get(b"\0\0") is not None, "what is asked for again and again stays"
    assert cache.get((2_999).to_bytes(2, "big")) == Savings(2_999, 2_999)
    assert cache.get((1).to_bytes(2, "big")) is None


# Copies


def test_the_same_body_under_different_urls_is_reported_once_for_each_body() -> None:
    assets = [asset("1.js"), asset("2.js"), asset("3.js"), asset("4.js"), asset("other.js")]
    facts = {at: BodyFacts(digest) for at, digest in enumerate([b"a", b"a", b"b", b"b", b"c"])}
    copies = [f for f in findings_of(assets, facts) if f.code == "identical-bodies"]
    assert [f.assets for f in copies] == [
        (PAGE + "1.js", PAGE + "2.js"),
        (PAGE + "3.js", PAGE + "4.js"),
    ]
    assert copies[0].saves_bytes == 10_000
    assert copies[0].message == "The same body of 10 kB is fetched from 2 different URLs."


def test_copies_that_are_tiny_failed_or_the_same_url_are_not_reported() -> None:
    facts = {0: BodyFacts(b"a"), 1: BodyFacts(b"a")}
    assert find([asset("1", transfer_bytes=43), asset("2", transfer_bytes=43)], facts) == {}
    assert find([asset("1", http_status=500), asset("2", http_status=500)], facts) == {}
    assert find([asset("1"), asset("1")], facts) == {}


def test_the_digest_is_of_the_bytes_however_they_arrive() -> None:
    whole, parts = Observer({}, is_image=False), Observer({}, is_image=False)
    whole.take(b"abcdef")
    for at in range(6):
        parts.take(b"abcdef"[at : at + 1])
    assert whole.digest() == parts.digest()


# Images


def test_an_image_far_larger_than_it_is_shown_is_reported() -> None:
    shown = {PAGE + "a.png": (100, 50)}
    finding = find([asset("a.png")], {0: BodyFacts(b"1", pixels=(400, 200))}, shown=shown)
    assert finding["oversized-images"].message == (
        "An image is far larger than its displayed size: 400x200 pixels, shown at 100x50."
        " Resized to fit, it would weigh about 9.38 kB less."
    )
    assert finding["oversized-images"].saves_bytes == 9_375, "15 of 16 pixels are not shown"
    dense = find([asset("a.png")], {0: BodyFacts(b"1", pixels=(400, 200))}, shown=shown, dpr=2)
    assert dense["oversized-images"].saves_bytes == 7_500, (
        "a dense display shows four times as many"
    )


def test_an_image_for_a_dense_display_is_not_too_large_for_it() -> None:
    shown = {PAGE + "a.png": (100, 50)}
    facts = {0: BodyFacts(b"1", pixels=(299, 149))}
    assert find([asset("a.png")], facts, shown=shown, dpr=1.5) == {}
    assert find([asset("a.png")], facts, shown=shown, dpr=1.0) != {}


def test_an_image_whose_shown_size_is_not_known_is_left_alone() -> None:
    assert find([asset("a.png")], {0: BodyFacts(b"1", pixels=(4_000, 2_000))}) == {}
    tiny = asset("a.png", transfer_bytes=300)
    assert find([tiny], {0: BodyFacts(b"1", pixels=(400, 200))}, shown={tiny.url: (10, 10)}) == {}


# Answers


def test_what_is_not_there_is_reported() -> None:
    assets = [
        asset(""),
        asset("a", http_status=404),
        asset("b", http_status=410),
        asset("c", http_status=500),
    ]
    finding = find(assets)["not-found"]
    assert finding.assets == (PAGE + "a", PAGE + "b")
    assert finding.message == "2 assets are missing (404 or 410)."


def test_a_chain_of_redirects_is_reported_with_all_its_steps() -> None:
    assets = [
        asset("http://example.com/", http_status=301, initiator=None),
        asset("http://www.example.com/", http_status=302, initiator="http://example.com/"),
        asset("https://www.example.com/", initiator="http://www.example.com/"),
        asset("https://www.example.com/a", initiator="https://www.example.com/", http_status=302),
        asset("https://www.example.com/b", initiator="https://www.example.com/a"),
    ]
    finding = find(assets)["redirect-chain"]
    assert finding.message == "The final response comes after 2 redirects in a row."
    assert finding.assets == tuple(a.url for a in assets[:3])


def test_redirects_that_run_in_a_circle_end_the_search() -> None:
    assets = [
        asset("a", http_status=302, initiator=PAGE + "b"),
        asset("b", http_status=302, initiator=PAGE + "a"),
        asset("c", initiator=PAGE + "b"),
    ]
    assert find(assets)["redirect-chain"].assets == (PAGE + "a", PAGE + "b", PAGE + "c")


def test_mixed_content_is_reported_for_pages_on_https_only() -> None:
    insecure = asset("http://cdn.example/a.js", kind="script")
    secure = asset("", kind="document", initiator=None)
    assert find([secure, insecure])["mixed-content"].assets == (insecure.url,)
    page = asset("http://example.com/", kind="document", initiator=None)
    assert find([page, insecure]) == {}


def test_a_redirect_from_http_to_https_is_no_mixed_content() -> None:
    assets = [
        asset("http://example.com/", kind="document", http_status=301, initiator=None),
        asset("", kind="document", initiator="http://example.com/"),
    ]
    assert find(assets) == {}


def test_a_frame_on_http_is_mixed_content() -> None:
    assets = [
        asset("", kind="document", initiator=None),
        asset("http://ads.example/", kind="document"),
    ]
    assert find(assets)["mixed-content"].assets == ("http://ads.example/",)


def test_assets_that_say_nothing_about_caching_are_reported() -> None:
    assets = [asset("", kind="document"), asset("a.css", kind="stylesheet"), asset("b.png")]
    facts = {at: BodyFacts(bytes([at]), cached=False) for at in range(2)} | {2: BodyFacts(b"x")}
    finding = find(assets, facts)["no-cache-headers"]
    assert finding.assets == (PAGE + "a.css",), "a document is another matter"


def test_a_server_that_forbids_caching_has_said_something_about_it() -> None:
    assert has_cache_headers({"Cache-Control": "no-store"})
    assert has_cache_headers({"Expires": "0"})
    assert not has_cache_headers({"ETag": "x", "Last-Modified": "y"})


def test_a_refresh_is_reported_since_where_it_leads_is_not_weighed() -> None:
    finding = find([asset("")], refresh=("https://example.com/new", 5))["meta-refresh"]
    assert finding.assets == ("https://example.com/new",)
    assert "after 5 s" in finding.message


def test_what_saves_most_comes_first() -> None:
    assets = [
        asset("1.js", kind="script"),
        asset("2.js"),
        asset("gone", http_status=404, transfer_bytes=10),
    ]
    facts = {0: BodyFacts(b"a", savings=Savings(1_000, 900)), 1: BodyFacts(b"a")}
    codes = [finding.code for finding in findings_of(assets, facts)]
    assert codes == ["identical-bodies", "uncompressed-text", "not-found"]


def test_a_finding_on_very_many_assets_lists_the_first_of_them() -> None:
    finding = find([asset(f"{n}", http_status=404) for n in range(200)])["not-found"]
    assert len(finding.assets) == MAX_ASSETS
    assert finding.message.startswith("200 assets")


def test_notes_take_the_largest_size_that_an_image_is_shown_with() -> None:
    notes = FindingNotes()
    notes.note(0, BodyFacts(b"1", pixels=(400, 400)))
    notes.note(1, None)
    notes.see(Observed(shown={PAGE + "a.png": (50, 50)}), is_page=True)
    assert len(notes.findings([asset("a.png")], 1.0)) == 1
    notes.see(Observed(shown={PAGE + "a.png": (300, 300)}), is_page=False)
    assert notes.findings([asset("a.png")], 1.0) == ()


def test_only_the_page_itself_can_be_built_by_scripts() -> None:
    notes = FindingNotes()
    notes.see(Observed(is_shell=True, refresh="https://x/"), is_page=False)
    assert not notes.coverage
    assert notes.findings([asset("")], 1.0) == ()
    notes.see(Observed(is_shell=True), is_page=True)
    assert notes.coverage == BUILT_BY_SCRIPT
