"""What Litestar reads out of the code of handlers: once in a process, not at each start of a service.

The tests start some hundreds of services, and half of what an application takes to be made is to read
the annotations of handlers: they are always the same, as the code is. The first service of each process
has them read as they are in a program.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from litestar.utils.signature import ParsedSignature

Read = Callable[[Any, dict[str, Any]], ParsedSignature]


def remember_signatures() -> None:
    """From now on, in this process."""
    ParsedSignature.from_fn = remembering(ParsedSignature.from_fn)  # type: ignore[assignment]


def remembering(read: Read) -> Read:
    """The same, which reads nothing twice."""
    known: dict[CodeType, tuple[Any, ParsedSignature]] = {}

    def remembered(function: Any, namespace: dict[str, Any]) -> ParsedSignature:
        # A closure is made anew by each service, of the same code. What stands beside its code is what
        # its signature depends on as well.
        if not isinstance(function, FunctionType) or namespace:
            return read(function, namespace)
        beside = (function.__defaults__, function.__kwdefaults__, function.__annotations__)
        before = known.get(function.__code__)
        if before is None or before[0] != beside:
            before = known[function.__code__] = (beside, read(function, namespace))
        return before[1]

    return remembered
