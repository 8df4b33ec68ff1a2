"""The configuration of a cluster's streams and queues in the engine.

All data of a page is in one stream, so that one expected sequence fences all of it: two writers never
both win. The same stream is the queue of the nodes that weigh and of those that store.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import Misconfigured
from libra.cluster.records.layout import (
    CLUSTER,
    KEYS,
    RESULTS_QUEUE,
    WATCHES,
    Layout,
    agree,
    stream_of,
)

MARKERS: Final = 24 * 3600
"""Seconds that a marker stays in place of an expired message."""

WEIGH_WAIT: Final = 5.0
"""Seconds without a sign from the node that has a page until the queue gives the page to another."""

STORE_WAIT: Final = 30.0
"""The same for entries to be stored."""

UNDER_WAY: Final = 20_000
"""Pages that may be under way in one shard and queue, or wait for the database."""

NEEDED: Final = (
    "retention",
    "max_msgs_per_subject",
    "allow_direct",
    "allow_msg_ttl",
    "allow_msg_schedules",
)
"""The options that a stream must have as Libra sets them; all others may differ."""

_NANO: Final = 1_000_000_000


async def settle(engine: Engine, *, shards: int, replicas: int) -> Layout:
    """Make what is missing and read what exists; many nodes may call it at once.

    Args:
        engine: the connection.
        shards: the number of shards, if this is the first node; afterwards it must be the same.
        replicas: how many servers have a copy of everything.

    Raises:
        Misconfigured: the engine refuses that, or the cluster has another number of shards.
        EngineAway: the engine cannot do that now.
    """
    await make_stream(
        engine,
        {
            "name": CLUSTER,
            "subjects": ["libra.cluster.>"],
            "retention": "limits",
            "storage": "file",
            "num_replicas": replicas,
            "max_msgs_per_subject": 1,
            "discard": "old",
            "allow_direct": True,
            "allow_msg_ttl": True,
        },
    )
    layout = Layout(await agree(engine, shards))
    for config in streams(layout.shards, replicas):
        await make_stream(engine, config)
    await _make_consumer(engine, WATCHES, turns(replicas))
    await _make_consumer(engine, WATCHES, watch_backup(replicas))
    for shard in layout.shards:
        for config in consumers(shard, replicas):
            await _make_consumer(engine, stream_of(shard), config)
    return layout


def streams(shards: range, replicas: int) -> Iterator[dict[str, Any]]:
    """The configuration of every stream."""
    shared = {
        "retention": "limits",
        "storage": "file",
        "num_replicas": replicas,
        "max_msgs_per_subject": 1,
        "discard": "old",
        "allow_direct": True,
        "allow_msg_ttl": True,
        "subject_delete_marker_ttl": MARKERS * _NANO,
        "duplicate_window": 120 * _NANO,
    }
    for shard in shards:
        yield {"name": stream_of(shard), "subjects": [f"libra.{shard}.>"], **shared}
    yield {
        "name": WATCHES,
        "subjects": ["libra.watch.>"],
        **shared,
        "allow_msg_schedules": True,
    }
    yield {"name": KEYS, "subjects": ["libra.key.*"], **shared}


def consumers(shard: int, replicas: int) -> Iterator[dict[str, Any]]:
    """The configuration of the queues of a shard."""
    shared = {
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "max_deliver": -1,
        "max_ack_pending": UNDER_WAY,
        "num_replicas": replicas,
    }
    for queue in ("static", "rendered"):
        yield {
            "durable_name": f"weigh-{queue}",
            "filter_subject": f"libra.{shard}.*.sub.{queue}",
            "ack_wait": round(WEIGH_WAIT * _NANO),
            **shared,
        }
    yield {
        "durable_name": RESULTS_QUEUE,
        "filter_subject": f"libra.{shard}.*.sub.result",
        "ack_wait": round(STORE_WAIT * _NANO),
        **shared,
    }
    yield {
        "durable_name": "store",
        "filter_subjects": [f"libra.{shard}.*.rec", f"libra.{shard}.*.del"],
        "ack_wait": round(STORE_WAIT * _NANO),
        **shared,
    }


def turns(replicas: int) -> dict[str, Any]:
    """The configuration of the queue of turns of watches."""
    return {
        "durable_name": "turns",
        "filter_subject": "libra.watch.due.*",
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "ack_wait": round(STORE_WAIT * _NANO),
        "max_deliver": -1,
        "max_ack_pending": UNDER_WAY,
        "num_replicas": replicas,
    }


def watch_backup(replicas: int) -> dict[str, Any]:
    """The configuration of the queue of watches to be stored."""
    return turns(replicas) | {"durable_name": "store", "filter_subject": "libra.watch.rec.*"}


async def make_stream(engine: Engine, config: dict[str, Any]) -> None:
    """Make a stream, unless it exists.

    Raises:
        Misconfigured: the engine refuses that.
        EngineAway: the engine cannot do that now.
    """
    name = config["name"]
    try:
        await engine.api(f"STREAM.CREATE.{name}", config)
    except Misconfigured:
        try:
            info = await engine.api(f"STREAM.INFO.{name}")
        except LookupError:
            pass
        else:
            # An operator or another Libra may have given it other copies or limits: accept those.
            _require(config, info["config"])
            return
        raise


async def _make_consumer(engine: Engine, stream: str, config: dict[str, Any]) -> None:
    name = config["durable_name"]
    try:
        await engine.api(
            f"CONSUMER.DURABLE.CREATE.{stream}.{name}",
            {"stream_name": stream, "config": config},
        )
    except Misconfigured:
        # Another Libra made it with other options: only its name matters.
        await engine.api(f"CONSUMER.INFO.{stream}.{name}")


def _require(wanted: Mapping[str, Any], has: Mapping[str, Any]) -> None:
    """Refuse a stream that was made without an option that Libra needs.

    Raises:
        Misconfigured: it names the missing options.
    """
    lacking = [
        f"{key}: {json.dumps(wanted[key])}"
        for key in NEEDED
        if key in wanted and has.get(key, False) != wanted[key]
    ]
    if lacking:
        raise Misconfigured(
            f"the stream {wanted['name']} was not made by Libra and lacks {', '.join(lacking)}: "
            f"edit it, or stop every node and delete it"
        )
