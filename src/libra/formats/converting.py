"""One report, from its JSON to another format, as bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from libra.formats.asset_csv import to_csv
from libra.formats.har import to_har
from libra.weighing.report import Report, decode

_MAKERS: dict[str, Callable[[Sequence[Report]], str]] = {"csv": to_csv, "har": to_har}


def convert(data: bytes, form: str) -> bytes:
    """A report in another format.

    Args:
        data: The report's JSON.
        form: ``csv`` or ``har``.
    """
    return _MAKERS[form]([decode(data)]).encode()
