"""As much of GitHub's API as comments at a pull request need, on 127.0.0.1."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "ghs_a_token"
_COMMENTS = re.compile(r"/repos/we/shop/issues/(\d+)/comments")
_COMMENT = re.compile(r"/repos/we/shop/issues/comments/(\d+)")


class GitHub:
    """What is under the pull requests of ``we/shop``.

    Attributes:
        comments: the text of each, by the number of the pull request and in the order of their ids.
        may_write: whether the token may; that of a change from a fork may not.
        requests: method and path of each request.
    """

    def __init__(self) -> None:
        self.url = ""
        self.comments: dict[int, dict[int, str]] = {}
        self.may_write = True
        self.requests: list[tuple[str, str]] = []

    def answer(self, method: str, target: str, body: dict[str, Any]) -> tuple[int, Any]:
        self.requests.append((method, target))
        parts = urlsplit(target)
        if listed := _COMMENTS.fullmatch(parts.path):
            under = self.comments.setdefault(int(listed[1]), {})
            if method == "GET":
                query = parse_qs(parts.query)
                size, page = int(query["per_page"][0]), int(query["page"][0])
                some = list(under.items())[size * (page - 1) : size * page]
                return 200, [{"id": number, "body": text} for number, text in some]
            if method == "POST" and self.may_write:
                number = 1000 + sum(map(len, self.comments.values()))
                under[number] = body["body"]
                return 201, {"id": number, "html_url": f"https://github.example/{number}"}
        if (one := _COMMENT.fullmatch(parts.path)) and method == "PATCH" and self.may_write:
            for under in self.comments.values():
                if int(one[1]) in under:
                    under[int(one[1])] = body["body"]
                    return 200, {"id": int(one[1]), "html_url": f"https://github.example/{one[1]}"}
        if method in ("POST", "PATCH") and not self.may_write:
            return 403, {"message": "Resource not accessible by integration"}
        return 404, {"message": "Not Found"}


@contextmanager
def github_api() -> Iterator[GitHub]:
    """Serve it while a test runs."""
    state = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else {}
            if self.headers["Authorization"] == f"Bearer {TOKEN}":
                status, found = state.answer(self.command, self.path, body)
            else:
                status, found = 401, {"message": "Bad credentials"}
            data = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _do  # noqa: N815 - the names of http.server

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as its base names it
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
