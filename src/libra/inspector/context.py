"""What the processes of one Libra share, in four parts."""

from __future__ import annotations

import msgspec

from libra.inspector.availability import Availability
from libra.inspector.processes import LiveProcesses
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.records import Records
from libra.inspector.services import Services
from libra.weighing.options import Options


class Context:
    """The surroundings of a page, and of a watch.

    Each part knows only what is below it, so that none is in a circle with those who use it: the
    processes are known as their ports (`libra.inspector.records.ports`) and not as what they are.

    Attributes:
        records: what outlives a crash.
        availability: what is there and what is not.
        services: what pages and watches work with.
        processes: which are running at the moment.
    """

    def __init__(self, services: Services) -> None:
        self.services = services
        self.records = Records(services.now)
        self.availability = Availability()
        self.processes = LiveProcesses()

    def options_again(self, record: PageRecord) -> Options:
        """How a page that was under way is weighed from the beginning.

        One that comes back after a restart knows its method, its window and its headers. What else its
        watch says is kept with that.
        """
        watch = self.records.watches.weighing(record.id)
        of_watch = None if watch is None else self.services.options_of(watch)
        if record.options is not None:
            return record.options
        if of_watch is None:
            again = self.services.options_for(record.method, record.viewport)
        else:
            auto = of_watch.auto and record.method == "static"
            again = msgspec.structs.replace(of_watch, method=record.method, auto=auto)
        return msgspec.structs.replace(again, headers=record.headers or again.headers)
