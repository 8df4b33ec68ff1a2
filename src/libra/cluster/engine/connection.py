"""The connection to NATS JetStream: with `client_defects`, the only module that imports its client.

It holds the options that the client and its servers need: deadlines that hold when a server is frozen,
and reconnection without limit. It works around the client's known defects, and sorts errors by how the
caller must react.

Times are seconds. Of the defects of nats-py 2.16, `client_defects` mends two. The others:

- It buffers messages published while it is not connected, and sends them later. `Engine` refuses them.
- On Python 3.11 its requests swallow a cancellation that comes together with their answer, so the
  cancelled task continues. `Engine` makes its own requests instead.
- Its pull subscriptions cannot tell a quiet stream from a dead consumer. See
  `libra.cluster.engine.pulling`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from nats import errors as client_errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from libra.cluster.engine import client_defects
from libra.cluster.engine.answers import Headers, Message, NoMessage, judged, message_of
from libra.cluster.engine.client_defects import CLOSING
from libra.cluster.engine.errors import EngineAway, InDoubt, NobodyThere, TooLarge

log = logging.getLogger("libra.cluster")

#: Seconds that a write or a read of the engine may take.
PATIENCE: Final = 2.0

#: Seconds that one attempt to connect to a server may take, and between two attempts.
CONNECTING: Final = 5.0
RETRY: Final = 0.2

#: Seconds between two pings of the server. Three without an answer end the connection.
PING: Final = 1

#: Bytes that may wait in one subscription, at most.
PENDING: Final = 32_000_000

client_defects.mend()

OnMessage = Callable[[Message], Awaitable[None]]


class Engine:
    """One connection, which is reopened without limit.

    Args:
        servers: the addresses of the servers, such as ``nats://a:4222``.
        name: the name of this connection at the servers.
        credentials: a file of credentials, as ``nsc`` makes them, or of the seed of an nkey.
        tls_ca: a PEM file of authorities; with it the connection is encrypted.
        inbox: the prefix of the subjects that answers come to. Each role has its own, so that no role
            can overhear the answers to another.
        on_change: called when the connection is up, and when it has gone.
    """

    def __init__(
        self,
        servers: Sequence[str],
        *,
        name: str,
        credentials: Path | None = None,
        tls_ca: Path | None = None,
        inbox: str = "_INBOX",
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._servers = list(servers)
        self._name = name
        self._credentials = credentials
        self._tls_ca = tls_ca
        self._inbox_prefix = inbox
        self._on_change = on_change
        self._client = Client()
        self._connected = asyncio.Event()
        self._closing = False
        self._inbox: str | None = None
        self._answers: dict[str, asyncio.Future[Msg | None]] = {}
        self._asked = 0
        self._refusal: str | None = None
        self.connections = 0
        """How many there have been: requests under way in one are lost when the next is made."""
        self.trouble: str | None = "Libra is still connecting"
        """Why there is no connection; None while there is one."""

    # The connection

    def _identification(self) -> tuple[str | None, str | None]:
        """This node's identity, as the client takes it: a file of ``nsc``, or the seed of an nkey."""
        if self._credentials is None:
            return None, None
        text = self._credentials.read_text()
        if "BEGIN NATS USER JWT" in text:
            return str(self._credentials), None
        return None, text.strip()

    async def connect(self) -> None:
        """Connect, for as long as that takes; afterwards the client reconnects automatically."""
        context = None
        if self._tls_ca is not None:
            context = ssl.create_default_context(cafile=str(self._tls_ca))
        file, seed = self._identification()
        while not self._closing:
            self._client, self._inbox = Client(), None
            try:
                async with asyncio.timeout(CONNECTING):
                    await self._client.connect(
                        servers=self._servers,
                        name=self._name,
                        inbox_prefix=self._inbox_prefix,
                        error_cb=self._on_error,
                        disconnected_cb=self._on_gone,
                        reconnected_cb=self._on_there,
                        closed_cb=self._on_gone,
                        allow_reconnect=True,
                        max_reconnect_attempts=-1,
                        reconnect_time_wait=RETRY,  # type: ignore[arg-type] # it takes any number
                        connect_timeout=1,
                        ping_interval=PING,
                        max_outstanding_pings=2,
                        tls=context,
                        user_credentials=file,
                        nkeys_seed_str=seed,
                    )
            except (client_errors.Error, OSError, TimeoutError) as error:
                await self._abandon()
                self.trouble = self._refusal or str(error) or type(error).__name__
                await asyncio.sleep(RETRY)
            else:
                await self._on_there()
                return

    async def close(self) -> None:
        """End the connection; cut one that is frozen."""
        self._closing = True
        await self._abandon()

    async def _abandon(self) -> None:
        with suppress(client_errors.Error, OSError, TimeoutError):
            async with asyncio.timeout(2 * CLOSING):
                await self._client.close()

    @property
    def up(self) -> bool:
        """Whether there is a connection at the moment, as far as is known."""
        return self._client.is_connected

    async def wait_up(self) -> None:
        """Wait until there is a connection."""
        await self._connected.wait()

    @property
    def max_payload(self) -> int:
        """Bytes of the largest message that the server takes."""
        return self._client.max_payload

    async def _on_there(self) -> None:
        self.connections += 1
        self.trouble = self._refusal = None
        self._connected.set()
        self._on_change()

    async def _on_gone(self) -> None:
        self.trouble = self._refusal or "the connection was lost"
        self._connected.clear()
        # The next connection never brings the answers to requests of this one.
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result(None)
        self._on_change()

    async def _on_error(self, error: Exception) -> None:
        log.debug("the engine's client: %r", error)
        if not self.up:
            # The client tries again for ever and tells nobody else why: wrong credentials, for example.
            self._refusal = str(error) or type(error).__name__
            if self.trouble != self._refusal:
                self.trouble = self._refusal
                self._on_change()

    # Streams

    async def write(
        self,
        subject: str,
        data: bytes,
        *,
        expect: int | None = None,
        over: str | None = None,
        ttl: int | None = None,
        headers: Headers | None = None,
        patience: float = PATIENCE,
    ) -> int:
        """Write one message to the stream that has its subject; returns its sequence.

        Args:
            subject: in streams that keep one message per subject, it replaces that message.
            data: the body.
            expect: the sequence of the last message; 0 for none. None: write in any case.
            over: the subjects, with wildcards, that ``expect`` refers to; by default ``subject``.
            ttl: seconds until it expires; None for never.
            headers: further headers.
            patience: seconds to wait for an answer.

        Raises:
            Conflict: ``expect`` is not the last sequence.
            InDoubt: no answer in time, or the connection ended before it.
            EngineAway: the engine cannot do that now.
            TooLarge: it is larger than `max_payload`.
        """
        sent = dict(headers or {})
        if expect is not None:
            sent["Nats-Expected-Last-Subject-Sequence"] = str(expect)
            if over is not None:
                sent["Nats-Expected-Last-Subject-Sequence-Subject"] = over
        if ttl is not None:
            sent["Nats-TTL"] = str(max(1, ttl))
        answer = await self._request(subject, data, sent, patience)
        written = judged(answer.data)
        return int(written["seq"])

    async def last(
        self, stream: str, subject: str, *, leader: bool = True, patience: float = PATIENCE
    ) -> Message | None:
        """The last message of a subject, which may have wildcards; None if there is none.

        Args:
            stream: the stream to read.
            subject: the subject to read.
            leader: whether to ask the leader, which alone knows the last message. If not, any server
                with a copy answers, which works without a majority and may be behind.
            patience: seconds to wait for an answer.

        Raises:
            InDoubt: no answer in time, or the connection ended before it.
            EngineAway: no server can answer.
        """
        if not leader:
            answer = await self._request(
                f"$JS.API.DIRECT.GET.{stream}",
                json.dumps({"last_by_subj": subject}).encode(),
                None,
                patience,
            )
            headers = answer.headers or {}
            if headers.get("Status") == "404":
                return None
            if "Nats-Subject" not in headers:
                raise EngineAway(f"{stream} cannot be read: {headers.get('Description', '')}")
            return Message(
                headers["Nats-Subject"],
                answer.data,
                headers,
                sequence=int(headers["Nats-Sequence"]),
            )
        try:
            found = await self.api(f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject}, patience)
        except NoMessage:
            return None
        except LookupError as error:
            # There is no such stream, which says nothing about its messages.
            raise EngineAway(str(error)) from None
        return message_of(found["message"])

    async def api(
        self, verb: str, body: Mapping[str, Any] | None = None, patience: float = PATIENCE
    ) -> dict[str, Any]:
        """Call JetStream's API.

        Raises:
            LookupError: the stream, consumer or message is not there.
            Misconfigured: the engine refuses the request.
            EngineAway: as in `last`.
        """
        data = b"" if body is None else json.dumps(body).encode()
        return judged((await self._request(f"$JS.API.{verb}", data, None, patience)).data)

    # Core messages

    async def tell(self, subject: str, data: bytes = b"", reply: str = "") -> None:
        """Send a message that may be lost.

        Raises:
            EngineAway: there is no connection.
        """
        if not self.up:
            raise EngineAway("there is no connection to the engine")
        try:
            await self._client.publish(subject, data, reply=reply)
        except (client_errors.Error, OSError) as error:
            raise EngineAway(str(error)) from error

    async def ask(self, subject: str, data: bytes, patience: float) -> bytes:
        """Send a question to the program that listens on a subject; returns its answer.

        Raises:
            NobodyThere: no program listens.
            InDoubt: no answer in time, or the connection ended before it.
            EngineAway: there is no connection.
        """
        return (await self._request(subject, data, None, patience, core=True)).data

    async def listen(self, subject: str, on_message: OnMessage) -> Listening:
        """Receive the messages of a subject until closed; survives a reconnection.

        Raises:
            EngineAway: there is no connection.
        """

        async def heard(message: Msg) -> None:
            await on_message(
                Message(message.subject, message.data, message.headers or {}, message.reply)
            )

        if not self.up:
            raise EngineAway("there is no connection to the engine")
        try:
            subscription = await self._client.subscribe(
                subject, cb=heard, pending_msgs_limit=1_000_000, pending_bytes_limit=PENDING
            )
        except (client_errors.Error, OSError) as error:
            raise EngineAway(str(error)) from error
        return Listening(subscription)

    def inbox(self) -> str:
        """A subject that no other program uses."""
        return self._client.new_inbox()

    async def _request(
        self,
        subject: str,
        data: bytes,
        headers: dict[str, str] | None,
        patience: float,
        *,
        core: bool = False,
    ) -> Msg:
        if not self.up:
            raise EngineAway(f"there is no connection to the engine: {self.trouble}")
        self._asked += 1
        token = str(self._asked)
        answer: asyncio.Future[Msg | None] = asyncio.get_running_loop().create_future()
        self._answers[token] = answer
        try:
            async with asyncio.timeout(patience):
                if self._inbox is None:
                    await self._listen_for_answers()
                await self._client.publish(
                    subject, data, reply=f"{self._inbox}.{token}", headers=headers
                )
                message = await answer
        except TimeoutError:
            raise InDoubt(f"the engine has not answered for {patience:g} s") from None
        except client_errors.MaxPayloadError:
            raise TooLarge(f"{len(data)} bytes") from None
        except (client_errors.Error, OSError) as error:
            # Nobody can tell whether it was sent before the connection ended.
            raise InDoubt(str(error) or type(error).__name__) from error
        finally:
            del self._answers[token]
        if message is None:
            raise InDoubt("the connection to the engine ended before an answer")
        if not message.data and (message.headers or {}).get("Status") == "503":
            if core:
                raise NobodyThere(subject)
            raise EngineAway("the engine has no majority, or no leader at the moment")
        return message

    async def _listen_for_answers(self) -> None:
        inbox = self._inbox = self._client.new_inbox()
        await self._client.subscribe(f"{inbox}.*", cb=self._on_answer)

    async def _on_answer(self, message: Msg) -> None:
        answer = self._answers.get(message.subject.rpartition(".")[2])
        if answer is not None and not answer.done():
            answer.set_result(message)


class Listening:
    """A subscription, until it is closed."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    async def close(self) -> None:
        """Stop listening."""
        with suppress(client_errors.Error, OSError):
            await self._subscription.unsubscribe()
