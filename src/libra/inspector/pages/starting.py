"""Starts the process of a page: at once, asleep until somebody asks, or quarantined."""

from __future__ import annotations

from libra.inspector.context import Context
from libra.inspector.pages.page_inspector import PageInspector
from libra.inspector.records.page_record import PageRecord
from libra.otp import Failed

#: After this many deaths of the program while a page was being weighed, the page is quarantined until
#: somebody retries it.
CONVICTED = 3


def start(context: Context, record: PageRecord, *, copied: bool = False) -> None:
    """Start the process of a page; quarantine a page that has killed the program again and again.

    Args:
        context: the shared state.
        record: the record of the page.
        copied: whether the page comes from the journal's local copy, so that the journal has it.

    Raises:
        StartError: the process could not start.
        ProcessExited: there is no supervisor at the moment.
    """
    spec = PageInspector.child_spec(context, record)
    deaths = context.processes.durability.deaths(record.id)
    if record.finished and record.backup == "stored" and record.expires_at is not None:
        # The process has nothing to do until somebody asks for the page or it expires.
        context.processes.inspectors.add_asleep(spec)
        context.processes.durability.end(record.id)
        context.records.evictions.note(record.id, record.expires_at)
        if not copied:
            context.processes.durability.keep(record.id)
        return
    if record.finished or deaths < CONVICTED:
        context.processes.inspectors.start_child(spec)
        return
    reason = f"the program died {deaths} times while this page was being weighed; retry it by hand"
    context.processes.inspectors.quarantine_child(spec, Failed(reason))
    context.processes.durability.keep(record.id)
