"""What a page's own rules do to its parts is in its report: skipped with the reason, or followed on."""

from collections.abc import Mapping

from libra.report import Asset, Report
from support.in_memory import Answer, weigh_in_memory

URL = "https://example.com/"
HTML = ("Content-Type", "text/html; charset=utf-8")


def report_of(site: Mapping[str, Answer]) -> Report:
    def answer_at(url: str) -> Answer:
        return site.get(url.removeprefix(URL), Answer((("Content-Type", "image/png"),), b"x"))

    return weigh_in_memory(URL, answer_at).report


def asset(report: Report, path: str) -> Asset:
    return next(asset for asset in report.assets if asset.url == URL + path)


def page(html: str, *fields: tuple[str, str], status: int = 200) -> Answer:
    return Answer((HTML, *fields), html.encode(), status)


def test_what_a_policy_forbids_is_skipped_with_the_directive_and_counts_nowhere() -> None:
    policy = ("Content-Security-Policy", "img-src 'none'")
    report = report_of({"": page("<title>t</title><img src=no.png>", policy)})
    blocked = asset(report, "no.png")
    assert blocked.status == "skipped"
    assert blocked.error == "blocked: the page's Content-Security-Policy forbids it (img-src)"
    assert report.total.requests == 1
    assert report.complete


def test_a_policy_holds_for_what_a_redirect_leads_to() -> None:
    away = Answer((("Location", "https://other.example/x.png"),), b"", 302)
    policy = ("Content-Security-Policy", "img-src 'self'")
    report = report_of({"": page("<img src=r.png>", policy), "r.png": away})
    assert [(found.url, found.status) for found in report.assets if "other" in found.url] == [
        ("https://other.example/x.png", "skipped")
    ]


def test_a_font_that_is_forbidden_is_looked_for_where_its_rule_says_next() -> None:
    style = (
        "<style>@font-face{font-family:F;src:url(https://no.example/f.woff2),url(g.woff2)}"
        "p{font-family:F}</style><p>x"
    )
    policy = ("Content-Security-Policy", "font-src 'self'")
    report = report_of({"": page(style, policy)})
    assert asset(report, "g.woff2").status == "fetched"


def test_a_frame_that_must_not_be_framed_is_a_failure_with_its_reason() -> None:
    refused = page("<img src=no.png>", ("X-Frame-Options", "DENY"))
    report = report_of({"": page("<iframe src=f></iframe>"), "f": refused})
    assert asset(report, "f").error == "blocked: X-Frame-Options does not allow it in a frame"
    assert URL + "no.png" not in [found.url for found in report.assets]
    assert report.complete


def test_a_page_that_sends_everybody_on_at_once_is_the_page_it_leads_to() -> None:
    stub = page("<title>stub</title><meta http-equiv=refresh content='0; url=next'>")
    report = report_of({"": stub, "next": page("<title>next</title><img src=i.png>")})
    assert report.final_url == URL + "next"
    assert report.title == "next"
    assert {found.url.removeprefix(URL) for found in report.assets} == {
        "", "next", "i.png", "favicon.ico",
    }  # fmt: skip
    assert report.complete


def test_pages_that_send_their_visitors_to_one_another_end() -> None:
    there, back = (
        page(f"<meta http-equiv=refresh content='0; url={to}'><img src=i.png>") for to in ("b", URL)
    )
    report = report_of({"": there, "b": back})
    assert report.final_url == URL + "b"
    assert asset(report, "i.png").status == "fetched"


def test_a_module_that_is_loaded_ahead_brings_its_imports_when_a_script_needs_it() -> None:
    script = ("Content-Type", "text/javascript")
    modules = {
        "a.js": Answer((script,), b"import './b.js'"),
        "b.js": Answer((script,), b"import './c.js'"),
        "c.js": Answer((script,), b""),
    }
    ahead = "<link rel=modulepreload href=b.js>"
    alone = report_of({"": page(ahead), **modules})
    assert URL + "c.js" not in [found.url for found in alone.assets]
    used = report_of({"": page(f"{ahead}<script type=module src=a.js></script>"), **modules})
    assert asset(used, "c.js").status == "fetched"


def test_the_next_icon_is_tried_if_the_best_cannot_be_had() -> None:
    icons = "<link rel=icon sizes=32x32 href=best.png><link rel=icon sizes=192x192 href=next.png>"
    report = report_of({"": page(icons), "best.png": Answer((), b"", 404)})
    assert asset(report, "next.png").status == "fetched"


def test_a_download_asks_for_nothing() -> None:
    saved = page("<img src=no.png>", ("Content-Disposition", "attachment; filename=x.html"))
    assert [found.url for found in report_of({"": saved}).assets] == [URL]
