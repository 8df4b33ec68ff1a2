"""A running Libra service, as the command talks to it over its HTTP API."""

from __future__ import annotations

import json
from http.client import responses
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import click

from libra.cli.asking import NoAnswer, ServerAnswer, ask
from libra.cli.inputs import DIRECTLY, route_to_the_web
from libra.decoding import Undecodable, decode_json
from libra.wording import plain

PATIENCE = 30.0
"""Seconds to wait for an answer of the service, which usually takes milliseconds."""

ANSWER_BYTES = 100_000_000
"""More than any answer of the service has."""


class RunningLibra:
    """A running Libra service.

    Args:
        server: its address.
        token: the value of ``LIBRA_TOKEN``: a secret, or the ``NAME:ROLE:SECRET`` of the service.
    """

    def __init__(self, server: str, token: str | None) -> None:
        self.server = server
        self._secret = token.strip().rpartition(":")[2] if token else None
        # No proxy leads to this machine, and none is to see its token.
        self._route = (
            DIRECTLY
            if _is_this_machine(server)
            else route_to_the_web(None, insecure=False, proxy=None, no_proxy=None)
        )

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer of the service, decoded; None if it has no content.

        Raises:
            click.UsageError: the service says that the request is wrong.
            click.ClickException: the service refuses, has moved, or does not answer.
        """
        headers = {"Accept": "application/json", "User-Agent": "libra-watch"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._secret:
            headers["Authorization"] = f"Bearer {self._secret}"
        try:
            answer = ask(
                method,
                self.server + path,
                headers=headers,
                body=None if body is None else json.dumps(body).encode(),
                seconds=PATIENCE,
                most=ANSWER_BYTES,
                route=self._route,
            )
            if answer.status >= 300:
                raise _refused(self.server, answer)
            return decode_json(answer.body) if answer.body else None
        except (NoAnswer, Undecodable) as error:
            raise click.ClickException(
                f"{self.server} gave no usable response ({error}). Is `libra serve` running there? "
                "Set its address with --server."
            ) from None


def _is_this_machine(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refused(server: str, answer: ServerAnswer) -> click.ClickException:
    if answer.status < 400:
        # Not followed: the secret belongs to this server, and a POST would become a GET.
        place = plain(answer.headers.get("location", "another address"))
        return click.ClickException(
            f"{server} redirects to {place}. Set the address of the service with --server."
        )
    try:
        problem = decode_json(answer.body)
        detail = plain(str(problem.get("detail") or problem.get("title")))
    except (Undecodable, AttributeError):
        status = f"{answer.status} {responses.get(answer.status, '')}".strip()
        return click.ClickException(f"The service answered {status}.")
    if answer.status == 401:
        detail += " Put its secret into LIBRA_TOKEN."
    return click.UsageError(detail) if answer.status == 400 else click.ClickException(detail)
