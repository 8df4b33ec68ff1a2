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
        "description": "A URL to watch, how often, what it must keep to, and who is told.",
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
        "description": "What a watch shall be; what is left out stays as it is.",
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
                "description": "A header that is sent with alerts, as Name: value.",
            },
            "cron": {"type": "string", "description": "Instead of every, where both are sent."},
            "budget": {"type": "string", "description": "The same as JSON text."},
            "jump_percent": {"type": "string", "description": "A number, or off."},
            "jump_bytes": {"type": "string", "description": "A size, or off."},
            "headers": {
                "type": "string",
                "description": "Request headers for the page, one on each line, as Name: value.",
            },
            "no_recover": {"type": "string", "description": "Anything, for no such alerts."},
            "public": {"type": "string", "description": "Anything, for a public page."},
            **{
                name: {"type": "string", "description": properties[name]["description"]}
                for name in ("confirm", "destination", "method", "name", "note", "repeat", "tags")
            },
            **{
                name: {"type": "string", "description": properties[name]["description"]}
                for name in ("time_zone", "viewport")
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
