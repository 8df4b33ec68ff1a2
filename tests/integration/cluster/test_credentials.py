"""The NATS configuration that is shipped, in a real server: what each role may do, and what not."""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import nats
import nkeys  # type: ignore[import-untyped]  # it has none
import pytest
from nats.aio.client import Client
from nats.errors import Error

from integration.cluster.conftest import NodeSettings
from libra.app import Libra
from libra.testing import until
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.nats import NatsServer
from support.needs import needs
from support.site import WebSite

pytestmark = needs("openssl", "PostgreSQL")

SHIPPED = Path(__file__).parents[3] / "deploy/nats/nats.conf"
ROLES = ("web", "inspector", "all", "operator")

As = Callable[[str], Awaitable[Client]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """One server of the shipped configuration, with a certificate and keys of its own."""
    folder = tmp_path / "nats"
    folder.mkdir()
    server = NatsServer(0, folder)
    _certify(folder)
    keys = {}
    for role in ROLES:
        seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
        (folder / f"{role}.nk").write_bytes(seed + b"\n")
        keys[role] = nkeys.from_seed(bytearray(seed)).public_key.decode()
    (folder / "keys.conf").write_text(
        "".join(f"{role.upper()}_KEY: {key}\n" for role, key in keys.items())
    )
    text = SHIPPED.read_text()
    for found, wanted in (
        (r"\$NATS_NAME", "n0"),
        (r"listen: 0\.0\.0\.0:4222", f"listen: 127.0.0.1:{server.port}"),
        (r"http: 127\.0\.0\.1:8222", f"http: 127.0.0.1:{server.monitor_port}"),
        (r"store_dir: /data/jetstream", f'store_dir: "{folder}/store"'),
        (r"/etc/nats/tls/", f"{folder}/"),
        # Alone: a server that waits for two others would never lead anything.
        (r"(?ms)^cluster \{.*?^\}\n", ""),
    ):
        text, times = re.subn(found, wanted, text)
        assert times, found
    (folder / "nats.conf").write_text(text)
    server.start()
    try:
        await eventually(server.healthy, "the server is healthy", within=PATIENCE)
        yield server
    finally:
        await server.remove()


@pytest.fixture
def node(server: NatsServer, node: NodeSettings) -> NodeSettings:
    """Settings of a node that says by its credentials what it is."""

    def of(name: str, role: Any) -> Any:
        return msgspec.structs.replace(
            node(name, role),
            cluster=(f"tls://127.0.0.1:{server.port}",),
            cluster_credentials=server.folder / f"{role}.nk",
            cluster_tls_ca=server.folder / "ca.pem",
        )

    return of


@pytest.fixture
async def as_role(server: NatsServer) -> AsyncIterator[As]:
    """Connects with the credentials of a role; what it is refused is in ``refused`` of the client."""
    clients = []

    async def connect(role: str) -> Client:
        client = Client()
        refused: list[str] = []

        async def noted(error: Exception) -> None:
            refused.append(str(error).lower())

        await client.connect(
            servers=[f"tls://127.0.0.1:{server.port}"],
            tls=ssl.create_default_context(cafile=str(server.folder / "ca.pem")),
            nkeys_seed=str(server.folder / f"{role}.nk"),
            allow_reconnect=False,
            error_cb=noted,
        )
        client.refused = refused  # type: ignore[attr-defined]
        clients.append(client)
        return client

    yield connect
    for client in clients:
        await client.close()


async def test_a_page_goes_all_its_way_where_each_node_has_only_the_rights_of_its_role(
    node: NodeSettings, site: WebSite, as_role: As
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
        Libra.open(node("insp-1", "inspector")),
    ):
        await joined(here, there)
        page_id = await here.weigh(site.url())
        report = await until(there, page_id, lambda report: report.backup == "stored")
        assert report.status == "weighed"
        gone = await here.weigh(site.url())
        await here.forget(gone)
        await _forging_is_refused(as_role, page_id)


async def _forging_is_refused(as_role: As, page_id: str) -> None:
    """With the streams there and a page in them."""
    assert not await _is_refused(await as_role("web"), f"libra.0.{page_id}.sub.static")
    assert not await _is_refused(await as_role("inspector"), f"libra.0.{page_id}.rec")
    for role, subject in (
        ("web", f"libra.0.{page_id}.rec"),
        ("web", "$JS.API.CONSUMER.MSG.NEXT.libra-0.weigh-static"),
        ("web", "$JS.API.CONSUMER.MSG.NEXT.libra-0.store"),
        ("inspector", f"libra.0.{page_id}.sub.static"),
        ("inspector", "$JS.API.STREAM.MSG.GET.libra-keys"),
        ("inspector", "$JS.API.DIRECT.GET.libra-keys"),
        ("inspector", "$JS.API.CONSUMER.CREATE.libra-keys.spy"),
        ("inspector", "$JS.API.STREAM.CREATE.copy"),
        ("inspector", "$JS.API.STREAM.DELETE.libra-0"),
        ("web", "$JS.API.STREAM.DELETE.libra-0"),
        ("web", "$JS.API.CONSUMER.MSG.NEXT.libra-0.results"),
        ("web", "libra.access.tokens"),
        ("inspector", "libra.access.session"),
        ("inspector", "$JS.API.STREAM.MSG.GET.libra-access"),
        ("inspector", "$JS.API.CONSUMER.CREATE.libra-access.spy"),
        ("operator", "$JS.API.STREAM.MSG.GET.libra-access"),
        ("operator", f"libra.0.{page_id}.del"),
        ("operator", "$JS.API.STREAM.MSG.GET.libra-0"),
    ):
        client = await as_role(role)
        assert await _is_refused(client, subject), (role, subject)
    for role in ("web", "inspector"):
        client = await as_role(role)
        # What is submitted is not to be overheard: secrets of pages are in it.
        await client.subscribe("libra.*.*.sub.>")
        assert await _is_told(client, 'subscription to "libra.*.*.sub.>"'), role
        other = "_inbox.inspector.>" if role == "web" else "_inbox.web.>"
        await client.subscribe(
            other.upper().replace("WEB", "web").replace("INSPECTOR", "inspector")
        )
        assert await _is_told(client, f'subscription to "{other}"'), role


async def test_a_node_with_a_seed_that_the_server_does_not_know_says_so_in_its_health(
    node: NodeSettings, server: NatsServer
) -> None:
    strange = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    (server.folder / "strange.nk").write_bytes(strange + b"\n")
    settings = msgspec.structs.replace(
        node("web-1", "web"), cluster_credentials=server.folder / "strange.nk"
    )
    async with Libra.open(settings) as libra:

        async def named() -> bool:
            part = libra.health().parts["cluster"]
            return part.status == "down" and "authorization" in (part.detail or "").lower()

        await eventually(named, "the credentials are named", within=PATIENCE)


async def test_who_has_no_credentials_is_not_let_in(server: NatsServer) -> None:
    with pytest.raises((Error, OSError, asyncio.TimeoutError)):
        await nats.connect(
            f"tls://127.0.0.1:{server.port}",
            tls=ssl.create_default_context(cafile=str(server.folder / "ca.pem")),
            allow_reconnect=False,
            error_cb=_unheard,
        )


async def _is_refused(client: Client, subject: str) -> bool:
    await client.publish(subject, json.dumps({}).encode())
    return await _is_told(client, f'publish to "{subject.lower()}"')


async def _is_told(client: Client, what: str) -> bool:
    """Whether the server has refused this by the time that it refuses what comes after it."""
    refused: list[str] = client.refused  # type: ignore[attr-defined]
    last = f"forbidden.{len(refused)}"
    await client.publish(last, b"")

    async def is_through() -> bool:
        return any(f'"{last}"' in line for line in refused)

    await eventually(is_through, f"{last} is refused", within=PATIENCE)
    return any(what in line for line in refused)


async def _unheard(_: Exception) -> None:
    return


def _certify(folder: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *(
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=nats",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
            ),
            *("-keyout", str(folder / "server.key"), "-out", str(folder / "server.pem")),
        ],
        check=True,
        capture_output=True,
    )
    (folder / "ca.pem").write_bytes((folder / "server.pem").read_bytes())
