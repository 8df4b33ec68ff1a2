"""What style asks for is ordered when all is there, from the next source where one fails."""

from libra.weighing.document import read_document
from libra.weighing.options import Options, Viewport
from libra.weighing.reference import Fetch, Outcome, Reading
from libra.weighing.stylesheet import read_stylesheet
from libra.weighing.weighing import Weighing

PAGE = "https://example.com/"
SHEET = "https://example.com/a.css"
FONT = "@font-face{font-family:f;src:url(a.woff2),url(b.woff),url(c.ttf)}p{font-family:f}"


def begun(html: str) -> tuple[Weighing, list[Fetch]]:
    """A page whose document has come, and the orders that it gave rise to."""
    weighing = Weighing(PAGE, Options())
    (order,) = weighing.begin()
    reading = read_document(
        f"<!doctype html><link rel=icon href=data:,>{html}".encode(), None, PAGE, Options()
    )
    orders = weighing.record(
        Outcome(order, http_status=200, transfer_bytes=9, whole=True, reading=reading)
    )
    return weighing, orders


def sheet(order: Fetch, css: str) -> Outcome:
    read = read_stylesheet(css, order.url, Viewport())
    return Outcome(order, http_status=200, whole=True, reading=Reading(sheet=read))


def gone(order: Fetch) -> Outcome:
    return Outcome(order, http_status=404, error="http: 404", whole=True)


def paths(orders: list[Fetch]) -> list[str]:
    return [order.url.removeprefix(PAGE) for order in orders]


def test_images_and_fonts_of_a_sheet_are_ordered_when_all_sheets_are_there() -> None:
    weighing, orders = begun("<link rel=stylesheet href=a.css><link rel=stylesheet href=b.css><p>x")
    first, second = orders
    assert weighing.record(sheet(first, "p{background:url(a.png)}")) == []
    (image,) = weighing.record(sheet(second, "p{color:red}"))
    assert (image.url, image.initiator) == (PAGE + "a.png", SHEET)


def test_a_sheet_that_does_not_come_is_not_waited_for() -> None:
    weighing, orders = begun("<link rel=stylesheet href=a.css><link rel=stylesheet href=b.css><p>x")
    first, second = orders
    weighing.record(sheet(first, "p{background:url(a.png)}"))
    assert paths(weighing.record(gone(second))) == ["a.png"]


def test_what_a_frame_waits_for_does_not_keep_the_page_waiting() -> None:
    _, orders = begun("<style>p{background:url(a.png)}</style><p>x<iframe src=f.html>")
    assert sorted(paths(orders)) == ["a.png", "f.html"]


def test_the_sources_of_a_font_are_tried_one_after_the_other() -> None:
    weighing, orders = begun(f"<style>{FONT}</style><p>x")
    for expected in ("a.woff2", "b.woff", "c.ttf"):
        assert paths(orders) == [expected]
        orders = weighing.record(gone(orders[0]))
    assert orders == []
    assert weighing.done


def test_a_source_that_is_named_a_thousand_times_is_tried_once() -> None:
    sources = ",".join(["url(a.woff2)"] * 1_000)
    face = f"@font-face{{font-family:f;src:{sources},url(b.woff)}}p{{font-family:f}}"
    weighing, orders = begun(f"<style>{face}</style><p>x")
    assert paths(orders) == ["a.woff2"]
    assert paths(weighing.record(gone(orders[0]))) == ["b.woff"]


def test_a_font_that_comes_is_the_last_that_is_asked_for() -> None:
    weighing, orders = begun(f"<style>{FONT}</style><p>x")
    outcome = Outcome(orders[0], http_status=200, transfer_bytes=5, whole=True)
    assert weighing.record(outcome) == []
    assert weighing.done


LONG = "<p class=a>x</p>" * 2_000
RULES = "".join(f"p.b{n}{{display:none}}" for n in range(500)) + "p{background:url(a.png)}"


def test_what_takes_long_is_an_order_without_a_request() -> None:
    weighing, orders = begun(f"<link rel=stylesheet href=a.css>{LONG}")
    (work,) = weighing.record(sheet(orders[0], RULES))
    assert work.work is not None
    assert not weighing.done
    orders = weighing.record(Outcome(work, wanted=work.work()))
    assert paths(orders) == ["a.png"]


def test_work_that_comes_too_late_changes_nothing() -> None:
    weighing, orders = begun(f"<link rel=stylesheet href=a.css>{LONG}")
    (work,) = weighing.record(sheet(orders[0], RULES))
    assert work.work is not None
    weighing.give_up()
    assert weighing.record(Outcome(work, wanted=work.work())) == []
    assert weighing.done
