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
            "description": "What a cron expression is read in, as the IANA database has it.",
            "examples": ["Europe/Berlin"],
        },
        "name": {
            "type": "string",
            "maxLength": 100,
            "description": "What people call it; empty for its URL.",
        },
        "tags": {
            "type": "array",
            "maxItems": 10,
            "items": {"type": "string", "maxLength": 40, "pattern": "^[^,]*$"},
            "description": "What it belongs to.",
        },
        "note": {
            "type": "string",
            "maxLength": 2000,
            "description": "What people should know of it.",
        },
        "paused": {
            "type": "boolean",
            "default": False,
            "description": "Whether it rests: its page is not weighed on schedule, and nobody is told.",
        },
        "confirm": {
            "oneOf": [
                {"type": "string", "pattern": "^(1|([1-9]|10) of ([1-9]|10))$"},
                {"$ref": "#/components/schemas/Confirm"},
            ],
            "default": "1",
            "description": "How many of the last weigh-ins must find something before it is told. What "
            "is found first is weighed again after a minute.",
            "examples": ["2 of 3"],
        },
        "repeat": {
            "oneOf": [
                {"type": "string", "pattern": "^[1-9][0-9]{0,2}(m|h|d)$"},
                {"type": "number", "minimum": 60, "maximum": 100_000_000},
                {"type": "null"},
            ],
            "description": "After how long (seconds, or such as 24h) what is still wrong is told "
            "again; null for never.",
            "examples": ["24h"],
        },
        "recover": {
            "type": "boolean",
            "default": True,
            "description": "Whether it is told that all is well again.",
        },
        "method": page["method"],
        "viewport": page["viewport"],
        "headers": {
            "type": ["object", "null"],
            "additionalProperties": {"type": "string"},
            "maxProperties": 20,
            "description": "Request headers for the page's own origin, such as Cookie. Never shown.",
        },
        "destination": {
            "type": ["string", "null"],
            "description": "The name of a destination in the settings that alerts go to.",
        },
        "public": {
            "type": "boolean",
            "default": False,
            "description": "Whether a page and a badge of it are open to all who know their address.",
        },
        "keep": {
            "oneOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": "^[0-9]{1,9}(s|m|h|d|w)$"},
                {"type": "null"},
            ],
            "description": "How long (seconds, or such as 90d) Libra keeps all weigh-ins before it "
            "thins them, and no shorter than pages stay in memory; null for as long as --keep says.",
            "examples": ["90d"],
        },
        "max_weight": {
            "oneOf": [
                {"type": "integer", "minimum": 0, "maximum": 10**12},
                {"type": "string", "pattern": "^[0-9]{1,6}([kM]B)?$"},
                {"type": "null"},
            ],
            "description": "What the page may weigh in all: bytes, or a size such as 500kB.",
        },
        "budget": {
            "type": ["array", "null"],
            "items": {"type": "object"},
            "description": "A Lighthouse budget.json, with sizes in KiB.",
        },
        "jump": {
            "oneOf": [jump, {"type": "null"}],
            "description": "What counts as a jump of the weight; null for no such alerts.",
        },
        "webhook": {
            **{k: v for k, v in page["url"].items() if k != "examples"},
            "type": ["string", "null"],
            "description": "Where alerts are posted to, such as an incoming webhook of Slack. "
            "Credentials in it are sent as Basic, and never shown.",
        },
        "webhook_headers": {
            "type": ["object", "null"],
            "additionalProperties": {"type": "string"},
            "maxProperties": 20,
            "description": "Headers that are sent with alerts, such as Authorization. Never shown.",
        },
    }
