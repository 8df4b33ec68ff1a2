"""Limits in one line, for what Lighthouse's budget.json cannot express: a file, or one third party.

::

    app.*.js < 50kB
    script < 300kB
    font < 4 requests
    third-party < 10 requests
    third-party ads.example.net < 100kB
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from libra.budgets.budget import SUBJECTS, Limit
from libra.wording import parse_size

HOW: Final = (
    "write WHAT < SIZE or WHAT < N requests, where WHAT is the name of a file (app.*.js), one of"
    f" {', '.join(SUBJECTS)}, or third-party with a host"
)


def parse_rule(text: str) -> Limit:
    """The limit in a line.

    Raises:
        ValueError: saying what is accepted.
    """
    match = _RULE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a rule: {HOW}")
    what, amount = match["what"], match["amount"]
    counted = _COUNT.fullmatch(amount)
    try:
        most = int(counted[1]) if counted else parse_size(amount)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a rule, because {amount!r} is not a size: {HOW}"
        ) from None
    measure: Final = "count" if counted else "size"
    if what in SUBJECTS:
        return Limit(what, measure, most)
    host = _HOST.fullmatch(what)
    if host is not None:
        return Limit(host[1].lower(), measure, most, "host")
    if re.search(r"\s", what) or not re.search(r"[./*]", what):
        close = get_close_matches(what, SUBJECTS, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"{text!r} is not a rule, because {what!r} is neither a file nor a kind: {HOW}.{hint}"
        )
    return Limit(what, measure, most, "file")


_RULE: Final = re.compile(r"\s*(?P<what>[^<>]{1,500}?)\s*<=?\s*(?P<amount>[^<>=]{1,40}?)\s*")
_COUNT: Final = re.compile(r"(\d{1,9})\s*requests?", re.ASCII)
_HOST: Final = re.compile(r"third-party\s+([\w.-]+(?::\d+)?)")
