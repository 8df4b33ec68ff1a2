"""The state that the processes of one Libra share, in four parts."""

from __future__ import annotations

import msgspec

from libra.inspector.availability import Availability
from libra.inspector.processes import LiveProcesses
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.records import Records
from libra.inspector.services import Services
from libra.weighing.method_choice import UNDECIDED
from libra.weighing.options import Options


class Context:
    """State shared by the processes of one Libra.

    Each part knows only the parts below it, which avoids import cycles: it knows processes by their
    ports (`libra.inspector.records.ports`), not by their classes.

    Attributes:
        records: the state that survives a crash.
        availability: whether the database and the local disk can be used.
        services: what pages and watches work with.
        processes: the processes that are running at the moment.
    """

    def __init__(self, services: Services) -> None:
        self.services = services
        self.records = Records(services.now)
        self.availability = Availability()
        self.processes = LiveProcesses()

    def options_again(self, record: PageRecord) -> Options:
        """The options with which to weigh an unfinished page again from the beginning.

        A page that comes back after a restart knows its method (or that none was chosen yet), its
        viewport and its headers. The other options are kept with its watch.
        """
        watch = self.records.watches.weighing(record.id)
        of_watch = None if watch is None else self.services.options_of(watch)
        if record.options is not None:
            return record.options
        if of_watch is None:
            again = self.services.options_for(record.method, record.viewport)
            again = msgspec.structs.replace(again, auto=record.chosen == UNDECIDED)
        else:
            auto = of_watch.auto and record.method == "static"
            again = msgspec.structs.replace(of_watch, method=record.method, auto=auto)
        return msgspec.structs.replace(again, headers=record.headers or again.headers)
