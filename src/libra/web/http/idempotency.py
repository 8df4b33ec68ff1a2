"""Idempotency keys: a submission that a client repeats, because its answer was lost, is done once.

After the IETF draft ``draft-ietf-httpapi-idempotency-key-header``: the same key with the same body
leads to the same page; with another body it is refused with 422. A key belongs to the client that
sent it and is known for a day.

It is stored with its page, in the journal and in the database, so it is as safe as the page.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable

import msgspec

from libra.app import IdempotencyKey, KeyUse
from libra.web.http.problems import RequestRefused

_LONGEST = 255
_KEY = re.compile(rf"[!-~]{{1,{_LONGEST}}}")


class IdempotencyKeys:
    """Does the submission of a key once, also when the key is sent twice at the same time.

    Args:
        known: returns the outcome of a submission with a key of this name, or None.
    """

    def __init__(self, known: Callable[[str], Awaitable[KeyUse | None]]) -> None:
        self._known = known
        self._under_way: dict[str, asyncio.Future[None]] = {}

    async def once(
        self,
        client: str,
        key: str,
        body: object,
        submit: Callable[[IdempotencyKey], Awaitable[str]],
        *,
        secret: bool = False,
    ) -> tuple[str, bool]:
        """Submit, unless this key was used already.

        Args:
            client: the client that the key belongs to.
            key: as the client sent it.
            body: the submission; it is compared as JSON.
            submit: submits, keeps the key and returns the page's id. If it raises, the key stays unused.
            secret: whether the body contains secrets. Its stored digest then depends on the key, so that
                nobody without the key can find a secret by trying.

        Returns:
            The id of the page, and whether it was submitted before.

        Raises:
            RequestRefused: 400 for an invalid key, 422 for a key that was used with another body.
        """
        require_key(key)
        whose = client.encode() + b"\0" + key.encode()
        name, encoded = _digest(whose), msgspec.json.encode(body)
        wanted = IdempotencyKey(name, _digest(whose + b"\0" + encoded if secret else encoded))
        while (waiting := self._under_way.get(name)) is not None:
            # The same submission at the same time: both have one outcome.
            await asyncio.shield(waiting)
        done = self._under_way[name] = asyncio.get_running_loop().create_future()
        try:
            used = await self._known(name)
            if used is None:
                return await submit(wanted), False
        finally:
            del self._under_way[name]
            done.set_result(None)
        if used.body not in (wanted.body, ""):
            raise RequestRefused(
                422,
                "idempotency-key-reused",
                "This Idempotency-Key was used before with another body. Use a new key.",
            )
        return used.page, True


def require_key(key: str | None) -> None:
    """Reject an invalid key; a missing one is allowed.

    Raises:
        RequestRefused: 400.
    """
    if key is not None and _KEY.fullmatch(key) is None:
        raise RequestRefused(
            400, None, f"Idempotency-Key takes 1 to {_LONGEST} ASCII letters, digits and symbols."
        )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
