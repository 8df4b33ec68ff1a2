"""What is kept of a watch: rows of an older Libra, and nothing secret where it is shown."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from libra.budgets.alarms import Confirm, Standing
from libra.inspector.records.watches.alerts import Alert
from libra.inspector.records.watches.watch_changes import WatchChanges, checked
from libra.inspector.records.watches.watch_record import WatchRecord, WatchState, restore_watch
from libra.inspector.watches import steps
from libra.report import Report
from libra.storage.rows.entries import Snapshot, WatchRow
from libra.weighing.options import Options

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ID = "0199c0de-0000-7000-8000-000000000000"
SECRET = "f00ba4"

OLD = b"""{"id":"0199c0de-0000-7000-8000-000000000000","url":"https://a.test/","every":"day",
"created_at":"2026-01-01T00:00:00Z","next_at":"2026-01-02T00:00:00Z",
"terms":{"budgets":[],"max_weight":5000,"jump":{"percent":20.0,"bytes":50000}},
"webhook":"https://hooks.test/k","webhook_headers":[],"method":"static","secret":"whsec_x","page":null,
"last":{"page":"0199c0de-0000-7000-8000-000000000001","at":"2026-01-01T00:00:01Z","total":6000,
"complete":true,"change":null,"breaches":[],"error":null},
"standing":{"weight":6000,"complete":true,"trouble":["total size"]},
"alerts":[{"id":"1.budget","event":"budget","body":"{}","due_at":"2026-01-01T00:00:02Z","tries":3}],
"delivery":{"event":"budget","at":"2026-01-01T00:00:02Z","error":"http: 500","given_up":false}}"""


def test_a_row_of_an_older_libra_is_read_as_it_was_meant() -> None:
    record = restore_watch(WatchRow(ID, "https://a.test/", 7 << 32, OLD), "stored")
    watch = record.shown(whole=True)
    assert (watch.status, watch.time_zone, watch.paused) == ("over-budget", "UTC", False)
    assert (watch.terms.confirm, watch.terms.repeat, watch.terms.recover) == (Confirm(), None, True)
    assert (watch.name, watch.tags, watch.headers, watch.public) == ("", (), (), None)
    waiting = steps.next_alert(record.state)
    assert waiting is not None
    assert (waiting.tries, waiting.to) == (3, None)
    assert msgspec.json.decode(record.row().data, type=WatchState) == record.state


def made(**fields: object) -> WatchState:
    wanted = checked(WatchChanges(url="https://a.test/", **fields), {"team": None})  # type: ignore[arg-type]
    return steps.made(ID, wanted, NOW)


def changed(state: WatchState, **fields: object) -> WatchState:
    wanted = checked(WatchChanges(**fields), {"team": None})  # type: ignore[arg-type]
    return msgspec.structs.replace(state, **steps.edited(state, wanted, NOW))


def test_what_is_secret_is_in_no_representation() -> None:
    report = Report(id=ID, url="https://a.test/")
    page = msgspec.structs.replace(Snapshot.of(report), headers=(("Cookie", SECRET),))
    assert SECRET not in f"{page} {WatchRow(ID, 'https://a.test/', 1, SECRET.encode())}"
    state = made(
        headers={"Cookie": SECRET},
        webhook=f"https://u:{SECRET}@hooks.test/{SECRET}",
        webhook_headers={"X-Key": SECRET},
    )
    record = WatchRecord(state)
    options = Options(headers=state.headers)
    changes = WatchChanges(headers={"Cookie": SECRET})
    said = f"{state} {state!r} {options!r} {changes!r} {record.shown(whole=True)}"
    assert SECRET not in said
    assert state.secret is not None
    assert state.secret not in said
    assert SECRET in record.row().data.decode()  # it is kept, to be sent


def test_a_webhook_at_another_host_gets_another_secret_and_none_of_the_headers() -> None:
    state = made(webhook="https://hooks.test/a", webhook_headers={"X-Key": SECRET})
    moved = changed(state, webhook="https://hooks.test/b")
    assert (moved.secret, moved.webhook_headers) == (state.secret, state.webhook_headers)
    other = changed(state, webhook="https://other.test/a")
    assert other.secret not in (None, state.secret)
    assert other.webhook_headers == ()
    gone = changed(state, webhook=None)
    assert (gone.webhook, gone.secret, gone.webhook_headers) == (None, None, ())


def test_a_page_at_another_origin_gets_none_of_the_headers_of_the_old_one() -> None:
    state = made(headers={"Cookie": SECRET})
    assert changed(state, url="https://a.test/b").headers == state.headers
    for elsewhere in ("https://b.test/", "http://a.test/", "https://a.test:8443/"):
        assert changed(state, url=elsewhere).headers == ()
        other = changed(state, url=elsewhere, headers={"Cookie": "another"})
        assert other.headers == (("Cookie", "another"),)


def test_an_alert_goes_to_every_receiver_and_none_waits_for_another() -> None:
    state = made(webhook="https://hooks.test/a", destination="team")
    state = msgspec.structs.replace(state, **steps.tested(state, NOW))
    assert [alert.to for alert in state.alerts] == [None, "team"]
    first = steps.next_alert(state)
    assert first is not None
    state = msgspec.structs.replace(state, **steps.tried(state, first, "http: 500", NOW))
    assert [alert.to for alert in state.alerts] == ["team"]
    assert state.deliveries[0].given_up


def test_a_test_alert_is_next_and_takes_the_place_of_the_oldest_that_wait() -> None:
    waiting = tuple(Alert(str(n), "budget", "{}", NOW) for n in range(steps.MAX_ALERTS))
    state = made(webhook="https://hooks.test/a", destination="team")
    for before, left in ((waiting, waiting[2:]), (waiting[:3], waiting[:3]), ((), ())):
        full = msgspec.structs.replace(state, alerts=before)
        alerts = steps.tested(full, NOW)["alerts"]
        assert [alert.event for alert in alerts[:2]] == ["test", "test"]
        assert alerts[2:] == left


def test_what_is_weighed_otherwise_is_no_measure_for_what_was_before() -> None:
    state = msgspec.structs.replace(made(), page="1", method="static")
    for fields in ({"viewport": "390x844@3"}, {"method": "static"}, {"headers": {"A": "b"}}):
        other = changed(state, **fields)
        assert (other.page, other.method, other.next_at) == (None, None, NOW)
    same = changed(state, name="Shop", every="2h")
    assert (same.page, same.method) == ("1", "static")
    assert same.next_at > NOW


def test_what_is_to_be_confirmed_is_weighed_soon_whatever_the_schedule_becomes() -> None:
    calm = made()
    suspected = msgspec.structs.replace(calm, standing=Standing(suspected=True))
    for fields in ({"every": "2h"}, {"time_zone": "Europe/Berlin"}):
        assert changed(suspected, **fields).next_at == NOW + steps.CONFIRM
        assert changed(calm, **fields).next_at > NOW + steps.CONFIRM
    paused = changed(suspected, paused=True)
    assert steps.due_at(paused) == steps.NEVER
    assert changed(paused, paused=False).next_at == NOW + steps.CONFIRM
