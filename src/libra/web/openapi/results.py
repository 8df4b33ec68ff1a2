"""The part of the OpenAPI document about results of CI."""

from __future__ import annotations

from typing import Any

from libra.web.openapi.examples import result_example
from libra.web.requests.page_request import JSON
from libra.web.routes.results import BRANCH


def add_results(document: dict[str, Any]) -> None:
    """Describe the body of a result."""
    branch = {"type": "string", "pattern": BRANCH, "examples": ["main"]}
    document["components"]["schemas"]["Result"] = {
        "type": "object",
        "required": ["branch", "commit", "path", "report"],
        "additionalProperties": False,
        "properties": {
            "branch": {**branch, "description": "The branch that was built."},
            "commit": {
                "type": "string",
                "pattern": "^[A-Za-z0-9]{1,64}$",
                "description": "The commit that was built.",
            },
            "path": {
                "type": "string",
                "pattern": "^/[!-~]{0,1023}$",
                "description": "Path and query of the page. Libra compares results with the same path.",
            },
            "report": {
                "type": "object",
                "required": ["id", "url", "status", "submitted_at"],
                "description": "A `Report` with all its fields, of a page that was weighed.",
            },
            "base": {
                **branch,
                "type": ["string", "null"],
                "description": "The branch with whose newest result Libra compares this one.",
            },
        },
        "description": "A report of a page that a CI job has weighed. Its totals must add up.",
    }
    document["paths"]["/projects/{project}/results"]["post"]["requestBody"] = {
        "required": True,
        "content": {
            JSON: {
                "schema": {"$ref": "#/components/schemas/Result"},
                "example": result_example(),
            }
        },
    }
