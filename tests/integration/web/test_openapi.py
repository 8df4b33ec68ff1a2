"""The document is valid, and what is answered is what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from libra.web.requests.page_request import Bulk, Submission
from libra.web.requests.watch_form import FIELDS
from libra.web.requests.watch_request import WatchPatch, WatchRequest
from support.service import MISSING, Service
from support.site import WebSite


@pytest.fixture
async def document(service: Service) -> dict[str, Any]:
    answer = await service.client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    return msgspec.json.decode(answer.content, type=dict[str, Any])


async def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


async def test_every_route_for_programs_is_in_it(document: dict[str, Any]) -> None:
    routes = {(method, path) for path, item in document["paths"].items() for method in item}
    assert routes == {
        ("post", "/pages"),
        ("post", "/pages/bulk"),
        ("get", "/pages"),
        ("get", "/pages/{page_id}"),
        ("delete", "/pages/{page_id}"),
        ("get", "/pages/{page_id}.json"),
        ("get", "/pages/{page_id}.csv"),
        ("get", "/pages/{page_id}.har"),
        ("get", "/pages/{page_id}/screenshot"),
        ("get", "/pages/{page_id}/events"),
        ("post", "/projects/{project}/results"),
        ("post", "/watches"),
        ("get", "/watches"),
        ("get", "/watches/{watch_id}"),
        ("patch", "/watches/{watch_id}"),
        ("delete", "/watches/{watch_id}"),
        ("post", "/watches/{watch_id}/test"),
        ("get", "/public/{public_id}/badge.svg"),
        ("post", "/watches/{watch_id}/run"),
        ("get", "/health"),
        ("get", "/health/live"),
        ("get", "/health/ready"),
        ("get", "/metrics"),
    }


FOR_PEOPLE = {
    "/", "/compare", "/docs", "/docs/try", "/events", "/favicon.ico", "/history", "/history.csv",
    "/login", "/logout", "/observer", "/robots.txt",
    "/observer/retry", "/openapi.json", "/pages/{id}/delete", "/static/{name}",
    "/tokens", "/tokens/{name}/revoke",
    "/watches/{id}/delete", "/watches/{id}/edit", "/watches/{id}/pause", "/watches/{id}/resume",
    "/public/{id}",
}  # fmt: skip
"""What only browsers use: pages, their forms and files, and the document itself."""


async def test_every_route_there_is_is_in_it_or_for_people_and_is_in_the_reference(
    service: Service, document: dict[str, Any]
) -> None:
    """A route that somebody adds and says nothing of is found out here."""
    routes = {
        re.sub(r"\{\w+_id\}", "{id}", route.path_format) for route in service.app._routes.routes
    }
    described = {re.sub(r"\{\w+_id\}", "{id}", path) for path in document["paths"]}
    formats = {path for path in described if path.startswith("/pages/{id}.")}
    assert routes == (described - formats) | FOR_PEOPLE
    reference = (Path(__file__).parents[3] / "docs/reference/http.md").read_text("utf-8")
    told = set(re.findall(r"`(?:(?:GET|POST|PATCH|DELETE) )?(/[\w{}/.]*)[?`]", reference))
    assert routes - {"/static/{name}"} <= told


async def test_every_json_body_has_a_schema(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for status, answer in operation["responses"].items():
                for media_type, body in answer.get("content", {}).items():
                    if "json" in media_type:
                        assert body["schema"], (method, path, status)


async def test_every_answer_with_a_body_has_an_example_that_fits(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for parameter in operation.get("parameters", ()):
                schema = parameter["schema"] | {"components": document["components"]}
                Draft202012Validator(schema).validate(parameter["example"])
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                for media_type, content in body.get("content", {}).items():
                    assert "example" in content, (method, path, media_type)
                    schema = content["schema"] | {"components": document["components"]}
                    Draft202012Validator(schema).validate(content["example"])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("WatchRequest", WatchRequest),
        ("WatchPatch", WatchPatch),
        ("Submission", Submission),
        ("Bulk", Bulk),
    ],
)
async def test_the_document_has_every_field_that_a_body_may_have(
    name: str, body: type[msgspec.Struct], document: dict[str, Any]
) -> None:
    properties = document["components"]["schemas"][name]["properties"]
    assert set(properties) == set(body.__struct_encode_fields__)


async def test_the_form_of_a_watch_has_every_field_that_is_read(document: dict[str, Any]) -> None:
    body = document["paths"]["/watches"]["post"]["requestBody"]
    form = body["content"]["application/x-www-form-urlencoded"]["schema"]["properties"]
    assert set(form) >= set(FIELDS)


async def test_a_form_may_leave_its_choices_empty_and_json_may_not(
    service: Service, document: dict[str, Any], site: WebSite
) -> None:
    content = document["paths"]["/pages"]["post"]["requestBody"]["content"]
    one = {"url": site.url(), "method": "", "viewport": ""}
    for media_type, status in (
        ("application/x-www-form-urlencoded", 202),
        ("application/json", 400),
    ):
        schema = content[media_type]["schema"] | {"components": document["components"]}
        assert Draft202012Validator(schema).is_valid(one) == (status == 202)
        sent: dict[str, Any] = {"json": one} if "json" in media_type else {"data": one}
        assert (await service.client.post("/pages", **sent)).status_code == status


async def test_the_examples_of_what_is_sent_are_taken(
    service: Service, document: dict[str, Any]
) -> None:
    for path, status in (("/pages", 202), ("/pages/bulk", 202), ("/watches", 201)):
        for kind, content in document["paths"][path]["post"]["requestBody"]["content"].items():
            example = content["example"]
            if kind == "application/x-www-form-urlencoded":
                answer = await service.client.post(path, data=example)
            else:
                body = example if isinstance(example, str) else msgspec.json.encode(example)
                answer = await service.client.post(
                    path, content=body, headers={"Content-Type": kind}
                )
            assert answer.status_code == status, (path, kind, answer.text)


def schema_of(
    document: dict[str, Any], method: str, path: str, status: int, media_type: str
) -> Draft202012Validator:
    content = document["paths"][path][method]["responses"][str(status)]["content"]
    schema = dict(content[media_type.partition(";")[0]]["schema"])
    schema["components"] = document["components"]
    return Draft202012Validator(schema)


async def test_what_is_answered_is_what_the_document_says(
    service: Service, site: WebSite, document: dict[str, Any]
) -> None:
    report = await service.weighed(site.url())
    page = "/pages/{page_id}"
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("post", "/pages", {"json": {"url": site.url()}}),
        ("post", "/pages", {"json": {"url": "ftp://x"}}),
        ("post", "/pages", {"content": b"x"}),
        ("get", "/pages", {}),
        ("get", "/pages", {"params": {"limit": 0}}),
        ("get", page, {"id": report.id}),
        ("get", page, {"id": MISSING}),
        ("get", f"{page}.json", {"id": report.id}),
        ("get", f"{page}.har", {"id": report.id}),
        ("delete", page, {"id": MISSING}),
        ("get", f"{page}/events", {"id": MISSING}),
        ("post", "/watches", {"json": {"url": site.url()}}),
        ("post", "/watches", {"json": {"url": site.url(), "every": "soon"}}),
        ("get", "/watches", {}),
        ("get", "/watches/{watch_id}", {"id": MISSING}),
        ("post", "/watches/{watch_id}/run", {"id": MISSING}),
        ("delete", "/watches/{watch_id}", {"id": MISSING}),
        ("get", "/health", {}),
        ("get", "/health/live", {}),
        ("get", "/health/ready", {}),
    ]
    for method, path, options in requests:
        url = re.sub(r"{\w+}", options.pop("id", ""), path)
        answer = await service.client.request(method, url, **options)
        schema_of(
            document, method, path, answer.status_code, answer.headers["content-type"]
        ).validate(answer.json())


async def test_the_reference_for_people_has_every_route_and_type(
    service: Service, document: dict[str, Any]
) -> None:
    page = (await service.client.get("/docs")).text
    for item in document["paths"].values():
        for operation in item.values():
            assert f'id="{operation["operationId"]}"' in page
    for name in document["components"]["schemas"]:
        assert f'id="schema-{name}"' in page
