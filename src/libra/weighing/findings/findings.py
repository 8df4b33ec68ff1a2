"""Findings: improvements that a page's owner can make, based on measurements.

A finding names its assets and, if known, how many bytes fewer would cross the wire. Libra tries
compression, compares copies and measures images. One number is an estimate and says so: the size of an
image with fewer pixels, since Libra does not encode images again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from libra.report import Asset, Finding
from libra.weighing.bodies.body_facts import BodyFacts
from libra.weighing.findings.not_the_page import not_the_page
from libra.weighing.findings.observed import Observed

MAX_ASSETS = 50
"""Maximum number of assets that a finding lists; its message gives the total."""

MAX_COPIES = 20
"""Maximum number of groups of copies to report."""

COPY_BYTES = 512
"""Shorter copies (tracking pixels, empty responses) are not reported."""

SAVING_SHARE = 0.05
"""Text that compression hardly shortens is not reported."""

TOO_LARGE = 2.0
"""An image is far too large if both dimensions are this many times those it is shown with."""

IMAGE_BYTES = 4_096
_CACHEABLE = frozenset({"stylesheet", "script", "image", "font", "media"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

BUILT_BY_SCRIPT = (
    "built by scripts: the document has almost no content of its own, and this weight does not include"
    " what its scripts fetch. Weigh it with the rendered method."
)
"""The note on coverage of a page that the static method cannot see."""


class FindingNotes:
    """What is noted about a page during weighing, for its findings."""

    __slots__ = (
        "_asks_password",
        "_document",
        "_facts",
        "_refresh",
        "_shown",
        "coverage",
        "elements",
    )

    def __init__(self) -> None:
        self._facts: dict[int, BodyFacts] = {}
        self._shown: dict[str, tuple[int, int]] = {}
        self._refresh: tuple[str, int] | None = None
        self._document: tuple[int, bool | None] | None = None
        self._asks_password = False
        self.coverage: str | None = None
        self.elements: int | None = None

    def note(self, at: int, facts: BodyFacts | None) -> None:
        """Record the facts about the body of the asset at this index."""
        if facts is not None:
            self._facts[at] = facts

    def see_document(self, at: int, *, is_html: bool | None = None) -> None:
        """Record which asset is the page after redirects; None leaves `is_html` to its content type."""
        self._document = at, is_html

    def see(self, observed: Observed | None, *, is_page: bool) -> None:
        """Record the observations of a document, either the page's own or a frame's."""
        if observed is None:
            return
        for url, (width, height) in observed.shown.items():
            known = self._shown.get(url, (0, 0))
            self._shown[url] = max(known[0], width), max(known[1], height)
        if is_page:
            if observed.refresh is not None:
                self._refresh = observed.refresh, observed.refresh_seconds
            self._asks_password = observed.asks_password
            self.elements = observed.elements
            self.coverage = BUILT_BY_SCRIPT if observed.is_shell else None

    def findings(self, assets: Sequence[Asset], dpr: float) -> tuple[Finding, ...]:
        """All findings of the page, once it is weighed."""
        found = findings_of(assets, self._facts, shown=self._shown, dpr=dpr, refresh=self._refresh)
        if self._document is None:
            return found
        at, is_html = self._document
        doubts = not_the_page(
            assets[0].url, assets[at], is_html=is_html, asks_password=self._asks_password
        )
        return (*doubts, *found)


def findings_of(
    assets: Sequence[Asset],
    facts: Mapping[int, BodyFacts],
    *,
    shown: Mapping[str, tuple[int, int]] | None = None,
    dpr: float = 1.0,
    refresh: tuple[str, int] | None = None,
) -> tuple[Finding, ...]:
    """All findings of a finished page, those with the most bytes first.

    Args:
        assets: The assets of the report, the document first.
        facts: The facts about bodies, by the index of their asset.
        shown: The width and height, in CSS pixels, with which images are shown, by URL.
        dpr: Device pixels for one CSS pixel.
        refresh: The target of a ``meta`` refresh, and its delay in seconds.
    """
    found = [
        *_uncompressed(assets, facts),
        *_copies(assets, facts),
        *_large_images(assets, facts, shown or {}, dpr),
        *_missing(assets),
        *_redirect_chains(assets),
        *_mixed(assets),
        *_without_caching(assets, facts),
        *_refresh(refresh),
    ]
    return tuple(sorted(found, key=lambda finding: -(finding.saves_bytes or 0)))


def _uncompressed(assets: Sequence[Asset], facts: Mapping[int, BodyFacts]) -> list[Finding]:
    gzip = brotli = sent = 0
    urls: list[str] = []
    for at, fact in facts.items():
        savings, asset = fact.savings, assets[at]
        if savings is None or asset.status != "fetched":
            continue
        if max(savings.gzip, savings.brotli) < SAVING_SHARE * asset.transfer_bytes:
            continue
        gzip += savings.gzip
        brotli += savings.brotli
        sent += asset.transfer_bytes
        urls.append(asset.url)
    if not urls:
        return []
    what = "One text file is" if len(urls) == 1 else f"{len(urls)} text files are"
    message = (
        f"{what} sent uncompressed ({_size(sent)}): gzip would save {_size(gzip)},"
        f" brotli {_size(brotli)}."
    )
    return [_finding("uncompressed-text", message, urls, max(gzip, brotli))]


def _copies(assets: Sequence[Asset], facts: Mapping[int, BodyFacts]) -> list[Finding]:
    groups: dict[tuple[bytes, int], list[Asset]] = {}
    for at, fact in facts.items():
        asset = assets[at]
        if fact.digest and asset.http_status == 200 and asset.transfer_bytes >= COPY_BYTES:
            groups.setdefault((fact.digest, asset.transfer_bytes), []).append(asset)
    found: list[Finding] = []
    for group in groups.values():
        urls = list(dict.fromkeys(asset.url for asset in group))
        if len(urls) < 2:
            continue
        size = group[0].transfer_bytes
        message = f"The same body of {_size(size)} is fetched from {len(urls)} different URLs."
        found.append(_finding("identical-bodies", message, urls, size * (len(urls) - 1)))
    found.sort(key=lambda finding: -(finding.saves_bytes or 0))
    return found[:MAX_COPIES]


def _large_images(
    assets: Sequence[Asset],
    facts: Mapping[int, BodyFacts],
    shown: Mapping[str, tuple[int, int]],
    dpr: float,
) -> list[Finding]:
    urls: list[str] = []
    example = ""
    saves = 0
    for at, fact in facts.items():
        asset = assets[at]
        size = shown.get(asset.url)
        if fact.pixels is None or size is None or asset.transfer_bytes < IMAGE_BYTES:
            continue
        width, height = fact.pixels
        if min(width / (size[0] * dpr), height / (size[1] * dpr)) >= TOO_LARGE:
            urls.append(asset.url)
            example = example or f"{width}x{height} pixels, shown at {size[0]}x{size[1]}"
            needed = size[0] * dpr * size[1] * dpr
            saves += round(asset.transfer_bytes * (1 - needed / (width * height)))
    if not urls:
        return []
    if len(urls) == 1:
        message = f"An image is far larger than its displayed size: {example}"
    else:
        message = (
            f"{len(urls)} images are far larger than their displayed size, the first {example}"
        )
    it = "it" if len(urls) == 1 else "they"
    message += f". Resized to fit, {it} would weigh about {_size(saves)} less."
    return [_finding("oversized-images", message, urls, saves)]


def _missing(assets: Sequence[Asset]) -> list[Finding]:
    missing = [asset for asset in assets if asset.http_status in {404, 410}]
    urls = [asset.url for asset in missing]
    if not urls:
        return []
    what = "One asset is" if len(urls) == 1 else f"{len(urls)} assets are"
    saves = sum(asset.transfer_bytes for asset in missing) or None
    return [_finding("not-found", f"{what} missing (404 or 410).", urls, saves)]


def _redirect_chains(assets: Sequence[Asset]) -> list[Finding]:
    redirects = {asset.url: asset for asset in assets if asset.http_status in _REDIRECTS}
    onward = {asset.initiator for asset in redirects.values() if asset.initiator in redirects}
    found: list[Finding] = []
    for asset in assets:
        if asset.url in onward or asset.initiator not in redirects:
            continue  # not the end of a chain
        chain = [asset.url]
        before: str | None = asset.initiator
        while (hop := redirects.get(before or "")) is not None and hop.url not in chain:
            chain.insert(0, hop.url)
            before = hop.initiator
        if len(chain) > 2:
            message = f"The final response comes after {len(chain) - 1} redirects in a row."
            found.append(_finding("redirect-chain", message, chain))
    return found


def _mixed(assets: Sequence[Asset]) -> list[Finding]:
    page = next((a.url for a in assets if a.kind == "document" and a.http_status == 200), "")
    if not page.startswith("https:"):
        return []
    urls = [a.url for a in assets if a.url.startswith("http:") and a.kind != "document"]
    urls += [
        a.url
        for a in assets
        if a.url.startswith("http:")
        and a.kind == "document"
        and (a.initiator or "").startswith("https:")
    ]
    if not urls:
        return []
    what = (
        "One asset of this https page is"
        if len(urls) == 1
        else f"{len(urls)} assets of this https page are"
    )
    message = f"{what} requested over http; browsers block or upgrade such requests."
    return [_finding("mixed-content", message, urls)]


def _without_caching(assets: Sequence[Asset], facts: Mapping[int, BodyFacts]) -> list[Finding]:
    urls = [
        assets[at].url
        for at, fact in facts.items()
        if not fact.cached and assets[at].kind in _CACHEABLE and assets[at].http_status == 200
    ]
    if not urls:
        return []
    what = "One asset has" if len(urls) == 1 else f"{len(urls)} assets have"
    message = f"{what} no caching policy: the server sends neither Cache-Control nor Expires."
    return [_finding("no-cache-headers", message, urls)]


def _refresh(refresh: tuple[str, int] | None) -> list[Finding]:
    if refresh is None:
        return []
    target, seconds = refresh
    when = "at once" if seconds == 0 else f"after {seconds} s"
    message = (
        f"The page redirects readers {when} (meta refresh). Libra did not weigh the target page."
    )
    return [_finding("meta-refresh", message, [target])]


def _finding(code: str, message: str, urls: list[str], saves: int | None = None) -> Finding:
    return Finding(code=code, message=message, saves_bytes=saves, assets=tuple(urls[:MAX_ASSETS]))


def _size(count: int) -> str:
    """A size as people read it, in units of 1000."""
    if count < 1_000:
        return f"{count} bytes"
    if count < 1_000_000:
        return f"{count / 1_000:.3g} kB" if count < 99_950 else f"{count / 1_000:,.0f} kB"
    return f"{count / 1_000_000:.3g} MB"
