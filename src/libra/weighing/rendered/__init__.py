"""Weighing in a real browser, for pages that scripts build (the extra ``libra-weigh[render]``).

    async with BrowserPool() as browsers:
        report = await weigh_rendered("https://example.com/", Options(), browsers)

It gives the same report as the static method. It is not meant for many pages at once: a page takes
seconds and a browser some hundred megabytes, where the static method takes milliseconds.
"""

from libra.weighing.rendered.browsers.browser import RenderUnavailable, find_browser
from libra.weighing.rendered.browsers.pool import BrowserEnds, BrowserPool
from libra.weighing.rendered.once import weigh_rendered

__all__ = ["BrowserEnds", "BrowserPool", "RenderUnavailable", "find_browser", "weigh_rendered"]
