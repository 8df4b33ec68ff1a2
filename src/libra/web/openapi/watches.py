"""The part of the OpenAPI document about the bodies of watches, as JSON and as a form."""

from __future__ import annotations

from typing import Any

from libra.web.openapi.examples import WATCH_REQUEST
from libra.web.openapi.watch_fields import watch_fields
from libra.web.requests.page_request import FORM, JSON


def add_watches(document: dict[str, Any]) -> None:
    """Describe the bodies of watches, after those of submissions: a watch has a page's fields."""
    page = document["components"]["schemas"]["Submission"]["properties"]
    jump = document["components"]["schemas"]["Jump"]
    properties = watch_fields(page, jump)
    schema = {
        "type": "object",
        "required": ["url"],
        "additionalProperties": False,
        "properties": properties,
        "description": "A URL to watch, its schedule, its limits, and the receivers of its alerts.",
    }
    document["components"]["schemas"]["WatchRequest"] = schema
    document["components"]["schemas"]["WatchPatch"] = {
        "type": "object",
        "additionalProperties": False,
        # Fields that are left out stay as they are.
        "properties": {
            name: {k: v for k, v in field.items() if k != "default"}
            for name, field in properties.items()
        },
        "description": "The fields of a watch to change; the others stay as they are.",
    }
    document["paths"]["/watches/{watch_id}"]["patch"]["requestBody"] = {
        "required": True,
        "content": {
            JSON: {
                "schema": {"$ref": "#/components/schemas/WatchPatch"},
                "example": {"name": "Shop, start page", "confirm": "2 of 3", "paused": False},
            },
        },
    }
    form = {
        "type": "object",
        "required": ["url"],
        "properties": {
            "url": page["url"],
            # Any text: an empty field of a form was not filled in.
            "every": {"type": "string", "description": properties["every"]["description"]},
            "max_weight": {"type": "string", "description": "A size such as 500kB."},
            "webhook": {"type": "string", "description": properties["webhook"]["description"]},
            "webhook_header": {
                "type": "string",
                "description": "A header that Libra sends with alerts, as Name: value.",
            },
            "cron": {"type": "string", "description": "Replaces every if both are sent."},
            "budget": {"type": "string", "description": "A Lighthouse budget.json as text."},
            "jump_percent": {
                "type": "string",
                "description": "The percentage of a jump: a number, or off.",
            },
            "jump_bytes": {"type": "string", "description": "The size of a jump, or off."},
            "headers": {
                "type": "string",
                "description": "Request headers for the page, one per line, as Name: value.",
            },
            "no_recover": {
                "type": "string",
                "description": "Any text turns off the alert when all is well again.",
            },
            "public": {
                "type": "string",
                "description": "Any text makes the page and the badge public.",
            },
            **{
                name: {"type": "string", "description": properties[name]["description"]}
                for name in ("confirm", "destination", "keep", "method", "name", "note", "repeat")
            },
            **{
                name: {"type": "string", "description": properties[name]["description"]}
                for name in ("tags", "time_zone", "viewport")
            },
        },
    }
    document["paths"]["/watches"]["post"]["requestBody"] = {
        "required": True,
        "content": {
            JSON: {
                "schema": {"$ref": "#/components/schemas/WatchRequest"},
                "example": WATCH_REQUEST,
            },
            FORM: {"schema": form, "example": {"url": "https://example.com/", "every": "day"}},
        },
    }
