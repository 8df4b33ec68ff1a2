"""A parser that passes a limit, or dies, costs what it read a named error and nobody else anything."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from libra.app import Libra
from libra.formats.converting import convert, page_form
from libra.formats.views.page_view import Look
from libra.parsers import forking, pool, turns
from libra.parsers.converting import convert_in
from libra.parsers.once import weigh_once
from libra.parsers.pool import ParserRefused, Parsers
from libra.parsers.reader import ParserReader
from libra.report import Report, encode
from libra.settings import Settings
from libra.testing import PageServer, css, finished, html, image, settle
from libra.weighing import Limits, Options
from libra.weighing.bodies.kept import KeptBody, Spool
from libra.weighing.html.document_walk import parse_html
from libra.weighing.orders.orders import Reading
from libra.weighing.orders.source import Text
from libra.weighing.roles import Role
from support.asking import PATIENCE, eventually
from support.patience import FOR_EVER
from support.samples import PAGE, asset, weighed
from support.work import cost

URL = "https://example.com/"
LONG = b"<title>Long</title><img src=a.png>" + b"<p>some words here and there" * 200
TILDES = "p~" * 40 + "p{background:url(/never.png)}"

linux = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")


START = forking.start


@pytest.fixture(autouse=True)
def _templates_are_started_as_users_start_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is forked for tests has more room in what it has already, and reaches limits later."""
    monkeypatch.setattr(forking, "start", START)


def in_thread(work: Callable[[], Any]) -> asyncio.Future[Any]:
    return asyncio.get_running_loop().run_in_executor(None, work)


def reader(parsers: Parsers) -> ParserReader:
    return ParserReader(parsers, in_thread, Options())


@pytest.fixture
async def parsers() -> AsyncIterator[Parsers]:
    some = Parsers(2)
    yield some
    await some.close()
    assert some.processes == []


async def running(parsers: Parsers, number: int = 1) -> list[int]:
    """The parsers, once there are so many: an answer may come before the word that one has begun."""

    async def all_are_there() -> list[int] | None:
        return parsers.processes if len(parsers.processes) == number else None

    return await eventually(all_are_there, f"{number} parsers run", within=PATIENCE)


_ids = iter(range(10_000))


async def read(parsers: Parsers, body: bytes, role: Role = "document") -> Reading:
    reading, _ = await reader(parsers).read(Text(next(_ids), role, URL), KeptBody(body))
    return reading


PATIENT = Options(limits=Limits(page_seconds=FOR_EVER))


async def weigh(parsers: Parsers, body: str, **parts: Any) -> Report:
    icon = "<link rel=icon href=data:,>"
    site = {"/": html(body, head=icon), **{f"/{name}": part for name, part in parts.items()}}
    async with PageServer(site) as server:
        return await weigh_once(server.url(), PATIENT, parsers=parsers)


async def test_a_document_is_read_by_a_parser(parsers: Parsers) -> None:
    reading = await read(parsers, LONG)
    assert (reading.title, reading.error) == ("Long", None)
    assert [reference.url for reference in reading.references] == [URL + "a.png"]
    await running(parsers)


async def test_a_body_in_the_file_of_its_page_is_read_from_there(parsers: Parsers) -> None:
    spool = Spool()
    places = spool.write(LONG[:100]), spool.write(LONG[100:500])
    body = KeptBody(LONG[500:], places, spool)
    reading, source = await reader(parsers).read(Text(0, "document", URL), body)
    assert (reading.title, len(reading.references)) == ("Long", 1)
    assert source is None  # it has no style


async def test_style_is_worked_out_whoever_read_the_parts(parsers: Parsers) -> None:
    text = "<p class=a>some words" * 300
    body = f"<link rel=stylesheet href=/a.css><style>@import '/b.css';</style>{text}"
    sheets = {"a.css": css(".a{background:url(a.png)}"), "b.css": css("i{background:url(b.png)}")}
    report = await weigh(parsers, body, **sheets, **{"a.png": image(10), "b.png": image(10)})
    assert sorted(asset.url.rsplit("/", 1)[1] for asset in report.assets) == [
        "", "a.css", "a.png", "b.css",
    ]  # fmt: skip
    assert report.complete


async def test_a_selector_without_end_costs_its_page_the_style_alone(
    parsers: Parsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "PAGE_SECONDS", 0.3)
    hostile = asyncio.ensure_future(
        weigh(
            parsers,
            f"<style>{TILDES}</style>" + "<p>" * 40 + "<img src=/a.png>",
            **{"a.png": image(9)},
        )
    )
    innocent = await read(parsers, LONG)
    assert innocent.error is None
    report = await hostile
    assert (report.status, report.complete) == ("weighed", False)
    assert (report.error or "").startswith("too-complex: the page takes more than")
    assert [asset.status for asset in report.assets] == ["fetched", "fetched"]
    assert report.total.transfer_bytes == sum(asset.transfer_bytes for asset in report.assets)


