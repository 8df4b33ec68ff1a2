"""The templates of pages, compiled, with what they may call and what they refer to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from urllib.parse import urlencode

import jinja2

from libra.formats.sentences import beside_the_web, estimates
from libra.formats.views.charts import bar, bar_beside
from libra.formats.views.page_view import KIND_NAMES, split_origin
from libra.report import FINISHED
from libra.web.requests.weigh_form import METHODS, VIEWPORTS
from libra.web.site.history_view import RANGES
from libra.web.site.observer_view import PART_NAMES
from libra.web.site.report_view import (
    address,
    age,
    backup_words,
    code_spans,
    host,
    short_id,
    status_words,
    thumbnail_size,
    waiting_words,
    watch_words,
)
from libra.web.site.static_files import StaticFile, static_files
from libra.web.site.watch_view import EVENT_WORDS
from libra.wording import count, duration, plain, signed_size, size


@cache
def compiled() -> tuple[Mapping[str, StaticFile], jinja2.Environment, str]:
    """The static files by name, the templates, and a digest of both.

    They are prepared once in a program: compiling takes some 60 ms.
    """
    files = {file.name: file for file in static_files()}
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
        address=address,
        age=age,
        backup_words=backup_words,
        bar=bar,
        bar_beside=bar_beside,
        beside_the_web=beside_the_web,
        code_spans=code_spans,
        count=count,
        duration=duration,
        estimates=estimates,
        host=host,
        plain=plain,
        safe_href=safe_href,
        short_id=short_id,
        signed_size=signed_size,
        size=size,
        split_origin=split_origin,
        status_words=status_words,
        thumbnail_size=thumbnail_size,
        timestamp=timestamp,
        two=lambda value: (value, value),
        waiting_words=waiting_words,
        watch_words=watch_words,
    )
    environment.globals.update(
        static={name: file.href for name, file in files.items()},
        event_words=EVENT_WORDS,
        finished=FINISHED,
        kind_names=KIND_NAMES,
        methods=METHODS,
        part_names=PART_NAMES,
        ranges=RANGES,
        viewports=VIEWPORTS,
        with_query=with_query,
    )
    for name in sources:
        environment.get_template(name)  # compiled now and not in somebody's request
    text = "".join(sources.values()) + "".join(file.digest for file in files.values())
    return files, environment, hashlib.sha256(text.encode()).hexdigest()


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
