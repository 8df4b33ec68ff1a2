"""Storage of pages and watches, a backup of what is in memory. It knows nothing of processes.

`Store` is the port and `open_store` chooses its engine. `Journal` holds, on the local disk,
acknowledged entries that are not stored yet. The processes that use them live in `libra.inspector`.
"""

from libra.storage.breaker import Breaker
from libra.storage.engines import file_of, migrate, open_store, schema_status
from libra.storage.errors import (
    Fault,
    Rejected,
    SchemaMismatch,
    StoreError,
    Unavailable,
    UnreadableRow,
)
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
    "UnreadableRow",
    "WatchRow",
    "file_of",
    "migrate",
    "newest",
    "open_store",
    "schema_status",
]
