"""Reports to try the formats on, with the hostile text that foreign pages can hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from libra.report import KINDS, Asset, Bytes, HostTotal, Kind, Report, Total
from libra.weighing.score import score

PAGE = "https://example.com/"


def asset(url: str, kind: Kind, transfer: int = 0, **more: object) -> Asset:
    """An asset that was fetched, unless it is said otherwise."""
    fields: dict[str, object] = {"status": "fetched", "resource_bytes": 3 * transfer, **more}
    if fields["status"] == "fetched":
        fields.setdefault("http_status", 200)
    return Asset(url=url, kind=kind, transfer_bytes=transfer, **fields)  # type: ignore[arg-type]


def weighed(assets: Sequence[Asset], url: str = PAGE, **more: object) -> Report:
    """A weighed report whose sums are those of its assets."""
    by_host: dict[str, list[Asset]] = {}
    for one in assets:
        by_host.setdefault(urlsplit(one.url).netloc, []).append(one)
    fields: dict[str, object] = {
        "id": "0199",
        "final_url": url,
        "title": "Example",
        "status": "weighed",
        "complete": True,
        "submitted_at": datetime(2025, 3, 1, 12, 0, 0, tzinfo=UTC),
        "duration_ms": 812,
        **more,
    }
    return Report(
        url=url,
        body=Bytes(assets[0].transfer_bytes, assets[0].resource_bytes),
        total=_total(assets),
        by_kind={kind: _total([a for a in assets if a.kind == kind]) for kind in KINDS},
        by_host={host: _host(sent) for host, sent in by_host.items()},
        score=score(_total(assets).transfer_bytes),
        assets=tuple(assets),
        **fields,  # type: ignore[arg-type]
    )


def failed(url: str = "https://gone.example/", error: str = "dns: no address") -> Report:
    """A page that could not be weighed."""
    document = Asset(url=url, kind="document", status="failed", error=error)
    return Report(id="0200", url=url, status="failed", assets=(document,), error=error)


def ordinary() -> Report:
    """A small page that lacks nothing."""
    return weighed(
        [
            asset(PAGE, "document", 45_896, encoding="gzip", content_type="text/html"),
            asset(f"{PAGE}main.css?a=1&b=", "stylesheet", 30_000),
            asset(f"{PAGE}app.js", "script", 200_000),
            asset("https://cdn.other.net/lib.js", "script", 120_000, third_party=True),
            asset(f"{PAGE}hero.webp", "image", 400_000, lazy=True, duration_ms=31),
        ]
    )


def partial() -> Report:
    """A page with a script that never came and a film that was left out."""
    timeout = "timeout: no response within 20 s"
    return weighed(
        [
            asset(PAGE, "document", 45_896),
            asset("https://cdn.other.net/slow.js", "script", status="failed", error=timeout),
            asset(f"{PAGE}film.mp4", "media", status="skipped", error="too-large: > 100 MB"),
        ],
        complete=False,
    )


EVIL = (
    "\x1b]0;owned\x07\x1b[31m=cmd|'/c calc'!A1 </script><img src=x> @root `|` \u202e[x](y)\x00\"&"
)


def hostile() -> Report:
    """A page that tries to be more than data wherever foreign text is kept."""
    return weighed(
        [
            asset(PAGE, "document", 10, content_type=EVIL, encoding=EVIL),
            asset(f"{PAGE}{EVIL}", "script", 20, initiator=EVIL),
            asset("https://x.example/", "image", status="failed", error=EVIL, content_type="=1+1"),
        ],
        title=EVIL,
        complete=False,
    )


def _total(assets: Sequence[Asset]) -> Total:
    return Total(
        len(assets),
        sum(one.transfer_bytes for one in assets),
        sum(one.resource_bytes for one in assets),
    )


def _host(assets: Sequence[Asset]) -> HostTotal:
    total = _total(assets)
    return HostTotal(
        total.requests, total.transfer_bytes, total.resource_bytes, assets[0].third_party
    )
