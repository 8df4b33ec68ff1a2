"""The part of the OpenAPI document about submissions, whose bodies the handlers read themselves."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from libra.app import MAX_HEADERS
from libra.web.requests.page_request import FORM, JSON, MOST, PLAIN

VIEWPORT = r"^[1-9][0-9]{0,3}x[1-9][0-9]{0,3}(@[1-9](\.[0-9]{1,3})?)?$"
"""The texts of `Viewport.parse`, as a regular expression of ECMA-262; `parse` accepts a few more."""

_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A request with the same key and the same body leads to the same page.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "7d0c1f3e-5a44-4a8e-9f0b-2f6f0e1d9c55",
}


def add_submissions(document: dict[str, Any]) -> None:
    """Describe the bodies of submitted pages: the handlers accept several types."""
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
            "description": "static reads HTML and CSS; rendered runs a browser, if there is one; "
            "auto runs one for pages that scripts build.",
        },
        "viewport": {
            "type": ["string", "null"],
            "pattern": VIEWPORT,
            "description": "Width and height in CSS pixels, and device pixels per CSS pixel.",
            "examples": ["390x844@3"],
        },
        "headers": {
            "type": "object",
            "maxProperties": MAX_HEADERS,
            "propertyNames": {"pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
            "additionalProperties": {"type": "string", "pattern": "^[\\t -~]*$"},
            "description": "Request headers for the page's own site. The values are secrets: Libra "
            "keeps them until the page is finished and never shows them.",
            "examples": [{"Cookie": "session=f00ba4"}],
        },
    }
    schemas = document["components"]["schemas"]
    schemas["Submission"] = {
        "type": "object",
        "required": ["url"],
        "additionalProperties": False,
        "properties": {"url": url, **choice},
        "description": "A page to weigh, and how to weigh it if not in the default way.",
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
                # Any text: each URL has an answer of its own.
                "items": {"type": "string", "examples": url["examples"]},
            },
            **choice,
        },
        "description": "Pages to weigh, all in the same way.",
    }
    form = {k: v for k, v in schemas["Submission"].items() if k != "additionalProperties"}
    # A browser sends every field of a form: an empty one chooses nothing.
    form["properties"] = {
        "url": url,
        "method": choice["method"] | {"enum": [*choice["method"]["enum"], ""]},
        "viewport": choice["viewport"] | {"pattern": f"^$|{VIEWPORT}"},
        "headers": {
            "type": "string",
            "description": "Request headers, one per line, such as `Cookie: session=f00ba4`.",
        },
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
