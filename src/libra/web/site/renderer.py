"""Pages as HTML: Jinja2 templates, always escaped.

Everything that comes from a weighed page (URLs, titles, types, errors) is an attacker's text. The
templates escape it, links are made only of http(s) addresses, and the content security policy of
`libra.web.serving.application` allows no inline script or style should anything slip through.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from libra.formats.converting import ArrangedPage
from libra.formats.views.compare_view import CompareView
from libra.report import Report, Summary
from libra.web.access.made_tokens import MadeToken
from libra.web.access.viewer import Viewer
from libra.web.http.openapi_parts import PROBLEMS
from libra.web.requests.watch_form import WatchForm
from libra.web.requests.weigh_form import WeighForm
from libra.web.site.history_view import HistoryView
from libra.web.site.live_updates import OutageBanner
from libra.web.site.observer_view import ObserverView
from libra.web.site.public_view import Badge, PublicView
from libra.web.site.templates import compiled
from libra.web.site.url_list_view import SORTS, STATES, Lists, Search
from libra.web.site.watch_view import WatchPage, WatchView

EVERYBODY = Viewer()


class Renderer:
    """Renders the pages of one application; it holds no request's state.

    Args:
        outage: says what does not work at the moment; every page tells it.
        base: the path that the service is reached under, such as ``/libra``; empty for none.
        destinations: names that alerts may go to, which the form for a watch offers.
    """

    def __init__(
        self,
        outage: Callable[[], OutageBanner | None] = lambda: None,
        base: str = "",
        *,
        destinations: Sequence[str] = (),
    ) -> None:
        self.base = base
        self.files, self._environment, self._digest = compiled()
        self._destinations = tuple(destinations)
        self._outage = outage
        self._banner: tuple[OutageBanner | None, str] | None = None

    def tag(self, version: int, variant: str = "", visitor: Viewer = EVERYBODY) -> str:
        """A weak entity tag for a page about something at that version.

        It changes with templates and assets, so that a copy that an older Libra rendered is not
        current, and with the banner. ``variant`` tells apart what is rendered of the same version.
        """
        text = f"{self._digest} {self._outage()} {visitor} {variant}"
        return f'W/"{version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"'

    def home(
        self,
        lists: Lists,
        search: Search | None = None,
        *,
        changes: int = 0,
        visitor: Viewer = EVERYBODY,
    ) -> bytes:
        """The form and a list, of URLs or of weigh-ins.

        Args:
            lists: what is listed.
            search: what it is narrowed to.
            changes: `Pulse.changes` when the list was read.
            visitor: who looks.
        """
        search = search or Search()
        asked = WeighForm({"url": search.url})
        values = {
            "lists": lists,
            "search": search,
            "asked": asked,
            "states": STATES,
            "sorts": SORTS,
        }
        return self._render("home.html", visitor, changes=changes, **values)

    def invalid(self, asked: WeighForm, visitor: Viewer = EVERYBODY) -> bytes:
        """The form again, with what was typed and what is wrong with it."""
        return self._render("invalid.html", visitor, asked=asked)

    def page(
        self,
        page: ArrangedPage,
        *,
        watches: Sequence[WatchView] = (),
        changes: int = 0,
        visitor: Viewer = EVERYBODY,
        refused: Sequence[str] = (),
    ) -> bytes:
        """A report, the watches of its URL, and what opens the gate to what it has refused."""
        values = {
            "report": page.report,
            "view": page.view,
            "watches": watches,
            "refused": refused,
        }
        form = WatchForm({"url": page.report.url})
        return self._render("page.html", visitor, changes=changes, form=form, **values)

    def history(
        self,
        view: HistoryView,
        *,
        watches: Sequence[WatchView] = (),
        changes: int = 0,
        visitor: Viewer = EVERYBODY,
    ) -> bytes:
        """All weigh-ins of a URL, and its watches."""
        values = {"view": view, "watches": watches, "form": WatchForm({"url": view.url})}
        return self._render("history.html", visitor, changes=changes, **values)

    def watches(self, page: WatchPage, *, changes: int = 0, visitor: Viewer = EVERYBODY) -> bytes:
        """A list of watches."""
        form = WatchForm()
        return self._render("watches.html", visitor, page=page, changes=changes, form=form)

    def watch(
        self,
        view: WatchView,
        *,
        secret: str | None = None,
        changes: int = 0,
        visitor: Viewer = EVERYBODY,
    ) -> bytes:
        """One watch; with a secret, that it was made and what its alerts are signed with."""
        values = {"view": view, "secret": secret}
        return self._render("watch.html", visitor, changes=changes, **values)

    def not_watched(self, form: WatchForm, *, visitor: Viewer = EVERYBODY) -> bytes:
        """The form to watch a page again, with what was written and what is wrong with it."""
        return self._render("not_watched.html", visitor, form=form)

    def public(self, view: PublicView) -> bytes:
        """What everybody may see of a watch that is public."""
        return self._render("public.html", Viewer(False, False, False), view=view)

    def badge(self, badge: Badge) -> bytes:
        """A badge, as SVG."""
        return self._render("badge.svg", badge=badge)

    def compare(self, view: CompareView, *, visitor: Viewer = EVERYBODY) -> bytes:
        """Two reports side by side."""
        return self._render("compare.html", visitor, view=view)

    def choose(
        self,
        page: Report | Summary,
        others: Sequence[Summary],
        *,
        text: str = "",
        partial: bool = False,
        visitor: Viewer = EVERYBODY,
    ) -> bytes:
        """The choice of what to compare a report with."""
        values = {"page": page, "others": others, "text": text, "partial": partial}
        return self._render("choose.html", visitor, **values)

    def observer(self, view: ObserverView, *, visitor: Viewer = EVERYBODY) -> bytes:
        """The living process tree."""
        return self._render("observer.html", visitor, view=view, health=view.health)

    def docs(self, document: dict[str, Any], problems: Mapping[str, str]) -> bytes:
        """The reference of the API."""
        statuses = {str(status): text for status, text in PROBLEMS.items()}
        return self._render("docs.html", document=document, problems=problems, statuses=statuses)

    def try_it(self) -> bytes:
        """The page that sends requests of the reference."""
        return self._render("try.html")

    def problem(
        self, status: int, title: str, detail: str | None, errors: Sequence[str] = ()
    ) -> bytes:
        """An error page.

        Args:
            status: of HTTP.
            title: what went wrong.
            detail: a sentence for people.
            errors: the parameters that were refused, each with the reason.
        """
        return self._render(
            "problem.html", status=status, title=title, detail=detail, errors=errors
        )

    def login(
        self,
        *,
        then: str,
        name: str | None,
        wrong: str | None,
        leaves: bool = True,
        full: bool = False,
    ) -> bytes:
        """The page that asks for a token.

        Args:
            then: the path to go on to.
            name: who is logged in already; None for nobody.
            leaves: whether they can log out here.
            full: whether they may make tokens.
            wrong: what is wrong with the token that was sent.
        """
        return self._render(
            "login.html", then=then, name=name, wrong=wrong, leaves=leaves, full=full
        )

    def tokens(
        self,
        made: Sequence[MadeToken],
        given: Collection[str],
        *,
        visitor: Viewer = EVERYBODY,
        secret: str | None = None,
        name: str | None = None,
        wrong: str | None = None,
    ) -> bytes:
        """Who may come in, and the form that makes a token.

        Args:
            made: those that were made in the browser.
            given: the names of those in the settings.
            visitor: who looks.
            secret: of the one that was made just now; shown this once.
            name: its name.
            wrong: why nothing was made or revoked.
        """
        values = {"made": made, "given": sorted(given), "now": datetime.now(UTC)}
        values |= {"secret": secret, "name": name, "wrong": wrong}
        return self._render("tokens.html", visitor, **values)

    def banner(self, outage: OutageBanner | None) -> str:
        """What the banner says of an outage, as HTML; nothing while all is well."""
        if self._banner is None or self._banner[0] != outage:
            # Every open page is told it every second, and it seldom changes.
            text = self._environment.get_template("banner.html").render(outage=outage).strip()
            self._banner = outage, self._based(text)
        return self._banner[1]

    def _render(self, template: str, visitor: Viewer = EVERYBODY, **values: Any) -> bytes:
        values |= {"outage": self._outage(), "visitor": visitor}
        values |= {"destinations": self._destinations}
        return self._based(self._environment.get_template(template).render(values)).encode()

    def _based(self, html: str) -> str:
        """The same below the path that the service is reached under.

        Foreign text cannot be mistaken for a link: its quotes are escaped, and its links are absolute.
        """
        return _LINK.sub(rf"\g<1>{self.base}/", html) if self.base else html


_LINK = re.compile(r'(\s(?:href|action|formaction|src|data-[a-z]+)=")/')
