"""What the parts of the public API have in common: the settings and the processes of one Libra."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from libra.inspector.pages.builds import Builds
from libra.inspector.pages.page_finder import PageFinder
from libra.inspector.pages.url_list import UrlListing
from libra.inspector.services import utc_now
from libra.inspector.tree import SupervisionTree
from libra.otp import Clock
from libra.settings import Settings, SettingsError


class Parts:
    """The settings and processes of one Libra, for the classes of its public API."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self._tree = _tree(settings, clock, now)
        self._context = self._tree.context
        self._pages = self._tree.pages
        self._reading = PageFinder(self._context, self._tree.reader, self._pages)
        self._urls = UrlListing(self._context, self._tree.reader)
        self._builds = Builds(self._context, self._tree.reader, self._pages)
        self._public: dict[str, str] = {}


def _tree(settings: Settings, clock: Clock | None, now: Callable[[], datetime]) -> SupervisionTree:
    """The tree of one Libra, or of a node of a cluster, whose modules only a node imports."""
    if not settings.cluster:
        return SupervisionTree(settings, clock=clock, now=now)
    try:
        from libra.cluster.joining import join  # noqa: PLC0415 - only a node needs its client
    except ImportError as error:
        raise SettingsError(
            f'a cluster node needs more packages ({error}): pip install "libra-weigh[cluster]"'
        ) from None
    return join(settings, clock=clock, now=now)
