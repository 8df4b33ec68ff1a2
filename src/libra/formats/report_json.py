"""Reports as JSON: one page is one object, several are an array. Also reads them for comparisons."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from libra.decoding import decode_json_with
from libra.report import Report, encode

_INVISIBLE = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_either = msgspec.json.Decoder(Report | list[Report])


def to_json(reports: Sequence[Report]) -> str:
    """The report as an object when there is one, else an array in the order given; indented.

    The shape of a report is that of ``GET /pages/{id}``. C1 controls and controls of writing direction
    are escaped: JSON permits C1 controls inside strings, and some terminals obey them.
    """
    parts = [encode(report) for report in reports]
    data = parts[0] if len(parts) == 1 else b"[" + b",".join(parts) + b"]"
    text = msgspec.json.format(data, indent=2).decode()
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def from_json(data: bytes | str) -> list[Report]:
    """Read what `to_json` wrote, or an answer of ``GET /pages/{id}``.

    Raises:
        msgspec.DecodeError: it is not JSON, or does not have a report's shape; the message says where.
    """
    read = decode_json_with(_either, data)
    return [read] if isinstance(read, Report) else read