async def test_what_takes_too_much_memory_has_a_named_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = Parsers(1, memory=20_000_000)
    try:
        reading = await read(small, b"<p>x" * 150_000)
        assert reading.error == "out-of-memory: reading it takes more than 20,000,000 bytes"
        assert (await read(small, LONG)).error is None
        # What plainly does not fit is not tried: it would use up the time of its page.
        beyond = await read(small, b"<p>" * 2_000_000)
        assert (beyond.error or "").startswith("out-of-memory:")
    finally:
        await small.close()


async def test_a_parser_that_is_killed_is_replaced_and_its_order_begun_again(
    parsers: Parsers,
) -> None:
    await read(parsers, LONG)
    (first,) = await running(parsers)
    os.kill(first, signal.SIGSTOP)
    reading = asyncio.ensure_future(read(parsers, LONG))
    await settle()  # the order is on its way
    os.kill(first, signal.SIGKILL)
    assert (await reading).title == "Long"
    assert first not in parsers.processes


async def test_what_its_parsers_die_over_has_a_named_error(
    parsers: Parsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "DEATHS", 1)
    await read(parsers, LONG)
    (process,) = await running(parsers)
    os.kill(process, signal.SIGSTOP)
    reading = asyncio.ensure_future(read(parsers, LONG))
    await settle()  # the order is on its way
    os.kill(process, signal.SIGKILL)
    assert (await reading).error == "unreadable: its parser ended with signal SIGKILL"
    assert (await read(parsers, LONG)).title == "Long"


async def test_a_template_that_is_killed_is_started_anew(parsers: Parsers) -> None:
    await read(parsers, LONG)
    template = parsers.template
    assert template is not None
    os.kill(template, signal.SIGKILL)
    assert (await read(parsers, LONG)).title == "Long"
    assert (await read(parsers, LONG)).title == "Long"


async def test_a_page_that_is_given_up_ends_its_parser(parsers: Parsers) -> None:
    await read(parsers, LONG)
    (process,) = await running(parsers)
    os.kill(process, signal.SIGSTOP)
    reading = asyncio.ensure_future(read(parsers, LONG))
    await settle()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (await read(parsers, LONG)).title == "Long"

    async def has_ended() -> bool:  # the template may say so after another has answered
        return process not in parsers.processes

    await eventually(has_ended, "the end of the parser", within=PATIENCE)


@linux
async def test_a_parser_has_its_socket_and_nothing_of_the_program(
    parsers: Parsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIBRA_TOKEN", "a secret that nobody should see")
    await read(parsers, LONG)
    assert parsers.template is not None
    (parser,) = await running(parsers)
    for process in (parsers.template, parser):
        environment = environment_of(process)
        assert b"secret" not in environment
        names = {variable.partition(b"=")[0] for variable in environment.split(b"\0")}
        assert names <= {b"", b"PYTHONPATH"}
    assert open_files_of(parser) == ["socket"]
    assert nice_of(parser) >= 10


@linux
async def test_parsers_give_way_where_sessions_share_the_processors(parsers: Parsers) -> None:
    await read(parsers, LONG)
    (parser,) = await running(parsers)
    own, its = (groups_of(process) for process in (os.getpid(), parser))
    assert its == own or all(line.endswith("nice 10") for line in its)


def groups_of(process: int) -> list[str]:
    """The session that counts when the processors are divided; none if the system knows none."""
    groups = Path(f"/proc/{process}/autogroup")
    return groups.read_text().splitlines() if groups.exists() else []


def environment_of(process: int) -> bytes:
    return Path(f"/proc/{process}/environ").read_bytes()


def open_files_of(process: int) -> list[str]:
    files = Path(f"/proc/{process}/fd").iterdir()
    return [str(file.readlink()).partition(":")[0] for file in files]


def nice_of(process: int) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[16])


