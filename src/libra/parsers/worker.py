"""A parser: carries out one order after another until its socket is closed, or a limit ends it."""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
import sys
import time
import traceback
from typing import NoReturn

import msgspec
from selectolax.lexbor import SelectolaxError

from libra.parsers.memory import address_space
from libra.parsers.protocol import (
    ANSWER_HEAD,
    FAILED,
    LACKING,
    LAST,
    ORDER_HEAD,
    OUT_OF_MEMORY,
    Order,
    Piece,
    encode,
)
from libra.weighing.options import DESKTOP
from libra.weighing.orders.source import Text
from libra.weighing.reading.serial_reader import SerialReader, StyleTask

GROWTH = 48_000_000
"""The limit of bytes by which a parser may grow; then it ends, because C code gives no memory back."""

NICE = 10
"""By how much a parser gives way to other processes."""

_LOOKED_AT = 1_000_000
_LEAST_ELEMENT = 150
"""The least memory of an element, in bytes."""

_FAR_BEYOND = 2
"""A factor, because some of the counted elements may be text in a comment or a script."""

_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
_FILES = 8


def work(connection: socket.socket, memory: int | None) -> NoReturn:
    """Run a parser, in a process that was just forked.

    Args:
        connection: The socket to the program; all other descriptors are closed.
        memory: Bytes that it may take beyond its initial memory; None if the template watches that.
    """
    try:
        _keep_only(connection.fileno())
        _limit(memory)
        _serve(connection)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except OSError:
        os._exit(0)  # the program has gone
    os._exit(0)


def _keep_only(descriptor: int) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(0, descriptor)
    os.closerange(descriptor + 1, min(most, 65_536))


def _limit(memory: int | None) -> None:
    os.nice(NICE)
    limits = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _FILES),
    ]
    if memory is not None:
        limits.append((resource.RLIMIT_AS, address_space() + memory))
    for which, limit in limits:
        resource.setrlimit(which, (limit, limit))


def _serve(connection: socket.socket) -> None:
    reader = SerialReader()
    decoder = msgspec.msgpack.Decoder(Order)
    at_first = _peak()
    while (received := _receive(connection)) is not None:
        head, bodies, file = received
        started = time.process_time()
        flags = 0
        try:
            order = decoder.decode(head)
            signal.setitimer(signal.ITIMER_PROF, order.seconds)
            try:
                answer = _carry_out(order, reader, bodies, file)
            except LookupError as error:
                flags, answer = LACKING, repr(error).encode()
            except (MemoryError, SelectolaxError):
                # lexbor parses any input, if it gets the memory.
                raise MemoryError from None
            except Exception as error:  # noqa: BLE001 - whatever a document brings about
                flags, answer = FAILED, _told(error).encode()
            signal.setitimer(signal.ITIMER_PROF, 0)
        finally:
            if file >= 0:
                os.close(file)
        del bodies
        if _peak() - at_first > GROWTH:
            flags |= LAST
        spent = time.process_time() - started
        connection.sendall(ANSWER_HEAD.pack(len(answer), spent, flags) + answer)
        if flags & LAST:
            return


def _carry_out(order: Order, reader: SerialReader, bodies: memoryview, file: int) -> bytes:
    reader.forget(order.forget)
    at = 0
    found: dict[int, tuple[Text, bytes]] = {}
    for piece in order.pieces:
        parts = [_read(file, *place) for place in piece.places]
        if piece.length or not parts:
            parts.append(bytes(bodies[at : at + piece.length]))
        found[piece.text.id] = piece.text, parts[0] if len(parts) == 1 else b"".join(parts)
        at += piece.length
    if order.style is not None:
        return encode(reader.style(order.style, found.__getitem__, order.viewport))
    if order.form:
        # Imported here, because most parsers never need it.
        from libra.formats.converting import convert  # noqa: PLC0415

        return convert([body for _, body in found.values()], order.form)
    ((text, body),) = found.values()
    found.clear()
    if text.role != "stylesheet" and _is_too_much(body):
        raise MemoryError
    return encode(reader.read(text, body, order.viewport, most=order.most, keep=order.keep))


def _is_too_much(body: bytes) -> bool:
    """Whether a document clearly does not fit in memory, which parsing it would take long to show."""
    if len(body) < _LOOKED_AT:
        return False
    elements = body.count(b"<") - body.count(b"</")
    return elements * _LEAST_ELEMENT > _FAR_BEYOND * resource.getrlimit(resource.RLIMIT_AS)[0] > 0


def _read(file: int, at: int, length: int) -> bytes:
    pieces: list[bytes] = []
    while length > 0 and (piece := os.pread(file, length, at)):
        pieces.append(piece)
        at += len(piece)
        length -= len(piece)
    return b"".join(pieces)


def _receive(connection: socket.socket) -> tuple[memoryview, memoryview, int] | None:
    """The next order, its bodies, and the page's file or -1; None at the end."""
    first, files, _, _ = socket.recv_fds(connection, ORDER_HEAD.size, 1)
    file = files[0] if files else -1
    if not first:
        return None
    head = bytearray(first)
    while len(head) < ORDER_HEAD.size:
        head += connection.recv(ORDER_HEAD.size - len(head))
    length, rest = ORDER_HEAD.unpack(head)
    whole = memoryview(bytearray(length + rest))
    at = 0
    while at < len(whole):
        received = connection.recv_into(whole[at:])
        if not received:
            return None
        at += received
    return whole[:length], whole[length:], file


def _peak() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT


def _told(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:200]} ({last.name}:{last.lineno})"


def warm_up() -> None:
    """Carry out one order of each kind, so that in forked parsers it is not the first one."""
    reader = SerialReader()
    page, sheet = (
        Text(0, "document", "http://a.example/"),
        Text(1, "stylesheet", "http://a.example/a"),
    )
    module = Text(2, "module", "http://a.example/b")
    decoder = msgspec.msgpack.Decoder(Order)
    task = StyleTask(0, 0, [(1, ""), (-1, "")])
    for order, body in (
        (Order(1, [], DESKTOP, [Piece(page, (), 0)], 99, keep=True), _PAGE),
        (Order(1, [], DESKTOP, [Piece(sheet, (), 0)], 99, keep=True), _SHEET),
        (Order(1, [], DESKTOP, [Piece(module, (), 0)], 99), b"import './c'"),
        (Order(1, [], DESKTOP, [], style=task), b""),
    ):
        pieces = [msgspec.structs.replace(piece, length=len(body)) for piece in order.pieces]
        told = decoder.decode(encode(msgspec.structs.replace(order, pieces=pieces)))
        _carry_out(told, reader, memoryview(body), -1)
    del reader
    gc.collect()
    gc.freeze()


_PAGE = (
    b"<!doctype html><title>x</title><link rel=stylesheet href=a><meta charset=utf-8>"
    b"<style>p>b{color:red;font:1em x}</style><base href=/><script src=a></script>"
    b"<p class=a style='background:url(b)'><b>x</b><img srcset='a 1x, b 2x' loading=lazy>"
)
_SHEET = (
    b"@font-face{font-family:x;src:url(x.woff2)}@media (min-width:1px){p:first-child,.a b{"
    b"font-family:x;background:url(c)}}"
)
