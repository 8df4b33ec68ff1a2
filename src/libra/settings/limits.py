"""The limits of a page, as settings and flags write them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from libra.weighing.options import InvalidOptions, Limits
from libra.wording import parse_size


def parse_limits(texts: Iterable[str], limits: Limits) -> Limits:
    """Change some limits: ``assets=500``, ``page-bytes=50MB``, ``decode-ratio=100``.

    Raises:
        ValueError: saying which names there are, or what a value must be.
    """
    changed: dict[str, float] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in _LIMITS:
            known = ", ".join(sorted(_LIMITS)).replace("_", "-")
            raise ValueError(
                f"{text!r} is not a limit: write NAME=VALUE, where NAME is one of {known}"
            )
        changed[name] = parse_size(value) if _LIMITS[name] is int else float(value)
    try:
        return msgspec.structs.replace(limits, **changed)
    except InvalidOptions as error:
        raise ValueError(str(error)) from None


# The limits of time have settings of their own, which accept durations.
_LIMITS: dict[str, type] = {
    field.name: field.type
    for field in msgspec.structs.fields(Limits)
    if not field.name.endswith("_seconds")
}
