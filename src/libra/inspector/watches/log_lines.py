"""The log lines of a watch: each weigh-in, and each try to deliver an alert.

A log line names a watch by its id and its name. It contains neither the URL nor the receivers,
because many of those contain secrets.
"""

from __future__ import annotations

import logging

from libra.inspector.records.watches.alerts import Alert
from libra.inspector.records.watches.watch_record import WatchState
from libra.wording import size

log = logging.getLogger("libra.watch")


def log_run(state: WatchState) -> None:
    """Log a weigh-in, or its failure, from the state of the watch."""
    run = state.last
    if run is None:
        return
    if run.total is None:
        log.warning("%s: page %s could not be weighed", _called(state), run.page)
        return
    over = f", over {len(run.breaches)} of its limits" if run.breaches else ""
    part = "" if run.complete else " (not all of it arrived)"
    log.info("%s: page %s weighs %s%s%s", _called(state), run.page, size(run.total), over, part)


def log_delivery(state: WatchState, alert: Alert) -> None:
    """Log a try to deliver an alert, from the state of the watch."""
    tried = state.delivery
    if tried is None:
        return
    where = "the webhook" if tried.to is None else f"destination {tried.to}"
    if tried.error is None:
        log.info("%s: %s accepted alert %s", _called(state), where, alert.id)
    else:
        then = "Libra gave up" if tried.given_up else "Libra will try again"
        log.warning(
            "%s: %s did not accept alert %s, %s: %s",
            _called(state),
            where,
            alert.id,
            then,
            tried.error,
        )


def _called(state: WatchState) -> str:
    return f"watch {state.id} ({state.name})" if state.name else f"watch {state.id}"
