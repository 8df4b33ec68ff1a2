"""The words for a report on the pages for people. Pure functions."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from libra.app import WatchStatus
from libra.report import Backup, Status
from libra.web.site.live_updates import OutageBanner
from libra.weighing.options import Viewport
from libra.weighing.rendered.picture import THUMBNAIL_WIDTH
from libra.wording import count


def host(url: str) -> str:
    """The host of a URL, with its port where it has one; the URL itself where it has none."""
    try:
        return urlsplit(url).netloc or url
    except ValueError:
        return url


def address(url: str) -> str:
    """A URL without its scheme."""
    return url.partition("://")[2] or url


def short_id(text: str) -> str:
    """A short id for the element of this text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def thumbnail_size(viewport: str) -> tuple[int, int]:
    """Width and height of the thumbnail of a page that was weighed for a window, in pixels."""
    window = Viewport.parse(viewport)
    width = min(window.width, THUMBNAIL_WIDTH)
    return width, max(1, round(window.height * width / window.width))


def watch_words(status: WatchStatus) -> str:
    """The status of a watch, in a word or two."""
    match status:  # so that the type checker reports a missing case
        case "new" | "ok":
            return "Watched"
        case "paused":
            return "Watch paused"
        case "unconfirmed":
            return "Watched, to be confirmed"
        case "over-budget":
            return "Over budget"
        case "failed":
            return "Watched, failed"
        case "quarantined":
            return "Watch stopped"


def code_spans(text: str) -> Markup:
    """Text in which `words between backticks` are code, as in docstrings and Markdown."""
    pieces = text.replace("``", "`").split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if index % 2 else escape(piece)
        for index, piece in enumerate(pieces)
    )


def age(moment: datetime, now: datetime | None = None) -> str:
    """How long ago something was, in a few words for a list."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 60:
        return "just now"
    for unit, length, until in (("min", 60, 60), ("h", 3600, 48), ("d", 86_400, 60)):
        if seconds < until * length:
            return f"{int(seconds // length)} {unit} ago"
    return f"{moment:%Y-%m-%d}"


def status_words(status: Status) -> str:
    """The status of a page, in a word or two."""
    return {
        "queued": "Waiting for its turn",
        "fetching": "Fetching the page",
        "weighing": "Weighing",
        "weighed": "Weighed",
        "failed": "Could not be weighed",
    }[status]


def backup_words(  # noqa: PLR0911 - a table
    backup: Backup, outage: OutageBanner | None = None, finished: bool = True
) -> str:
    """How safe a page is, in a sentence or two: its result, or before that its submission."""
    what = "" if finished else "The submission: "
    down = outage is not None and outage.database
    match backup:
        case "stored" if finished:
            return "Stored in the database."
        case "stored":
            return "Saved. The result will be saved when it is ready."
        case "rejected":
            return "Only in memory: the database rejects it."
        case "replicated":
            return f"{what}Safe on the machines of the cluster, and on its way to the database."
        case "journaled" if down:
            return (
                f"{what}Not in the database, which is down. Safe on this machine's disk; "
                "Libra stores it as soon as the database is back."
            )
        case "journaled":
            return f"{what}Safe on this machine's disk, and on its way to the database."
        case "memory" if down and outage is not None and not outage.disk:
            return (
                f"{what}Only in memory: the database is down and this machine's disk cannot be "
                "written. Libra stores it as soon as one of them is back."
            )
        case "memory" if down:
            return (
                f"{what}Only in memory: the database is down. "
                "Libra stores it as soon as the database is back."
            )
        case _:
            return f"{what}Only in memory so far, and on its way to the database."


def waiting_words(outage: OutageBanner) -> str:
    """What waits for the end of an outage, in a sentence."""
    if not outage.waiting:
        return "Nothing is waiting to be saved."
    waits = "is waiting" if outage.waiting == 1 else "are waiting"
    return f"{count(outage.waiting, 'page')} {waits} to be saved."
