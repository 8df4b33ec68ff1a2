"""Errors of the engine, sorted by how the caller must react."""

from __future__ import annotations


class EngineAway(Exception):
    """The engine does not answer, or clearly says that it cannot now: it did nothing."""


class InDoubt(EngineAway):
    """No answer came in time: the engine may have done it, and may do it yet."""


class Conflict(Exception):
    """The stream's last message is not the expected one: the engine did nothing.

    Another writer need not be the cause. A leader also compares with writes that it has received and not
    written yet, such as the same write whose answer was lost. So read the leader before anything else.
    As long as it has the expected message, the outcome is in doubt, and the write is tried again.
    """


class NobodyThere(Exception):
    """No program listens on the subject of the question."""


class TooLarge(Exception):
    """The engine takes no message of this size."""


class Misconfigured(Exception):
    """The engine refuses the request, and will refuse it until an operator changes something."""


class UnknownFormat(ValueError):
    """A record or a submission was written by a newer Libra than this one, which leaves it alone."""
