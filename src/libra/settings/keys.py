"""The keys of ``libra.toml`` that `libra weigh` reads."""

from __future__ import annotations

WEIGH_KEYS = frozenset(
    {
        "allow_partial",
        "annotate",
        "base",
        "branch",
        "budget",
        "commit",
        "compare",
        "crawl",
        "depth",
        "format",
        "header",
        "ignore_robots",
        "insecure",
        "limit",
        "max_growth",
        "max_weight",
        "no_proxy",
        "output",
        "preset",
        "project",
        "quiet",
        "rule",
        "server",
        "sitemap",
        "summary",
        "timeout",
        "urls",
        "user_agent",
        "viewport",
    }
)
"""Keys of ``libra.toml`` that only `libra weigh` reads; each has a flag of the same name."""
SHARED_KEYS = frozenset(
    {
        "browser",
        "browser_memory",
        "ca",
        "concurrency",
        "delay",
        "http3",
        "limits",
        "method",
        "proxy",
    }
)
"""Settings that are also flags of `libra weigh`."""
