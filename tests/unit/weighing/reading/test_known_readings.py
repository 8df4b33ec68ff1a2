"""What was read once is not read again, and nobody gets what was read of something else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing import Limits, Options, Viewport
from libra.weighing.bodies.kept import KeptBody, Spool
from libra.weighing.headers.document_headers import DocumentHeaders
from libra.weighing.orders.orders import Reading
from libra.weighing.orders.source import Document, SheetSource, StyleWork, Text
from libra.weighing.reading import known_readings, reader
from libra.weighing.reading.known_readings import KnownReadings, Recent, key_of_reading
from libra.weighing.reading.reader import InPlaceReader
from libra.weighing.reading.serial_reader import SerialReader, StyleTask
from libra.weighing.scripts import early_errors, module_scripts
from libra.weighing.scripts.import_map import ImportMap
from libra.weighing.style import styled_document
from libra.weighing.style.wanted import WantedByStyle

URL = "http://a.example/"
PAGE = b"<!doctype html><title>T</title><link rel=stylesheet href=a.css><p class=a>x<img src=i.png>"
SHEET = b".a{background:url(a.png)}"
_ids = count()


class Desk(SerialReader):
    """Counts what it is asked for."""

    __slots__ = ("reads", "styles")

    def __init__(self) -> None:
        super().__init__()
        self.reads = self.styles = 0

    def read(self, *args: Any, **kwargs: Any) -> Reading:
        self.reads += 1
        return super().read(*args, **kwargs)

    def style(self, *args: Any) -> list[WantedByStyle]:
        self.styles += 1
        return super().style(*args)


class Site:
    """Pages that share what they know, and how often anything had to be read for them."""

    def __init__(self, *, known: bool = True) -> None:
        self.known = KnownReadings() if known else None
        self.desk = Desk()

    async def read(self, text: Text, body: bytes, options: Options) -> Reading:
        page = self.page(options)
        reading, _ = await page.read(text, KeptBody(body))
        return reading

    async def weigh(self, body: bytes = PAGE, sheet: bytes = SHEET) -> list[WantedByStyle]:
        """Read a page and its stylesheet, and work out its style."""
        page = self.page(Options())
        reading, source = await page.read(text(), KeptBody(body))
        styled, its_source = await page.read(text("stylesheet", f"{URL}a.css"), KeptBody(sheet))
        assert source is not None
        assert its_source is not None
        assert styled.sheet is not None
        document = Document(source, 0, reading.documents[0])
        wanted, error = await page.style(
            StyleWork(document, [(SheetSource(its_source, styled.sheet), "")])
        )
        assert error is None
        return wanted

    def page(self, options: Options) -> InPlaceReader:
        page = InPlaceReader(at_once, options, self.known)
        page._desk = self.desk
        return page


def at_once(work: Callable[[], Any]) -> asyncio.Future[Any]:
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    done.set_result(work())
    return done


def text(role: Any = "document", url: str = URL, **more: Any) -> Text:
    return Text(next(_ids), role, url, **more)


async def test_the_second_page_with_the_same_bodies_reads_nothing() -> None:
    site, fresh = Site(), Site(known=False)
    first = await site.weigh()
    assert (site.desk.reads, site.desk.styles) == (2, 1)
    second = await site.weigh()
    assert (site.desk.reads, site.desk.styles) == (2, 1)
    assert first == second == await fresh.weigh()
    assert [item.urls for item in second] == [(f"{URL}a.png",)]


async def test_a_page_with_one_other_stylesheet_has_a_style_of_its_own() -> None:
    site = Site()
    await site.weigh()
    other = await site.weigh(sheet=b".a{background:url(b.png)}")
    assert [item.urls for item in other] == [(f"{URL}b.png",)]
    assert (site.desk.reads, site.desk.styles) == (3, 2)


USUAL = Options()
OTHERS = {
    "role": (text("frame"), USUAL),
    "address": (text(url=f"{URL}b"), USUAL),
    "type": (text(content_type="text/html;charset=koi8-r"), USUAL),
    "applies": (text(applies=False), USUAL),
    "integrity": (text(integrity="sha256-x"), USUAL),
    "import map": (text(import_map=ImportMap(URL)), USUAL),
    "headers": (text(headers=DocumentHeaders(links=("</a.css>;rel=preload;as=style",))), USUAL),
    "encoding": (text(encoding="koi8-r"), USUAL),
    "unseen": (text(is_unseen=True), USUAL),
    "viewport": (text(), Options(viewport=Viewport(width=390))),
    "assets": (text(), Options(limits=Limits(assets=3))),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_body_in_another_context_is_another(other: str) -> None:
    body = KeptBody(PAGE)
    usual = key_of_reading(text(), body, USUAL)
    assert usual == key_of_reading(text(), body, USUAL)
    assert usual != key_of_reading(OTHERS[other][0], body, OTHERS[other][1])


def test_the_contexts_that_are_compared_are_all_that_there_are() -> None:
    fields = set(Text.__struct_fields__) - {"id"}
    assert len(OTHERS) == len(fields | {"viewport", "assets"})


async def test_a_body_that_is_in_a_file_is_read_each_time() -> None:
    spool = Spool()
    body = KeptBody(PAGE[9:], (spool.write(PAGE[:9]),), spool)
    site = Site()
    for _ in range(2):
        reading, _ = await site.page(USUAL).read(text(), body)
        assert reading.title == "T"
    assert site.desk.reads == 2


async def test_what_took_long_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        ticks = count(step=2 * known_readings.LONGEST_SECONDS)

        @classmethod
        def perf_counter(cls) -> float:
            return next(cls.ticks)

    monkeypatch.setattr(reader, "time", Slow)
    site = Site()
    assert await site.weigh() == await site.weigh()
    assert (site.desk.reads, site.desk.styles) == (4, 2)


def test_whatever_ended_for_want_of_time_took_long() -> None:
    limits = (
        styled_document.MATCHING_SECONDS,
        module_scripts.PARSING_SECONDS,
        early_errors._PLACES_SECONDS,
        early_errors._SCOPES_SECONDS,
        early_errors._WORDS_SECONDS,
    )
    assert min(limits) >= known_readings.LONGEST_SECONDS


async def test_what_could_not_be_read_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Reading:
        return Reading(error="too-complex: the parser was ended")

    site = Site()
    monkeypatch.setattr(Desk, "read", refuse)
    assert (await site.read(text(), PAGE, USUAL)).error is not None
    monkeypatch.undo()
    assert (await site.read(text(), PAGE, USUAL)).error is None


async def test_a_reading_that_pages_share_stays_as_it_was() -> None:
    """Weighing takes lists from it; none may be changed there."""
    site = Site()
    await site.weigh()
    assert site.known is not None
    before = [msgspec.msgpack.encode(found) for found, _ in site.known.readings._found.values()]
    for _ in range(3):
        await site.weigh()
    after = [msgspec.msgpack.encode(found) for found, _ in site.known.readings._found.values()]
    assert before == after


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 200)), max_size=200))
def test_what_is_kept_has_a_bound_and_what_was_used_last_stays(
    puts: list[tuple[int, int]],
) -> None:
    room = 2_000
    recent: Recent[int] = Recent(room)
    sizes: dict[bytes, int] = {}
    for number, size in puts:
        key = b"%d" % number
        before = recent.get(key)
        recent.put(key, number, size)
        fits = size + len(key) <= room // 16
        assert recent.get(key) == (number if before is not None or fits else None)
        if before is None:
            sizes[key] = size + len(key)
        here = [one for one in sizes if one in recent._found]
        assert sum(sizes[one] for one in here) <= room
        assert recent._left == room - sum(sizes[one] for one in here)


def test_a_body_in_a_file_leaves_its_document_without_a_known_style() -> None:
    task = StyleTask(1, 0, [(2, ""), (-1, "")])
    assert known_readings.key_of_style(task, {1: b"a"}) is None
    assert known_readings.key_of_style(task, {1: b"a", 2: b"b"}) is not None
    assert known_readings.key_of_style(task, {1: b"b", 2: b"a"}) != known_readings.key_of_style(
        task, {1: b"a", 2: b"b"}
    )


def test_where_a_stylesheet_stands_is_part_of_the_style() -> None:
    keys = {1: b"a", 2: b"b", 3: b"c"}
    tasks = [
        StyleTask(1, 0, [(2, ""), (3, "")]),
        StyleTask(1, 0, [(3, ""), (2, "")]),
        StyleTask(1, 0, [(2, "x"), (3, "")]),
        StyleTask(1, 1, [(2, ""), (3, "")]),
        StyleTask(1, 0, [(2, ""), (3, ""), (-1, "")]),
        StyleTask(1, 0, [(2, ""), (3, ""), (-2, "")]),
        StyleTask(2, 0, [(1, ""), (3, "")]),
    ]
    assert len({known_readings.key_of_style(task, keys) for task in tasks}) == len(tasks)
