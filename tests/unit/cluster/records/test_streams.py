"""How the engine is told to keep everything."""

from __future__ import annotations

from libra.cluster.records.streams import consumers, streams


def test_no_stream_refuses_and_each_keeps_one_message_of_a_subject() -> None:
    for config in streams(range(2), 3):
        assert config["discard"] == "old"
        assert config["max_msgs_per_subject"] == 1
        assert not {"max_bytes", "max_msgs", "max_age"} & set(config)
        assert config["num_replicas"] == 3


def test_how_often_something_was_delivered_never_ends_its_delivery() -> None:
    for config in consumers(0, 3):
        assert config["max_deliver"] == -1
        assert config["max_ack_pending"] > 1_000  # which is what the engine would allow by itself
