"""Idempotency keys: a submission that is sent again, because its answer was lost, is done once.

After the IETF draft ``draft-ietf-httpapi-idempotency-key-header``: the same key with the same body
leads to the same page, with another body it is refused with 422. A key belongs to the client that
sent it and is known for a day.

It is kept with the page that came of it, in the journal and in the database: it is as safe as the page.
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
    """Does what a key asks for once, also when it is asked twice at a time.

    Args:
        known: what came of a submission with a key of this name, or None.
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
        """Submit, unless this key has done so already.

        Args:
            client: whose key it is.
            key: as the client sent it.
            body: what is submitted; it is compared as JSON.
            submit: does it, keeps the key and returns the page's id. What it raises leaves the key
                unused.
            secret: whether there are secrets in the body. What is kept of it then says nothing to
                whoever does not know the key, so that no secret is found by trying.

        Returns:
            The id of the page, and whether it was submitted before.

        Raises:
            Refused: 400 for what is no key, 422 for a key that was used for something else.
        """
        require_key(key)
        whose = client.encode() + b"\0" + key.encode()
        name, encoded = _digest(whose), msgspec.json.encode(body)
        wanted = IdempotencyKey(name, _digest(whose + b"\0" + encoded if secret else encoded))
        while (waiting := self._under_way.get(name)) is not None:
            # The same submission at the same time: its outcome is ours.
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
                "This Idempotency-Key was sent before with another body.",
            )
        return used.page, True


def require_key(key: str | None) -> None:
    """Refuse what is no key; none at all is fine.

    Raises:
        Refused: 400.
    """
    if key is not None and _KEY.fullmatch(key) is None:
        raise RequestRefused(
            400, None, f"Idempotency-Key takes 1 to {_LONGEST} letters, digits and signs of ASCII."
        )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
