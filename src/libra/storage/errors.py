"""The expected failures of a database, as opposed to bugs."""

from __future__ import annotations

from typing import Literal, TypeAlias

Fault: TypeAlias = Literal[
    "unreachable",  # no connection, or it was lost: refused, reset, DNS, shutting down, too many
    "timeout",  # no answer within the deadline: slow, frozen or cut off
    "contention",  # a lock or a serialization conflict: worth another try at once
    "read-only",  # reachable, but it takes no writes: a standby, a read-only file
    "full",  # no space or memory left
    "corrupt",  # it answers with nonsense: not a database, a damaged file
    "config",  # it refuses us: password, database name, privilege. Only a person can fix it
    "schema",  # its tables are missing or belong to another version of Libra
    "history",  # it is another database than before, or has gone back in time
    "lease",  # another Libra writes to it
]
"""The kind of an outage, in one word for `/health` and the metrics."""


class StoreError(Exception):
    """Base class of all expected failures of a store."""


class Unavailable(StoreError):
    """The database cannot do this now, and the request is fine. Try again later.

    The outcome of a save that ended so is *unknown*: it may have been stored. That is harmless,
    because saves can be repeated.
    """

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(f"{fault}: {reason}")
        self.fault: Fault = fault
        self.reason = reason


class Rejected(StoreError):
    """The database will never take this row (too large or invalid); other rows are not affected."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnreadableRow(Unavailable):
    """The row of this page or watch is damaged. That is no outage: other rows are not affected."""

    def __init__(self, reason: str) -> None:
        super().__init__("corrupt", reason)


class SchemaMismatch(Unavailable):
    """The schema is missing, older or newer than this program; the message says what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__("schema", reason)
