"""What can go wrong with the engine, by what is to be done about it."""

from __future__ import annotations


class EngineAway(Exception):
    """The engine does not answer, or says clearly that it cannot do this now: nothing was done."""


class InDoubt(EngineAway):
    """No answer came, or not in time: it may have been done, and may be done yet."""


class Conflict(Exception):
    """What is there is not what was expected: nothing was done.

    That need not be what somebody else wrote. A leader also compares with what it has been given and not
    written yet, such as the same write whose answer was lost. So the leader is read before anything else
    is done: as long as it has what was expected, the outcome is in doubt, and the write is tried again.
    """


class NobodyThere(Exception):
    """No program listens where the question was sent to."""


class TooLarge(Exception):
    """The engine takes no message of this size."""


class Misconfigured(Exception):
    """The engine refuses what it is asked for, and will until somebody changes something."""


class UnknownFormat(ValueError):
    """A record or a submission is of a newer Libra than this: it is left alone."""
