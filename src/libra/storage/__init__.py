"""The backup: what Libra keeps of pages outside its memory. Knows nothing of processes.

`Store` is the port and `open_store` chooses its engine. `Batch` and `Breaker` are the pure halves
of the one writer; the process that drives them lives in `libra.inspector`.
"""

from libra.storage.batch import Batch
from libra.storage.breaker import Breaker
from libra.storage.engines import migrate, open_store, schema_status
from libra.storage.errors import Fault, Rejected, SchemaMismatch, StoreError, Unavailable
from libra.storage.schema import SchemaStatus
from libra.storage.snapshot import DELETED_VERSION, Deleted, Entry, Refused, Snapshot, newest
from libra.storage.store import Deadlines, Store

__all__ = [
    "DELETED_VERSION",
    "Batch",
    "Breaker",
    "Deadlines",
    "Deleted",
    "Entry",
    "Fault",
    "Refused",
    "Rejected",
    "SchemaMismatch",
    "SchemaStatus",
    "Snapshot",
    "Store",
    "StoreError",
    "Unavailable",
    "migrate",
    "newest",
    "open_store",
    "schema_status",
]
