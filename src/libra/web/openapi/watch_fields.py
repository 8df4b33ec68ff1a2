"""The part of the OpenAPI document about each field of a watch."""

from __future__ import annotations

from typing import Any


def watch_fields(page: dict[str, Any], jump: dict[str, Any]) -> dict[str, Any]:
    """The schemas of the fields, by name.

    Args:
        page: The schemas of the fields of a submission, which a watch has, too.
        jump: The schema of a jump.
    """
    return {
        "url": page["url"],
        "every": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "default": "day",
            "description": "hour, day, week, an interval such as 30m or 2h, or a cron expression of "
            "five fields in `time_zone`.",
            "examples": ["day", "30m", "0 6 * * mon-fri"],
        },
        "time_zone": {
            "type": "string",
            "default": "UTC",
            "maxLength": 100,
            "description": "The time zone of a cron expression, by its name in the IANA database.",
            "examples": ["Europe/Berlin"],
        },
        "name": {
            "type": "string",
            "maxLength": 100,
            "description": "A name for people; if it is empty, Libra shows the URL.",
        },
        "tags": {
            "type": "array",
            "maxItems": 10,
            "items": {"type": "string", "maxLength": 40, "pattern": "^[^,]*$"},
            "description": "Labels to group and filter watches by.",
        },
        "note": {
            "type": "string",
            "maxLength": 2000,
            "description": "A note for people.",
        },
        "paused": {
            "type": "boolean",
            "default": False,
            "description": "Whether the watch is paused: Libra weighs its page only on request and "
            "sends no alerts.",
        },
        "confirm": {
            "oneOf": [
                {"type": "string", "pattern": "^(1|([1-9]|10) of ([1-9]|10))$"},
                {"$ref": "#/components/schemas/Confirm"},
            ],
            "default": "1",
            "description": "How many of the last weigh-ins must find a problem before Libra sends an "
            "alert. If one finds a new problem, Libra weighs the page again after a minute.",
            "examples": ["2 of 3"],
        },
        "repeat": {
            "oneOf": [
                {"type": "string", "pattern": "^[1-9][0-9]{0,2}(m|h|d)$"},
                {"type": "number", "minimum": 60, "maximum": 100_000_000},
                {"type": "null"},
            ],
            "description": "The time (seconds, or a text such as 24h) after which Libra repeats an "
            "alert while the problem lasts; null for never.",
            "examples": ["24h"],
        },
        "recover": {
            "type": "boolean",
            "default": True,
            "description": "Whether Libra sends an alert when all is well again.",
        },
        "method": page["method"],
        "viewport": page["viewport"],
        "headers": {
            "type": ["object", "null"],
            "additionalProperties": {"type": "string"},
            "maxProperties": 20,
            "description": "Request headers for the page's own origin, such as Cookie. "
            "Libra never shows their values.",
        },
        "destination": {
            "type": ["string", "null"],
            "description": "The name of the destination, from the settings, that alerts go to.",
        },
        "public": {
            "type": "boolean",
            "default": False,
            "description": "Whether everyone who knows the address can see a page and a badge of "
            "the watch.",
        },
        "keep": {
            "oneOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": "^[0-9]{1,9}(s|m|h|d|w)$"},
                {"type": "null"},
            ],
            "description": "How long (seconds, or a text such as 90d) Libra keeps all weigh-ins before "
            "it thins them, at least as long as pages stay in memory; null for the setting keep.",
            "examples": ["90d"],
        },
        "max_weight": {
            "oneOf": [
                {"type": "integer", "minimum": 0, "maximum": 10**12},
                {"type": "string", "pattern": "^[0-9]{1,6}([kM]B)?$"},
                {"type": "null"},
            ],
            "description": "The maximum transfer size of the page: bytes, or a size such as 500kB.",
        },
        "budget": {
            "type": ["array", "null"],
            "items": {"type": "object"},
            "description": "A Lighthouse budget.json, with sizes in KiB.",
        },
        "jump": {
            "oneOf": [jump, {"type": "null"}],
            "description": "The rise in weight that counts as a jump; null for no such alerts.",
        },
        "webhook": {
            **{k: v for k, v in page["url"].items() if k != "examples"},
            "type": ["string", "null"],
            "description": "The URL that Libra posts alerts to, such as an incoming webhook of Slack. "
            "Libra sends credentials in it as Basic and never shows them.",
        },
        "webhook_headers": {
            "type": ["object", "null"],
            "additionalProperties": {"type": "string"},
            "maxProperties": 20,
            "description": "Headers that Libra sends with alerts, such as Authorization. "
            "It never shows their values.",
        },
    }
