"""Pages as HTML: Jinja2 templates, always escaped, and the assets that they use.

Everything that comes from a weighed page (URLs, titles, types, errors) is an attacker's text. The
templates escape it, links are made only of http(s) addresses, and the content security policy of
`libra.web.application` allows no inline script or style should anything slip through.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import urlencode

import jinja2

from libra.app import PageList
from libra.web.charts import bar
from libra.web.looking_back import CompareView, HistoryView
from libra.web.observing import ObserverView
from libra.web.pulse import Outage
from libra.web.views import (
    KIND_NAMES,
    age,
    backup_words,
    code_spans,
    host,
    page_view,
    split_origin,
    status_words,
    waiting_words,
)
from libra.web.visitor import Visitor
from libra.web.watch_request import WatchForm
from libra.web.watching import WatchPage, WatchView
from libra.weighing.report import FINISHED, Report, Summary
from libra.words import count, duration, plain, signed_size, size

MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

EVERYBODY = Visitor()


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that pages refer to, held in memory."""

    name: str
    content: bytes
    media_type: str
    digest: str

    @property
    def href(self) -> str:
        """Its address, which changes with its content and may therefore be cached for ever."""
        return f"/static/{self.name}?v={self.digest}"


@dataclass(frozen=True, slots=True)
class Search:
    """What a list of pages is narrowed to, and where in it one is. Empty texts mean nothing."""

    url: str = ""
    host: str = ""
    text: str = ""
    after: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.url or self.host or self.text)

    def href(self, **changes: str) -> str:
        """The address of this list, or of the same one with something changed."""
        values = {"url": self.url, "host": self.host, "text": self.text, "after": self.after}
        query = urlencode({k: v for k, v in (values | changes).items() if v}, errors="replace")
        return f"/?{query}" if query else "/"


class Renderer:
    """Renders the pages of one application; it holds no request's state.

    Args:
        outage: says what does not work at the moment; every page tells it.
    """

    def __init__(self, outage: Callable[[], Outage | None] = lambda: None) -> None:
        self.files, self._environment, self._digest = _compiled()
        self._outage = outage
        self._banner: tuple[Outage | None, str] | None = None

    def tag(self, version: int, variant: str = "", visitor: Visitor = EVERYBODY) -> str:
        """A weak entity tag for a page about something at that version.

        It changes with templates and assets, so that a copy that an older Libra rendered is not
        current, and with the banner. ``variant`` tells apart what is rendered of the same version.
        """
        text = f"{self._digest} {self._outage()} {visitor} {variant}"
        return f'W/"{version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"'

    def home(
        self,
        pages: PageList,
        search: Search | None = None,
        *,
        changes: int = 0,
        visitor: Visitor = EVERYBODY,
    ) -> bytes:
        """The form and a list of pages.

        Args:
            pages: what is listed.
            search: what it is narrowed to.
            changes: `Pulse.changes` when the list was read.
            visitor: who looks.
        """
        search = search or Search()
        return self._render("home.html", visitor, pages=pages, search=search, changes=changes)

    def invalid(self, text: str, message: str) -> bytes:
        """The form again, with what was typed and what is wrong with it."""
        return self._render("invalid.html", text=text, message=message)

    def page(
        self,
        report: Report,
        *,
        sort: str = "",
        watches: Sequence[WatchView] = (),
        changes: int = 0,
        visitor: Visitor = EVERYBODY,
    ) -> bytes:
        """A report, and the watches of its URL; ``sort`` is as in `page_view`."""
        values = {"report": report, "view": page_view(report, sort), "watches": watches}
        form = WatchForm({"url": report.url})
        return self._render("page.html", visitor, changes=changes, form=form, **values)

    def history(
        self,
        view: HistoryView,
        *,
        watches: Sequence[WatchView] = (),
        changes: int = 0,
        visitor: Visitor = EVERYBODY,
    ) -> bytes:
        """All weigh-ins of a URL, and its watches."""
        values = {"view": view, "watches": watches, "form": WatchForm({"url": view.url})}
        return self._render("history.html", visitor, changes=changes, **values)

    def watches(self, page: WatchPage, *, changes: int = 0, visitor: Visitor = EVERYBODY) -> bytes:
        """A list of watches."""
        form = WatchForm()
        return self._render("watches.html", visitor, page=page, changes=changes, form=form)

    def watch(
        self,
        view: WatchView,
        *,
        secret: str | None = None,
        changes: int = 0,
        visitor: Visitor = EVERYBODY,
    ) -> bytes:
        """One watch; with a secret, that it was made and what its alerts are signed with."""
        values = {"view": view, "secret": secret}
        return self._render("watch.html", visitor, changes=changes, **values)

    def not_watched(self, form: WatchForm, *, visitor: Visitor = EVERYBODY) -> bytes:
        """The form to watch a page again, with what was written and what is wrong with it."""
        return self._render("not_watched.html", visitor, form=form)

    def compare(self, view: CompareView, *, visitor: Visitor = EVERYBODY) -> bytes:
        """Two reports side by side."""
        return self._render("compare.html", visitor, view=view)

    def choose(
        self,
        page: Report | Summary,
        others: Sequence[Summary],
        *,
        visitor: Visitor = EVERYBODY,
    ) -> bytes:
        """The choice of what to compare a report with."""
        return self._render("choose.html", visitor, page=page, others=others)

    def observer(self, view: ObserverView, *, visitor: Visitor = EVERYBODY) -> bytes:
        """The living process tree."""
        return self._render("observer.html", visitor, view=view, health=view.health)

    def docs(self, document: dict[str, Any], problems: dict[str, str]) -> bytes:
        """The reference of the HTTP API, from its OpenAPI document."""
        return self._render("docs.html", document=document, problems=problems)

    def problem(self, status: int, title: str, detail: str | None) -> bytes:
        """An error page."""
        return self._render("problem.html", status=status, title=title, detail=detail)

    def login(self, *, then: str, name: str | None, wrong: str | None) -> bytes:
        """The page that asks for a token.

        Args:
            then: the path to go on to.
            name: who is logged in already; None for nobody.
            wrong: what is wrong with the token that was sent.
        """
        return self._render("login.html", then=then, name=name, wrong=wrong)

    def banner(self, outage: Outage | None) -> str:
        """What the banner says of an outage, as HTML; nothing while all is well."""
        if self._banner is None or self._banner[0] != outage:
            # Every open page is told it every second, and it seldom changes.
            text = self._environment.get_template("banner.html").render(outage=outage).strip()
            self._banner = outage, text
        return self._banner[1]

    def _render(self, template: str, visitor: Visitor = EVERYBODY, **values: Any) -> bytes:
        values |= {"outage": self._outage(), "visitor": visitor}
        return self._environment.get_template(template).render(values).encode()


