"""The OpenAPI 3.1 document, generated from the routes and the types of their bodies."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from libra.web.access.rights import COOKIE
from libra.web.http.event_stream import EVENT_STREAM
from libra.web.http.large_answers import FORMATS
from libra.web.http.openapi_parts import PROBLEMS
from libra.web.http.problems import PROBLEM_JSON
from libra.web.openapi.examples import PARAMETERS, response_examples
from libra.web.openapi.results import add_results
from libra.web.openapi.submissions import add_submissions
from libra.web.openapi.watches import add_watches
from libra.web.routes.pages import SUFFIXES


def openapi_document(
    handlers: Sequence[HTTPRouteHandler], version: str, base: str = ""
) -> dict[str, Any]:
    """Describe the routes: once in a program, because the document depends only on the code.

    Args:
        handlers: the routes, which may include some that are left out of the schema.
        version: of Libra.
        base: the path that the service is reached under; empty for none.
    """
    if version not in _described:
        _described[version] = _describe(handlers, version)
    document = _described[version]
    return {**document, "servers": [{"url": base}]} if base else document


_described: dict[str, dict[str, Any]] = {}


def _describe(handlers: Sequence[HTTPRouteHandler], version: str) -> dict[str, Any]:
    # A separate application that never serves: with this setting, Litestar adds pages at /schema that
    # load scripts from elsewhere.
    config = OpenAPIConfig(
        title="Libra",
        version=version,
        summary="Weighs web pages, and keeps working when its database is down.",
        description="Sizes are bytes, durations milliseconds, times UTC. Errors are problem "
        "details (RFC 9457).",
        render_plugins=[JsonRenderPlugin()],
    )
    describing = Litestar(list(handlers), openapi_config=config, logging_config=None)
    document = describing.openapi_schema.to_schema()
    add_submissions(document)
    add_watches(document)
    add_results(document)
    _add_suffixes(document)
    _add_links(document)
    _add_events(document)
    _add_access(document)
    _add_examples(document)
    return document


def _add_suffixes(document: dict[str, Any]) -> None:
    # A route of Litestar matches whole path segments, so {page_id} includes the suffix.
    for suffix in SUFFIXES:
        operation = deepcopy(document["paths"]["/pages/{page_id}"]["get"])
        operation["operationId"] += suffix.capitalize()
        operation["summary"] = f"Read a report as {suffix.upper()}"
        operation["description"] = "The same for every `Accept` header."
        if suffix in FORMATS:
            schema = {"type": "string"} if suffix == "csv" else {"type": "object"}
            operation["responses"]["200"] = {
                "description": f"The report as {suffix.upper()}",
                "content": {FORMATS[suffix]: {"schema": schema}},
            }
        document["paths"][f"/pages/{{page_id}}.{suffix}"] = {"get": operation}


def _add_links(document: dict[str, Any]) -> None:
    """Add links to what a client can do with a submitted page."""
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
    # Some tools take each event for an object, others the stream for a string: OpenAPI 3.1 does not
    # say.
    events = document["paths"]["/pages/{page_id}/events"]["get"]["responses"]["200"]["content"]
    events[EVENT_STREAM]["schema"] = {"description": "Events, as in the example"}


def _add_access(document: dict[str, Any]) -> None:
    """Add the guard's answers, which any route may give, and the credentials that it reads."""
    document["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "Made by `libra token new`. If tokens are set, clients without one may do "
            "only what `--public` allows.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": "The session cookie that a browser gets at `/login` for a token.",
        },
    }
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for path, item in document["paths"].items():
        probe = path in ("/health/live", "/health/ready")
        for operation in item.values():
            operation["security"] = [{}] if probe else [{}, {"token": []}, {"session": []}]
            for status in (400, 421) if probe else (400, 401, 421, 429):
                # Litestar describes its own 400, which does not look like Libra's problems.
                operation["responses"][str(status)] = {
                    "description": PROBLEMS[status],
                    "content": {PROBLEM_JSON: deepcopy(problem)},
                }


def _add_examples(document: dict[str, Any]) -> None:
    examples = response_examples()
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                name = parameter["name"]
                # An example of one operation beats one of all.
                for known in (f"{operation['operationId']}.{name}", name):
                    if known in PARAMETERS:
                        parameter.setdefault("example", PARAMETERS[known])
            for answer in operation["responses"].values():
                for media_type, content in answer.get("content", {}).items():
                    kind = media_type.partition(";")[0]
                    name = content["schema"].get("$ref", "").rpartition("/")[2]
                    example = examples.get((name or operation["operationId"], kind))
                    if example is not None:
                        content.pop("examples", None)
                        content["example"] = example
