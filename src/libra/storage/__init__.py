"""The backup: what Libra keeps of pages outside its memory. Knows nothing of processes.

`Store` is the port and `open_store` chooses its engine. `Journal` is what is acknowledged and not stored
yet, on local disk. The processes that drive them, and the `Breaker`, live in `libra.inspector`.
"""

from libra.storage.breaker import Breaker
from libra.storage.engines import file_of, migrate, open_store, schema_status
from libra.storage.errors import Fault, Rejected, SchemaMismatch, StoreError, Unavailable
from libra.storage.rows.entries import (
    DELETED_VERSION,
    Deleted,
    Entry,
    RefusedRow,
    Snapshot,
    WatchRow,
    newest,
)
from libra.storage.rows.page_query import PageQuery
from libra.storage.schema import SchemaStatus
from libra.storage.store import Deadlines, Store, Trace

__all__ = [
    "DELETED_VERSION",
    "Breaker",
    "Deadlines",
    "Deleted",
    "Entry",
    "Fault",
    "PageQuery",
    "RefusedRow",
    "Rejected",
    "SchemaMismatch",
    "SchemaStatus",
    "Snapshot",
    "Store",
    "StoreError",
    "Trace",
    "Unavailable",
    "WatchRow",
    "file_of",
    "migrate",
    "newest",
    "open_store",
    "schema_status",
]
