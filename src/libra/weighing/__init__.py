"""What a page weighs: fetch, find assets, measure, score. Knows nothing of processes or storage."""

from libra.weighing.fetch import Fetcher
from libra.weighing.once import weigh_once
from libra.weighing.options import InvalidOptions, Limits, Options, Viewport
from libra.weighing.reference import Fetch, Outcome
from libra.weighing.urls import InvalidURL, parse_url
from libra.weighing.weighing import Weighing

__all__ = [
    "Fetch",
    "Fetcher",
    "InvalidOptions",
    "InvalidURL",
    "Limits",
    "Options",
    "Outcome",
    "Viewport",
    "Weighing",
    "parse_url",
    "weigh_once",
]
