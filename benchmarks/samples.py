"""Reports of 40 assets, made from a seed: the same on every machine.

They resemble real ones where it counts for memory and for compression: hosts, paths and hashed file
names that all differ.
"""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta

from libra.report import (
    KINDS,
    Asset,
    Bytes,
    HostTotal,
    Kind,
    Report,
    Score,
    Total,
)

ASSETS = 40
"""Assets of a report, the document included."""

_TEXT = """
    account app archive article assets banner base bundle button card cart chunk client common
    core dialog editor fallback feed footer form gallery grid hero home icon image index intro
    layout legacy list logo main media menu modal news panel photo player portal post preview
    product profile promo public reset runtime search section shared shop sidebar slider source
    static story style table team theme thumb tools tracking upload vendor video widget wrapper
"""
WORDS = _TEXT.split()
"""What paths and texts are made of."""
_TYPES: dict[Kind, tuple[tuple[str, str], ...]] = {
    "document": (("html", "text/html; charset=utf-8"),),
    "stylesheet": (("css", "text/css"),),
    "script": (("js", "text/javascript"), ("mjs", "text/javascript; charset=utf-8")),
    "image": (("jpg", "image/jpeg"), ("webp", "image/webp"), ("svg", "image/svg+xml")),
    "font": (("woff2", "font/woff2"),),
    "media": (("mp4", "video/mp4"),),
    "other": (("json", "application/json"),),
}
_SHARE: tuple[Kind, ...] = ("stylesheet", *(("script",) * 4), *(("image",) * 6), "font")


def page_id(number: int, moment: datetime) -> str:
    """A UUIDv7 (RFC 9562): the time in milliseconds, then bits from the number's own seed."""
    bits = random.Random(f"id {number}").getrandbits(74)
    value = int(moment.timestamp() * 1000) << 80 | 0x7 << 76 | (bits >> 62) << 64
    return str(uuid.UUID(int=value | 0b10 << 62 | bits & (1 << 62) - 1))


def report(number: int, *, assets: int = ASSETS, now: datetime | None = None) -> Report:
    """A weighed page as it rests in memory; every `number` gives another one."""
    rng = random.Random(number)
    finished = (now or datetime.now(UTC)) - timedelta(milliseconds=1000 + rng.randrange(600_000))
    submitted = finished - timedelta(milliseconds=rng.randrange(200, 4000))
    site = f"{rng.choice(WORDS)}-{rng.choice(WORDS)}{rng.randrange(10_000)}.example"
    hosts = [f"www.{site}", f"cdn.{site}", f"{rng.choice(WORDS)}{rng.randrange(100)}.test"]
    document = f"https://{hosts[0]}/{_path(rng)}"
    found = [_asset(rng, document, "document", document, third_party=False)]
    for _ in range(assets - 1):
        host = rng.choices(hosts, (4, 4, 2))[0]
        kind = rng.choice(_SHARE)
        extension, _mime = rng.choice(_TYPES[kind])
        # Half the file names of the web carry a hash of their content.
        build = f".{rng.randbytes(rng.choice((4, 8, 10))).hex()}" if rng.random() < 0.5 else ""
        url = f"https://{host}/{_path(rng)}{rng.randrange(100)}{build}.{extension}"
        found.append(_asset(rng, url, kind, document, third_party=host == hosts[2]))
    by_kind = {kind: _total([a for a in found if a.kind == kind]) for kind in KINDS}
    by_host = {host: _host([a for a in found if f"//{host}/" in a.url], host) for host in hosts}
    return Report(
        id=page_id(number, submitted),
        url=document,
        final_url=document,
        title=" ".join(rng.choices(WORDS, k=6)).capitalize(),
        status="weighed",
        complete=True,
        version=7,
        backup="stored",
        submitted_at=submitted,
        finished_at=finished,
        expires_at=finished + timedelta(hours=24),
        duration_ms=int((finished - submitted).total_seconds() * 1000),
        body=Bytes(found[0].transfer_bytes, found[0].resource_bytes),
        total=_total(found),
        by_kind=by_kind,
        by_host={host: total for host, total in by_host.items() if total.requests},
        score=Score(
            teledrin=rng.randrange(101),
            verdict="Could be better.",
            lighthouse=rng.randrange(101),
        ),
        assets=tuple(found),
    )


def _asset(rng: random.Random, url: str, kind: Kind, document: str, *, third_party: bool) -> Asset:
    text = kind in ("document", "stylesheet", "script")
    size = int(rng.lognormvariate(9.2, 1.2))
    return Asset(
        url=url,
        kind=kind,
        status="fetched",
        http_status=200,
        transfer_bytes=size,
        resource_bytes=size * rng.randrange(2, 6) if text else size,
        content_type=rng.choice(_TYPES[kind])[1],
        encoding=rng.choice(("gzip", "br")) if text else None,
        initiator=None if kind == "document" else document,
        third_party=third_party,
        lazy=kind == "image" and rng.random() < 0.3,
        duration_ms=rng.randrange(3, 400),
    )


def _path(rng: random.Random) -> str:
    return "/".join(rng.choices(WORDS, k=rng.randrange(1, 4)))


def _total(assets: list[Asset]) -> Total:
    return Total(
        len(assets), sum(a.transfer_bytes for a in assets), sum(a.resource_bytes for a in assets)
    )


def _host(assets: list[Asset], host: str) -> HostTotal:
    total = _total(assets)
    return HostTotal(
        total.requests, total.transfer_bytes, total.resource_bytes, host.endswith(".test")
    )
