"""Whose turn it is: first come first served, and a suspect alone."""

from __future__ import annotations

from typing import Any

from libra.inspector.admission import Admission, AskPlace, PlaceNotice, ReleasePlace
from libra.otp import GenServer, Runtime
from libra.otp.testing import settle
from libra.report import Method


class Page(GenServer):
    """Notes when it is told to begin."""

    __slots__ = ("_begun", "_name")

    def init(self, name: str, begun: list[str]) -> None:
        self._name = name
        self._begun = begun

    def handle_info(self, message: Any) -> None:
        assert message is PlaceNotice.GRANTED
        self._begun.append(self._name)


class Desk:
    """Two admissions, for pages that are fetched and that are rendered."""

    def __init__(self, runtime: Runtime) -> None:
        admissions: dict[Method, Admission] = {}
        self.static = runtime.start(Admission, admissions, "static", 3)
        self.rendered = runtime.start(Admission, admissions, "rendered", 1)
        self._runtime = runtime
        self.begun: list[str] = []

    def ask(self, admission: Admission, name: str, *, alone: bool = False) -> Page:
        page = self._runtime.start(Page, name, self.begun)
        admission.cast(AskPlace(page, alone=alone))
        return page


async def test_a_suspect_waits_until_nobody_is_under_way_and_nobody_begins_beside_it() -> None:
    runtime = Runtime()
    desk = Desk(runtime)
    first = desk.ask(desk.static, "first")
    suspect = desk.ask(desk.static, "suspect", alone=True)
    desk.ask(desk.static, "later")
    desk.ask(desk.rendered, "rendered")
    await settle()
    assert desk.begun == ["first"]
    desk.static.cast(ReleasePlace(first))
    await settle()
    assert desk.begun == ["first", "suspect"]
    desk.static.cast(ReleasePlace(suspect))
    await settle()
    assert sorted(desk.begun[2:]) == ["later", "rendered"]
    await runtime.shutdown()


async def test_no_request_is_dropped_however_many_come_at_one_moment() -> None:
    runtime = Runtime()
    desk = Desk(runtime)
    for name in ("one", "two", "three"):
        desk.ask(desk.static, name)
    await settle()
    page = runtime.start(Page, "many", desk.begun)
    many = GenServer.mailbox_limit + 1
    for _ in range(many):
        desk.static.ask(page)
    await settle()
    assert await desk.static.call("how many") == (3, many)
    await runtime.shutdown()


async def test_suspects_of_both_kinds_take_turns_and_a_death_gives_the_turn_on() -> None:
    runtime = Runtime()
    desk = Desk(runtime)
    one = desk.ask(desk.static, "one", alone=True)
    two = desk.ask(desk.rendered, "two", alone=True)
    three = desk.ask(desk.static, "three", alone=True)
    desk.ask(desk.rendered, "four")
    for page, name in ((one, "one"), (two, "two"), (three, "three")):
        await settle()
        assert desk.begun[-1] == name
        await page.stop()
    await settle()
    assert desk.begun == ["one", "two", "three", "four"]
    await runtime.shutdown()