PROGRAM = """
import asyncio
from libra.parsers.pool import Parsers
from libra.parsers.reader import ParserReader
from libra.weighing import Options
from libra.weighing.bodies.kept import KeptBody
from libra.weighing.orders.source import Text

async def main():
    parsers = Parsers(2)
    reader = ParserReader(parsers, None, Options())
    await reader.read(Text(0, "document", "http://a.example/"), KeptBody(b"<p>x" * 1_000))
    while not parsers.processes:
        await asyncio.sleep(0)
    print(parsers.template, *parsers.processes, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@linux
async def test_a_program_that_is_killed_leaves_no_process_behind() -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, stdout=subprocess.PIPE
    )
    assert program.stdout is not None
    processes = [int(word) for word in (await program.stdout.readline()).split()]
    assert len(processes) == 2
    ends = [os.pidfd_open(process) for process in processes]
    loop = asyncio.get_running_loop()
    ended = [asyncio.Event() for _ in ends]
    for descriptor, event in zip(ends, ended, strict=True):
        loop.add_reader(descriptor, event.set)
    program.kill()
    await program.wait()
    await asyncio.gather(*(event.wait() for event in ended))
    for descriptor in ends:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def test_where_the_system_has_no_limit_of_memory_the_template_looks_at_it() -> None:
    watched = Parsers(1, memory=20_000_000, watched=True)
    try:
        await read(watched, LONG)
        reading = await read(watched, b"<p>x" * 220_000)
        assert reading.error == "out-of-memory: reading it takes more than 20,000,000 bytes"
        assert watched.ends.out_of_memory == 1
        assert (await read(watched, LONG)).error is None
    finally:
        await watched.close()


async def test_one_that_needs_the_slow_lane_gets_it_beside_one_that_takes_all_its_time(
    parsers: Parsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other goes on where it was, and the time in which it paused is not taken from it."""
    body = b"<title>Long</title>" + b"<p>x" * 60_000
    with cost() as spent:
        parse_html(body)
        whole = spent()
    # Too little for it at first, and enough after two tries that were for nothing.
    monkeypatch.setattr(pool, "FIRST_TRY", whole / 8)
    monkeypatch.setattr(pool, "PAGE_SECONDS", 12 * whole)
    monkeypatch.setattr(turns, "AHEAD", whole / 2)
    hostile = asyncio.ensure_future(
        weigh(parsers, f"<style>{TILDES}</style>" + "<p>" * 40 + "x" * 3_000)
    )
    await asyncio.wait([hostile], timeout=0)
    long = await read(parsers, body)
    assert (long.title, long.error) == ("Long", None)
    assert not hostile.done()
    assert "too-complex" in ((await hostile).error or "")
    assert parsers.ends.out_of_time >= 2


async def test_health_says_what_became_of_parsers(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object, **__: object) -> forking.Started:
        raise OSError(errno.EMFILE, "Too many open files")

    start = forking.start
    page, late = html(LONG.decode(), head=""), html("x")
    async with PageServer({"/": page, "/a.png": late}) as server, Libra.open(settings) as libra:
        assert libra.health().parts["parsers"].status == "ok"
        with monkeypatch.context() as without:
            without.setattr(forking, "start", cannot)
            report = await finished(libra, await libra.weigh(server.url()))
        assert (report.error or "").startswith("no-parser: ")
        part = libra.health().parts["parsers"]
        assert part.status == "down"
        assert "Too many open files" in (part.detail or "")
        assert forking.start is start
        report = await finished(libra, await libra.weigh(server.url()))
        assert report.error is None
        assert libra.health().parts["parsers"].status == "ok"
        monkeypatch.setattr(pool, "PAGE_SECONDS", 0.1)
        server.site["/b"] = html(f"<style>{TILDES}</style>" + "<p>" * 40)
        await finished(libra, await libra.weigh(server.url("/b")))
        detail = libra.health().parts["parsers"].detail or ""
        assert (
            "ended while they parsed a page: 1 out of time, 0 out of memory, 0 otherwise" in detail
        )


def report_of(assets: int) -> bytes:
    images = (asset(f"https://example.com/{number}.png", "image", 9) for number in range(assets))
    return encode(weighed([asset(PAGE, "document", 9), *images]))


@pytest.mark.parametrize("form", ["csv", "har", page_form(Look("-size")), "comparison"])
async def test_a_report_is_made_into_another_form_by_a_parser(parsers: Parsers, form: str) -> None:
    reports = [report_of(300), report_of(200)][: 2 if form == "comparison" else 1]
    assert await convert_in(parsers, reports, form) == convert(reports, form)
    await running(parsers)


async def test_a_report_that_takes_too_much_to_be_made_into_another_format_is_not() -> None:
    small = Parsers(1, memory=16_000_000)
    try:
        with pytest.raises(ParserRefused, match="out-of-memory: "):
            await convert_in(small, [report_of(10_000)], "har")
        assert await convert_in(small, [report_of(10)], "har")
    finally:
        await small.close()


async def test_one_of_ten_thousand_assets_with_long_addresses_has_all_the_room_it_needs(
    parsers: Parsers,
) -> None:
    images = (asset(f"https://example.com/{n:0600}.png", "image", 9) for n in range(10_000))
    data = encode(weighed([asset(PAGE, "document", 9), *images]))
    har = await convert_in(parsers, [data], "har")
    assert har.count(b'"pageref"') == 10_001


async def test_without_a_parser_a_page_is_read_in_the_program() -> None:
    async with PageServer({"/": html(LONG.decode(), head="")}) as server:
        report = await weigh_once(server.url(), in_process=True)
    assert report.status == "weighed"
