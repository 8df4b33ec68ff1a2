"""How a process begins: `init` runs while its starter waits; then the process lives or is gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from libra.otp._process import ending
from libra.otp._process.exits import (
    KILLED,
    NORMAL,
    AlreadyRegistered,
    AlreadyStarted,
    BadReturnValue,
    Crashed,
    ExitReason,
    Failed,
    Ignored,
    StartError,
)
from libra.otp._process.mailbox import arm_hibernation, then
from libra.otp._process.messages import UNSET, Continue, Hibernate, Ignore, Stop, Timeout
from libra.otp._process.reports import brief
from libra.otp._process.states import IDLE

if TYPE_CHECKING:
    from libra.otp._process.genserver import GenServer

__all__ = ["begin"]

_INIT_RESULTS = (Continue, Timeout, Hibernate, Ignore, Stop)


def begin(process: GenServer, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> None:
    """Run `init`; on return the process is alive, on an exception it is gone without a trace."""
    runtime = process.runtime
    previous = runtime.current
    runtime.current = process
    try:
        result = process.init(*args, **kwargs) if kwargs else process.init(*args)
        if result is not None and type(result) not in _INIT_RESULTS:
            raise BadReturnValue("init", brief(result))
    except AlreadyRegistered as error:
        _abort(process, Failed(str(error)))
        raise AlreadyStarted(error.owner) from None
    except (Exception, asyncio.CancelledError) as error:
        reason = Crashed(error)
        runtime._report(process, reason, "init", UNSET, None)
        _abort(process, reason)
        raise StartError(reason) from error
    except BaseException:
        _abort(process, KILLED)
        raise
    finally:
        runtime.current = previous
    if type(result) is Stop:
        _abort(process, result.reason)
        raise StartError(result.reason)
    if type(result) is Ignore:
        _abort(process, NORMAL)
        raise Ignored(f"{type(process).__name__} has nothing to run")
    process._state = IDLE
    if result is not None:
        then(process, result, "init", UNSET, None)
    if process.hibernate_after is not None:
        arm_hibernation(process)


def _abort(process: GenServer, reason: ExitReason) -> None:
    """End before having begun: only the starter learns of it."""
    process._parent = process._child = None
    ending.close(process, reason, at_once=True)
