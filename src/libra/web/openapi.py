"""The OpenAPI 3.1 document, generated from the routes and the types of their bodies."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from libra.web.routes_pages import FORMATS, SUFFIXES
from libra.web.submission import FORM, JSON


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
    _add_submission(document)
    _add_suffixes(document)
    return document


def _add_submission(document: dict[str, Any]) -> None:
    # The handler reads the body itself, since it takes three types of it.
    schema: dict[str, Any] = {
        "type": "object",
        "required": ["url"],
        "additionalProperties": False,
        "properties": {
            "url": {
                "type": "string",
                "format": "uri",
                "maxLength": 2083,
                "description": "An absolute http or https URL without credentials.",
                "examples": ["https://example.com/"],
            }
        },
    }
    document["components"]["schemas"]["Submission"] = schema
    form = {key: value for key, value in schema.items() if key != "additionalProperties"}
    reference = {"$ref": "#/components/schemas/Submission"}
    document["paths"]["/pages"]["post"]["requestBody"] = {
        "required": True,
        "content": {JSON: {"schema": reference}, FORM: {"schema": form}},
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
                "content": {FORMATS[suffix][0]: {"schema": schema}},
            }
        document["paths"][f"/pages/{{page_id}}.{suffix}"] = {"get": operation}
