"""What goes to a parser and comes back is the same at the other end."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.parsers.protocol import Order, Piece, encode
from libra.parsers.reader import IN_PLACE, is_small
from libra.weighing.bodies.kept import KeptBody, Spool, joined
from libra.weighing.options import DESKTOP
from libra.weighing.orders.orders import Reading
from libra.weighing.orders.source import Text
from libra.weighing.reading.serial_reader import SerialReader, StyleTask
from libra.weighing.roles import READ_ROLES, Role
from libra.weighing.scripts.import_map import ImportMap
from support.work import cost

URL = "https://example.com/"


def read(body: bytes, role: Role = "document") -> Reading:
    return SerialReader().read(Text(0, role, URL), body, DESKTOP, most=10_000, keep=False)


def test_an_order_comes_as_it_was_sent() -> None:
    text = Text(7, "module", URL, "text/javascript", import_map=ImportMap(URL, {"a": URL}))
    task = StyleTask(7, 0, [(8, "layer"), (-1, "")])
    order = Order(0.25, [1, 2], DESKTOP, [Piece(text, ((0, 9),), 3)], 99, keep=True, style=task)
    assert msgspec.msgpack.decode(encode(order), type=Order) == order


@given(st.sampled_from(sorted(READ_ROLES)), st.binary(max_size=400))
def test_whatever_is_read_comes_back_as_it_was_read(role: Role, body: bytes) -> None:
    reading = read(body, role)
    assert msgspec.msgpack.decode(encode(reading), type=Reading) == reading


def test_half_a_character_becomes_a_question_mark() -> None:
    reading = read(b'<script type=importmap>{"imports":{"\\ud800":"/a.js"}}</script>')
    back = msgspec.msgpack.decode(encode(reading), type=Reading)
    assert back.import_map == ImportMap(URL, {"?": URL + "a.js"})


def test_of_too_many_references_the_first_are_listed_and_the_others_counted() -> None:
    body = b"".join(b"<img src=%d.png><img src=%d.png>" % (n, n) for n in range(100))
    text = Text(0, "document", URL, "text/html")
    reading = SerialReader().read(text, body, DESKTOP, most=30, keep=False)
    assert [reference.url for reference in reading.references] == [
        f"{URL}{n}.png" for n in range(30)
    ]
    assert reading.omitted == 70


SLOW = [
    b"<b>" * 700, b"<p>" * 700, b"<div><p><b>" * 180, b"<table>" * 290, b"<table><a>" * 200,
    b"<svg><a>" * 250, b"<!--" * 500, b"<a " + b"a=1 " * 500, b"<a b='" * 340, b"<select><option>" * 120,
    b"<img loading=lazy src=a>" * 85, b"<meta http-equiv=refresh content='" + b" " * 2_000,
    b"<link rel=preload as=image imagesrcset='" + b"a 1x," * 400, b"<style>" + b"@media(" * 280,
    b"<style>" + b"a{b{" * 500, b"<style>@import url(" + b"a" * 2_000, b"<base href=" + b"/.." * 600,
    b"<script type=importmap>" + b"[" * 2_000, b"<script type=module>" + b"import{a," * 220,
    b"<img srcset='" + b"(" * 2_000, b"<template>" * 200, b"<math><mi>" * 200, b"<font><p>" * 220,
    b"@media" + b" not" * 500, b":is(" * 500, b"@layer " + b"a." * 1_000, b"import" * 340,
    b"@font-face{src:" + b"url(a)," * 280, b"@supports" + b"(" * 2_000, b"\xef\xbb\xbf" * 680,
]  # fmt: skip


@pytest.mark.parametrize("role", ["document", "stylesheet", "module"])
def test_what_is_read_in_the_program_takes_little_time_whatever_it_is(role: Role) -> None:
    """The worst of these takes some times as long as plain text; a hundred times that is a square."""
    plain = least_cost(b"<p>some words here and there" * 80, "document")
    for body in SLOW:
        assert is_small(KeptBody(body[:IN_PLACE]))
        assert least_cost(body, role) < 200 * plain, body[:40]


def least_cost(body: bytes, role: Role) -> float:
    """Seconds of a processor to read the beginning of a body."""
    costs = []
    for _ in range(3):
        with cost() as spent:
            read(body[:IN_PLACE], role)
            costs.append(spent())
    return min(costs)


def test_documents_in_a_document_are_not_read_in_the_program() -> None:
    assert not is_small(KeptBody(b"<iframe SRCDOC=x>"))
    assert not is_small(KeptBody(b"x" * (IN_PLACE + 1)))


@given(st.lists(st.binary(max_size=50), max_size=8))
def test_what_goes_to_the_file_comes_back(parts: list[bytes]) -> None:
    spool = Spool()
    places = [spool.write(part) for part in parts]
    assert [spool.read(*place) for place in places] == parts
    kept = KeptBody(b"end", tuple(places), spool).stowed(spool)
    assert kept.memory == b""
    assert (kept.read(), kept.size) == (b"".join(parts) + b"end", sum(map(len, parts)) + 3)


def test_places_that_follow_one_another_are_one() -> None:
    assert joined([(0, 5), (5, 2), (9, 1), (10, 3)]) == [(0, 7), (9, 4)]
    assert joined([]) == []


def test_a_page_gets_no_more_than_its_share_of_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libra.weighing.bodies.kept.MOST", 10)
    spool = Spool()
    spool.write(b"x" * 10)
    with pytest.raises(OSError, match="a page may use at most 10 bytes"):
        spool.write(b"x")
