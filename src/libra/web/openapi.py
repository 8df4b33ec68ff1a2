"""The OpenAPI 3.1 document, generated from the routes and the types of their bodies."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from libra.web.access import COOKIE
from libra.web.events import EVENT_STREAM
from libra.web.examples import PARAMETERS, WATCH_REQUEST, response_examples
from libra.web.making import FORMATS
from libra.web.problems import PROBLEM_JSON
from libra.web.routes_pages import SUFFIXES
from libra.web.schema import PROBLEMS
from libra.web.submission import FORM, JSON, MOST, PLAIN


def openapi_document(handlers: Sequence[HTTPRouteHandler], version: str) -> dict[str, Any]:
    """Describe the routes: once in a program, since the document depends on the code alone.

    Args:
        handlers: the routes; those that are left out of the schema may be among them.
        version: Libra's.
    """
    if version not in _described:
        _described[version] = _describe(handlers, version)
    return _described[version]


_described: dict[str, dict[str, Any]] = {}


def _describe(handlers: Sequence[HTTPRouteHandler], version: str) -> dict[str, Any]:
    # An application of its own that never serves: with this setting Litestar adds pages at /schema
    # that load scripts from elsewhere.
    config = OpenAPIConfig(
        title="Libra",
        version=version,
        summary="Weighs web pages, and goes on doing so while what it depends on is down.",
        description="Sizes are bytes, durations milliseconds, times UTC. Errors are problem "
        "details (RFC 9457).",
        render_plugins=[JsonRenderPlugin()],
    )
    describing = Litestar(list(handlers), openapi_config=config, logging_config=None)
    document = describing.openapi_schema.to_schema()
    _add_submissions(document)
    _add_watch(document)
    _add_suffixes(document)
    _add_links(document)
    _add_events(document)
    _add_access(document)
    _add_examples(document)
    return document


def _add_submissions(document: dict[str, Any]) -> None:
    # The handlers read the bodies themselves, since they take several types of them.
    url: dict[str, Any] = {
        "type": "string",
        "format": "uri",
        "maxLength": 2083,
        "description": "An absolute http or https URL without credentials.",
        "examples": ["https://example.com/"],
    }
    choice: dict[str, Any] = {
        "method": {
            "type": ["string", "null"],
            "enum": ["auto", "static", "rendered", None],
            "description": "static reads HTML and CSS; rendered runs a browser, where there is one; "
            "auto runs one for pages that scripts build.",
        },
        "viewport": {
            "type": ["string", "null"],
            "pattern": VIEWPORT,
            "description": "Width and height in CSS pixels, and the device pixels for each.",
            "examples": ["390x844@3"],
        },
    }
    schemas = document["components"]["schemas"]
    schemas["Submission"] = {
        "type": "object",
        "required": ["url"],
        "additionalProperties": False,
        "properties": {"url": url, **choice},
        "description": "A page to weigh, and how, where that is not as usual.",
    }
    schemas["Bulk"] = {
        "type": "object",
        "required": ["urls"],
        "additionalProperties": False,
        "properties": {
            "urls": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST,
                # Any text: each is answered for by itself.
                "items": {"type": "string", "examples": url["examples"]},
            },
            **choice,
        },
        "description": "Pages to weigh, all in the same way.",
    }
    form = {k: v for k, v in schemas["Submission"].items() if k != "additionalProperties"}
    # A browser sends every field of a form: one that was left empty chooses nothing.
    form["properties"] = {
        "url": url,
        "method": choice["method"] | {"enum": [*choice["method"]["enum"], ""]},
        "viewport": choice["viewport"] | {"pattern": f"^$|{VIEWPORT}"},
    }
    one = {"url": "https://example.com/", "viewport": "390x844@3"}
    many = {"urls": ["https://example.com/", "https://example.org/"]}
    post, bulk = (document["paths"][path]["post"] for path in ("/pages", "/pages/bulk"))
    post["requestBody"] = {
        "required": True,
        "content": {
            JSON: {"schema": {"$ref": "#/components/schemas/Submission"}, "example": one},
            FORM: {"schema": form, "example": one},
        },
    }
    lines = {"type": "string", "minLength": 1}
    bulk["requestBody"] = {
        "required": True,
        "content": {
            JSON: {"schema": {"$ref": "#/components/schemas/Bulk"}, "example": many},
            PLAIN: {"schema": lines, "example": "\n".join(many["urls"])},
        },
    }
    for operation in (post, bulk):
        operation.setdefault("parameters", []).append(deepcopy(_KEY))


def _add_watch(document: dict[str, Any]) -> None:
    url = document["components"]["schemas"]["Submission"]["properties"]["url"]
    jump = document["components"]["schemas"]["Jump"]
    properties: dict[str, Any] = {
        "url": url,
        "every": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "default": "day",
            "description": "hour, day, week or a cron expression of five fields, in UTC.",
            "examples": ["day", "0 6 * * mon-fri"],
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
            **{k: v for k, v in url.items() if k != "examples"},
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
    schema = {
        "type": "object",
        "required": ["url"],
        "additionalProperties": False,
        "properties": properties,
        "description": "A URL to watch, how often, what it must keep to, and who is told.",
    }
    document["components"]["schemas"]["WatchRequest"] = schema
    form = {
        "type": "object",
        "required": ["url"],
        "properties": {
            "url": url,
            # Any text: what is left empty in a form was not filled in.
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


VIEWPORT = r"^[1-9][0-9]{0,3}x[1-9][0-9]{0,3}(@[1-9](\.[0-9]{1,3})?)?$"
"""What `Viewport.parse` takes, as a regular expression of ECMA-262; it takes a little more."""

_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again with the same body, it leads to the same page.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "7d0c1f3e-5a44-4a8e-9f0b-2f6f0e1d9c55",
}


def _add_suffixes(document: dict[str, Any]) -> None:
    # A route of Litestar covers whole path segments, so {page_id} takes the suffix with it.
    for suffix in SUFFIXES:
        operation = deepcopy(document["paths"]["/pages/{page_id}"]["get"])
        operation["operationId"] += suffix.capitalize()
        operation["summary"] = f"Read a report as {suffix.upper()}"
        operation["description"] = "Whatever the client accepts."
        if suffix in FORMATS:
            schema = {"type": "string"} if suffix == "csv" else {"type": "object"}
            operation["responses"]["200"] = {
                "description": f"The report as {suffix.upper()}",
                "content": {FORMATS[suffix]: {"schema": schema}},
            }
        document["paths"][f"/pages/{{page_id}}.{suffix}"] = {"get": operation}


def _add_links(document: dict[str, Any]) -> None:
    """What can be done with a page that was submitted."""
    page = {"parameters": {"page_id": "$response.body#/id"}}
    paths = document["paths"]
    paths["/pages"]["post"]["responses"]["202"]["links"] = {
        operation["operationId"]: {"operationId": operation["operationId"], **page}
        for path, item in paths.items()
        if "{page_id}" in path
        for operation in item.values()
    }
    for parameter in paths["/pages"]["get"]["parameters"]:
        if parameter["name"] in ("since", "until"):
            parameter["schema"] = {"type": "string", "format": "date-time", "maxLength": 40}


def _add_events(document: dict[str, Any]) -> None:
    # Each event is an object for some tools and the stream a string for others: OpenAPI 3.1 has no
    # word on it.
    events = document["paths"]["/pages/{page_id}/events"]["get"]["responses"]["200"]["content"]
    events[EVENT_STREAM]["schema"] = {"description": "Events as in the example"}


def _add_access(document: dict[str, Any]) -> None:
    """What the guard may answer instead of any route, and what it wants to see."""
    document["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "Made by `libra token new`. Needed where strangers may not do it.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": "What a browser gets at `/login` for a token.",
        },
    }
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for path, item in document["paths"].items():
        probe = path in ("/health/live", "/health/ready")
        for operation in item.values():
            operation["security"] = [{}] if probe else [{}, {"token": []}, {"session": []}]
            for status in (400, 421) if probe else (400, 401, 421, 429):
                # Litestar describes a 400 of its own, which is not how problems look here.
                operation["responses"][str(status)] = {
                    "description": PROBLEMS[status],
                    "content": {PROBLEM_JSON: deepcopy(problem)},
                }


def _add_examples(document: dict[str, Any]) -> None:
    examples = response_examples()
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in PARAMETERS:
                    parameter.setdefault("example", PARAMETERS[parameter["name"]])
            for answer in operation["responses"].values():
                for media_type, content in answer.get("content", {}).items():
                    kind = media_type.partition(";")[0]
                    name = content["schema"].get("$ref", "").rpartition("/")[2]
                    example = examples.get((name or operation["operationId"], kind))
                    if example is not None:
                        content.pop("examples", None)
                        content["example"] = example