def safe_href(url: str | None) -> str | None:
    """The URL if it may be linked to, else None: ``javascript:`` and the like are only shown."""
    if url is not None and url.lower().startswith(("http://", "https://")):
        return url
    return None


def timestamp(moment: datetime | None) -> str:
    """A time as ``<time datetime>`` takes it, in UTC; empty for None."""
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def with_query(path: str, **values: str) -> str:
    """An address with a query, whatever is in its values."""
    return f"{path}?{urlencode(values, errors='replace')}"


@cache
def _compiled() -> tuple[Mapping[str, StaticFile], jinja2.Environment, str]:
    """Templates and files, prepared once in a program: compiling takes some 60 ms."""
    files = {file.name: file for file in _static_files()}
    templates = resources.files("libra.web") / "templates"
    sources = {
        entry.name: entry.read_text("utf-8")
        for entry in sorted(templates.iterdir(), key=lambda entry: entry.name)
    }
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(sources),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        age=age,
        backup_words=backup_words,
        bar=bar,
        code_spans=code_spans,
        count=count,
        duration=duration,
        host=host,
        plain=plain,
        safe_href=safe_href,
        signed_size=signed_size,
        size=size,
        split_origin=split_origin,
        status_words=status_words,
        timestamp=timestamp,
        waiting_words=waiting_words,
    )
    environment.globals.update(
        static={name: file.href for name, file in files.items()},
        finished=FINISHED,
        kind_names=KIND_NAMES,
        with_query=with_query,
    )
    for name in sources:
        environment.get_template(name)  # compiled now and not in somebody's request
    text = "".join(sources.values()) + "".join(file.digest for file in files.values())
    return files, environment, hashlib.sha256(text.encode()).hexdigest()


def _static_files() -> list[StaticFile]:
    folder = resources.files("libra.web") / "static"
    found = []
    for entry in folder.iterdir():
        media_type = MEDIA_TYPES.get(entry.name.rpartition(".")[2])
        if media_type is not None:
            content = entry.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:10]
            found.append(StaticFile(entry.name, content, media_type, digest))
    return sorted(found, key=lambda file: file.name)
