"""Messages from the engine, and its answers sorted by how the caller must react."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured

NO_MESSAGE: Final = 10037
"""The only answer of a leader that means: there is no message. Any other means *cannot tell*."""

WRONG_SEQUENCE: Final = frozenset({10071, 10164})
NOT_NOW: Final = frozenset({10008, 10023, 10047, 10077, 10158})
"""Unavailable for the moment, out of memory or disk, full, or another write is under way."""

Headers = Mapping[str, str]


class NoMessage(LookupError):
    """There is no message with this subject."""


class Message:
    """A message from the engine.

    Attributes:
        subject: the subject that it was sent to.
        data: its body.
        headers: its headers, if any.
        reply: the subject for an answer or an acknowledgement; empty for none.
        sequence: its place in its stream, if it was read from one.
    """

    __slots__ = ("data", "headers", "reply", "sequence", "subject")

    def __init__(
        self, subject: str, data: bytes, headers: Headers, reply: str = "", sequence: int = 0
    ) -> None:
        self.subject = subject
        self.data = data
        self.headers = headers
        self.reply = reply
        self.sequence = sequence

    @property
    def is_marker(self) -> bool:
        """Whether the server wrote it in place of a message that expired or was removed."""
        return "Nats-Marker-Reason" in self.headers or "KV-Operation" in self.headers


def judged(data: bytes) -> dict[str, Any]:
    """Decode an answer of JetStream's API, and raise its error, if it has one.

    Raises:
        Conflict: the stream's last message is not the expected one.
        LookupError: the stream, consumer or message is not there; `NoMessage` for a message.
        EngineAway: the engine cannot do that now.
        Misconfigured: the engine refuses the request.
    """
    answer: dict[str, Any] = json.loads(data)
    error = answer.get("error")
    if error is None:
        return answer
    code, words = error.get("err_code", 0), error.get("description", "?")
    if code in WRONG_SEQUENCE:
        raise Conflict(words)
    if code == NO_MESSAGE:
        raise NoMessage(words)
    if error.get("code") == 404:
        raise LookupError(words)
    if code in NOT_NOW or error.get("code") in (500, 503):
        raise EngineAway(f"the engine cannot do that now: {words}")
    raise Misconfigured(f"the engine refuses: {words} (its error {code})")


def message_of(found: Mapping[str, Any]) -> Message:
    """Decode a message as the leader returns it: parts in base64, headers as on the wire."""
    headers: dict[str, str] = {}
    for line in b64decode(found.get("hdrs", "")).decode().split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip()] = value.strip()
    return Message(
        found["subject"], b64decode(found.get("data", "")), headers, sequence=found["seq"]
    )
