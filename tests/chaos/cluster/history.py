"""What a cluster was seen to do: answers of its web nodes, its streams' own log, and what was done
to it.

Times are seconds of the monotonic clock of the process that runs the clients; what the engine
stamped is brought to it. Everything is plain data that can be written as JSON lines and checked
again. A log may have gaps, since a stream keeps one message per subject: each rule on it holds for
any part of it too.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from chaos import history
from chaos.history import Strain

CHANGES = 2**32
"""A version is ``life * CHANGES`` plus the changes within that life."""

Hurt = Literal["killed", "frozen", "stopped", "cut off", "full disk", "clock", "gone back"]
"""What was done to a part: ``cut off`` is one whose connections to all others lead nowhere."""


class Call(history.Call, frozen=True, omit_defaults=True, tag="call"):
    """One call to one web node, and its answer.

    Attributes:
        node: the web node that was asked.
        known: the version that the client named as the one that it has.
        age: the seconds by which the answer says that it is old.
        key: the client, the idempotency key and a digest of the body of a submission, as one word.
    """

    node: str = ""
    known: int | None = None
    age: float | None = None
    key: str | None = None


class Written(msgspec.Struct, frozen=True, omit_defaults=True, tag="written"):
    """One message of a shard's stream.

    Attributes:
        stream: its name, and which making of it, as one word.
        sequence: that of the stream.
        at: when it was stored.
        page: whose it is.
        what: a submission, a record, or a tombstone.
        life: of a record: the page's.
        version: the page's.
        owner: the node that has it, and the start of that node, as one word.
        finished: whether it is the end of that life.
        stored: whether the record says that the database has it.
        content: a digest of a finished report without its version and its backup.
    """

    stream: str
    sequence: int
    at: float
    page: str
    what: Literal["sub", "rec", "del"]
    life: int = 0
    version: int = 0
    owner: str = ""
    finished: bool = False
    stored: bool = False
    content: str | None = None

    @property
    def node(self) -> str:
        """The node that has it."""
        return self.owner.partition("/")[0]


class Done(msgspec.Struct, frozen=True, omit_defaults=True, tag="done"):
    """Something was done to a part, or mended.

    Attributes:
        at: when.
        what: what was done; of a start of a dead program ``killed`` ``ends``.
        part: the name of a node, of a server of the engine (``n0``), or ``database``.
        ends: whether it ends.
        leads: whether this server of the engine led a stream.
    """

    at: float
    what: Hurt
    part: str
    ends: bool = False
    leads: bool = False


class Ran(msgspec.Struct, frozen=True, tag="ran"):
    """A watch made a page for one of its due times."""

    at: float
    watch: str
    due: float
    page: str


class Watch(msgspec.Struct, frozen=True, tag="watch"):
    """A watch was made or, with certainty, deleted."""

    at: float
    watch: str
    gone: bool = False


class Alert(msgspec.Struct, frozen=True, tag="alert"):
    """An alert was due, or arrived at its receiver."""

    at: float
    alert: str
    arrived: bool


Entry: TypeAlias = Call | Written | Done | Ran | Watch | Alert | Strain


class History:
    """All that was seen in a run."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.calls: list[Call] = []
        self.log: list[Written] = []
        self.done: list[Done] = []
        self.runs: list[Ran] = []
        self.watches: list[Watch] = []
        self.alerts: list[Alert] = []
        self.strains: list[Strain] = []
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Note something."""
        for kind, entries in (
            (Call, self.calls), (Written, self.log), (Done, self.done), (Ran, self.runs),
            (Watch, self.watches), (Alert, self.alerts), (Strain, self.strains),
        ):  # fmt: skip
            if isinstance(entry, kind):
                entries.append(entry)  # type: ignore[arg-type]  # the list is of this kind

    def entries(self) -> list[Entry]:
        """All of it."""
        return [
            *self.done, *self.strains, *self.calls, *self.log, *self.runs, *self.watches, *self.alerts,
        ]  # fmt: skip

    def write(self, path: Path) -> None:
        """Write it as JSON lines."""
        with path.open("wb") as file:
            for entry in self.entries():
                file.write(_encoder.encode(entry) + b"\n")

    @classmethod
    def read(cls, path: Path) -> History:
        """Read what `write` wrote."""
        with path.open("rb") as file:
            return cls(map(_decoder.decode, file))


class Kept(msgspec.Struct, frozen=True):
    """A page as one place has it at the end.

    Attributes:
        version: the page's.
        content: a digest of its report without its backup.
        finished: whether it is.
        safe: whether it is said to be stored, or that the database refused it.
        expires: whether it leaves this place by itself.
    """

    version: int
    content: str
    finished: bool = True
    safe: bool = True
    expires: bool = True


class Final(msgspec.Struct, frozen=True):
    """How it ended: everything is mended, the load has stopped, and nothing is left to do.

    Attributes:
        records: of the streams.
        tombstones: ids in the streams.
        rows: of the database, deletions aside.
        deleted: ids that the database knows to be deleted.
        replicas: what each web node has.
        answers: what each web node answers, for every page that was ever acknowledged: None is 404.
        pending: what each durable queue holds, by the names of its stream and itself.
        journals: how many entries each node's journal still has to hand over.
        refused: ids whose rows the database was made to refuse.
    """

    records: dict[str, Kept] = {}
    tombstones: frozenset[str] = frozenset()
    rows: dict[str, Kept] = {}
    deleted: frozenset[str] = frozenset()
    replicas: dict[str, dict[str, int]] = {}
    answers: dict[str, dict[str, Kept | None]] = {}
    pending: dict[str, int] = {}
    journals: dict[str, int] = {}
    refused: frozenset[str] = frozenset()


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
