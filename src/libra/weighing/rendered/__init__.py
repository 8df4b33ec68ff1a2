"""Weighing in a real browser, for pages that scripts build (the extra ``libra-weigh[render]``).

    async with BrowserPool() as browsers:
        report = await weigh_rendered("https://example.com/", Options(), browsers)

It gives the same report as the static method. Not for many pages at once: a page takes seconds and a
browser some hundred megabytes, where the static method takes milliseconds.
"""

from libra.weighing.rendered.browser import RenderUnavailable, find_browser
from libra.weighing.rendered.page import weigh_rendered
from libra.weighing.rendered.pool import BrowserEnds, BrowserPool

__all__ = ["BrowserEnds", "BrowserPool", "RenderUnavailable", "find_browser", "weigh_rendered"]
