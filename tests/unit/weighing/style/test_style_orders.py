"""What style asks for is ordered when all is there, from the next source where one fails."""

from collections.abc import Iterable
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from libra.weighing.bodies.kept import KeptBody
from libra.weighing.options import DESKTOP, Options
from libra.weighing.orders.orders import Fetch, Order, Outcome, StyleFound, StyleJob
from libra.weighing.orders.source import Source
from libra.weighing.reading.body_reading import read_body
from libra.weighing.reading.reader import text_of
from libra.weighing.reading.serial_reader import SerialReader, StyleTask
from libra.weighing.static.step_queue import AT_ONCE
from libra.weighing.static.weighing import Weighing
from libra.weighing.style.styled_document import StyledDocument

PAGE = "https://example.com/"
SHEET = "https://example.com/a.css"
FONT = "@font-face{font-family:f;src:url(a.woff2),url(b.woff),url(c.ttf)}p{font-family:f}"


def arrived(order: Order, body: str) -> Outcome:
    """The outcome of an order that got this."""
    assert isinstance(order, Fetch)
    text = text_of(order, None)
    parsed = read_body(text, body.encode(), DESKTOP)
    return Outcome(
        order,
        http_status=200,
        transfer_bytes=9,
        whole=True,
        reading=parsed.reading(most=10_000),
        source=Source(text, KeptBody(body.encode())),
    )


def carried_out(weighing: Weighing, orders: list[Order]) -> list[Order]:
    """The orders for requests; what style asks for is worked out at once."""
    requests: list[Order] = []
    for order in orders:
        found = weighing.record(done(weighing, order)) if isinstance(order, StyleJob) else [order]
        requests += found
    return requests


def begun(html: str) -> tuple[Weighing, list[Order]]:
    """A page whose document has come, and the requests that it gave rise to."""
    weighing = Weighing(PAGE, Options())
    (order,) = weighing.begin()
    document = f"<!doctype html><link rel=icon href=data:,>{html}"
    return weighing, carried_out(weighing, weighing.record(arrived(order, document)))


def sheet(order: Order, css: str) -> Outcome:
    return arrived(order, css)


def gone(order: Order) -> Outcome:
    assert isinstance(order, Fetch)
    return Outcome(order, http_status=404, error="http: 404", whole=True)


def paths(orders: list[Order]) -> list[str]:
    return [fetch(order).url.removeprefix(PAGE) for order in orders]


def fetch(order: Order) -> Fetch:
    assert isinstance(order, Fetch)
    return order


def done(weighing: Weighing, order: Order) -> StyleFound:
    """What comes of a job, when somebody does it."""
    assert isinstance(order, StyleJob)
    work = weighing.job(order)
    assert work is not None
    task, sources = StyleTask.of(work)
    return StyleFound(
        order,
        SerialReader().style(task, lambda n: (sources[n].text, sources[n].body.read()), DESKTOP),
    )


def test_images_and_fonts_of_a_sheet_are_ordered_when_all_sheets_are_there() -> None:
    weighing, orders = begun("<link rel=stylesheet href=a.css><link rel=stylesheet href=b.css><p>x")
    first, second = orders
    assert weighing.record(sheet(first, "p{background:url(a.png)}")) == []
    orders = carried_out(weighing, weighing.record(sheet(second, "p{color:red}")))
    (image,) = map(fetch, orders)
    assert (image.url, image.initiator) == (PAGE + "a.png", SHEET)


def test_a_style_waits_for_a_sheet_that_is_named_after_more_than_is_ordered_at_once() -> None:
    images = "".join(f"<img src={n}.png>" for n in range(2 * AT_ONCE))
    rule = "<style>p{background:url(b.png)}</style>"
    weighing, orders = begun(f"{rule}<p>x{images}<link rel=stylesheet href=a.css>")
    assert len(orders) == AT_ONCE
    while weighing.more:
        orders += weighing.go_on()
    (last,) = (order for order in orders if fetch(order).url == SHEET)
    for order in orders:
        if order is not last:
            assert weighing.record(gone(order)) == []
    assert paths(carried_out(weighing, weighing.record(sheet(last, "p{color:red}")))) == ["b.png"]


def test_a_style_that_names_many_images_is_followed_in_pieces() -> None:
    count = 2 * AT_ONCE
    rules = "".join(f"#i{n}{{background:url({n}.png)}}" for n in range(count))
    elements = "".join(f"<p id=i{n}>x" for n in range(count))
    weighing, (order,) = begun(f"<link rel=stylesheet href=a.css>{elements}")
    found = carried_out(weighing, weighing.record(sheet(order, rules)))
    assert len(found) == AT_ONCE
    while weighing.more:
        found += weighing.go_on()
    assert set(paths(found)) == {f"{n}.png" for n in range(count)}
    assert not weighing.done
    for order in found:
        weighing.record(gone(order))
    assert weighing.done


def test_a_sheet_that_does_not_come_is_not_waited_for() -> None:
    weighing, orders = begun("<link rel=stylesheet href=a.css><link rel=stylesheet href=b.css><p>x")
    first, second = orders
    weighing.record(sheet(first, "p{background:url(a.png)}"))
    assert paths(carried_out(weighing, weighing.record(gone(second)))) == ["a.png"]


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
    outcome = Outcome(fetch(orders[0]), http_status=200, transfer_bytes=5, whole=True)
    assert weighing.record(outcome) == []
    assert weighing.done


LONG = "<p class=a>x</p>" * 2_000
RULES = "".join(f"p.b{n}{{display:none}}" for n in range(500)) + "p{background:url(a.png)}"


def test_style_is_an_order_without_a_request() -> None:
    weighing, orders = begun(f"<link rel=stylesheet href=a.css>{LONG}")
    (job,) = weighing.record(sheet(orders[0], RULES))
    assert not weighing.done
    orders = weighing.record(done(weighing, job))
    assert paths(orders) == ["a.png"]


def test_a_job_that_is_done_too_late_changes_nothing() -> None:
    weighing, orders = begun(f"<link rel=stylesheet href=a.css>{LONG}")
    (job,) = weighing.record(sheet(orders[0], RULES))
    late = done(weighing, job)
    weighing.give_up()
    assert isinstance(job, StyleJob)
    assert weighing.job(job) is None
    assert weighing.record(late) == []
    assert weighing.done


def test_no_order_holds_a_parsed_document() -> None:
    """An order waits as long as its server likes; the tree of the page does not wait with it."""
    weighing, orders = begun(
        f"<script type=module src=m.js></script><link rel=stylesheet href=a.css>{LONG}<img src=b.png>"
    )
    (job,) = weighing.record(sheet(next(o for o in orders if fetch(o).url == SHEET), RULES))
    orders += [job, *weighing.record(done(weighing, job))]
    seen: list[Any] = list(orders)
    for found in seen:  # grows while it is gone through
        assert not isinstance(found, StyledDocument | LexborHTMLParser)
        names: Iterable[str] = getattr(found, "__struct_fields__", getattr(found, "__dict__", ()))
        seen += [getattr(found, name) for name in names]
        if isinstance(found, list | tuple | dict):
            seen += found.values() if isinstance(found, dict) else found
