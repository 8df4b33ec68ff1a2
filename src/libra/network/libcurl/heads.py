"""The heads of answers, from the lines that libcurl hands over, each with its line end."""

from __future__ import annotations

import re
from collections.abc import Sequence

from multidict import CIMultiDict

from libra.network.failures import TOO_LARGE, Failure
from libra.network.tolerant_http import AS_IT_CAME, INTERIM_ANSWERS, too_large

BLANK = (b"\r\n", b"\n")
"""The line that ends a head."""

_FIELD = re.compile(r"^([\w!#$%&'*+.^`|~-]+):[ \t]*([^\r\n]*)\r\n", re.MULTILINE | re.ASCII)
_BLANK_AT_END = re.compile(r"[ \t]\r\n")


def heads_in(lines: list[bytes]) -> Sequence[list[bytes]]:
    """The heads in these lines, each without the blank line at its end."""
    if lines[-1] in BLANK and lines.count(b"\r\n") + lines.count(b"\n") == 1:
        return (lines[:-1],)
    heads: list[list[bytes]] = [[]]
    for line in lines:
        if line not in BLANK:
            heads[-1].append(line)
        elif heads[-1]:
            if len(heads) > INTERIM_ANSWERS:
                break  # one too many: the rest is not read
            heads.append([])
    return [head for head in heads if head]


def plain_head(lines: list[bytes]) -> tuple[int, CIMultiDict[str]] | None:
    """Parse the head of an answer with no oddities, as most are; None for any other."""
    start = lines[0].split(None, 2)
    if len(start) < 2 or start[0][:5] != b"HTTP/" or len(start[1]) != 3 or not start[1].isdigit():
        return None
    text = b"".join(lines[1:]).decode(*AS_IT_CAME)
    fields = _FIELD.findall(text)
    if len(fields) != len(lines) - 1 or "\0" in text or _BLANK_AT_END.search(text):
        return None
    return int(start[1]), CIMultiDict(fields)


def head_too_large(head: list[bytes], most: int) -> Failure:
    """The failure for a head that is too long, or has a field longer than ``most`` bytes."""
    status = b"".join(head[0].split(None, 2)[1:2])
    longest = max(head, key=len)
    words = TOO_LARGE
    if len(longest) > most:
        words = too_large(longest.partition(b":")[0].decode("latin-1"), len(longest))
    return Failure(words, int(status) if status.isdigit() else None)
