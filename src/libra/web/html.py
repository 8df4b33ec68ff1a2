"""Pages as HTML: Jinja2 templates, always escaped, and the assets that they use.

Everything that comes from a weighed page (URLs, titles, types, errors) is an attacker's text. The
templates escape it, links are made only of http(s) addresses, and the content security policy of
`libra.web.application` allows no inline script or style should anything slip through.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from libra.app import PageList
from libra.formats.words import duration, plain, size
from libra.health import Health, Node
from libra.web.views import (
    backup_words,
    bar,
    code_spans,
    host,
    page_view,
    split_origin,
    status_words,
)
from libra.weighing.report import FINISHED, Report

MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


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


class Renderer:
    """Renders the pages. One serves a whole application; it holds no request's state."""

    def __init__(self) -> None:
        self.files = {file.name: file for file in _static_files()}
        templates = resources.files("libra.web") / "templates"
        sources = {
            entry.name: entry.read_text("utf-8")
            for entry in sorted(templates.iterdir(), key=lambda entry: entry.name)
        }
        self._environment = jinja2.Environment(
            loader=jinja2.DictLoader(sources),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(
            backup_words=backup_words,
            bar=bar,
            code_spans=code_spans,
            host=host,
            duration=duration,
            plain=plain,
            safe_href=safe_href,
            size=size,
            split_origin=split_origin,
            status_words=status_words,
            timestamp=timestamp,
        )
        self._environment.globals.update(
            static={name: file.href for name, file in self.files.items()}, finished=FINISHED
        )
        for name in sources:
            self._environment.get_template(name)  # compiled now and not in somebody's request
        text = "".join(sources.values()) + "".join(file.digest for file in self.files.values())
        self.digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        """Changes with templates and assets: a cached page of an older Libra is not current."""

    def home(self, pages: PageList, *, url: str = "", after: str | None = None) -> bytes:
        """The form and a list of pages.

        Args:
            pages: what is listed.
            url: only weigh-ins of this URL are listed.
            after: the cursor of this list, None on its first page.
        """
        busy = any(page.status not in FINISHED for page in pages.pages)
        return self._render("home.html", pages=pages, url=url, after=after, busy=busy)

    def invalid(self, text: str, message: str) -> bytes:
        """The form again, with what was typed and what is wrong with it."""
        return self._render("invalid.html", text=text, message=message)

    def page(self, report: Report) -> bytes:
        """A report."""
        return self._render("page.html", report=report, view=page_view(report))

    def observer(self, tree: Node, health: Health) -> bytes:
        """The living process tree."""
        return self._render("observer.html", tree=tree, health=health)

    def docs(self, document: dict[str, Any], problems: dict[str, str]) -> bytes:
        """The reference of the HTTP API, from its OpenAPI document."""
        return self._render("docs.html", document=document, problems=problems)

    def login(self, *, then: str, name: str | None, wrong: str | None) -> bytes:
        """The page that asks for a token.

        Args:
            then: the path to go to afterwards.
            name: of the token that is logged in already, if one is.
            wrong: what was wrong with the one that was sent.
        """
        return self._render("login.html", then=then, name=name, wrong=wrong)

    def problem(self, status: int, title: str, detail: str | None) -> bytes:
        """An error page."""
        return self._render("problem.html", status=status, title=title, detail=detail)

    def _render(self, template: str, **values: Any) -> bytes:
        return self._environment.get_template(template).render(**values).encode()


@cache
def renderer() -> Renderer:
    """The renderer, made once in a program: compiling the templates takes some 60 ms."""
    return Renderer()


def safe_href(url: str | None) -> str | None:
    """The URL if it may be linked to, else None: ``javascript:`` and the like are only shown."""
    if url is not None and url.lower().startswith(("http://", "https://")):
        return url
    return None


def timestamp(moment: datetime | None) -> str:
    """A time as ``<time datetime>`` takes it, in UTC; empty for None."""
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


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
