"""Processes, supervisors and a registry, as in Erlang/OTP, on asyncio.

`GenServer` is a process, `Supervisor` and `DynamicSupervisor` keep processes running, and `Registry`
finds them. `Watchdog` measures how late the event loop is, and `Runtime` holds what one tree of
processes shares. docs/processes.md documents the differences from the BEAM.
"""

from libra.otp._process.calls import From, Pending
from libra.otp._process.children import Child, ChildCount, ChildSpec
from libra.otp._process.exits import (
    KILLED,
    NOPROC,
    NORMAL,
    SHUTDOWN,
    AlreadyRegistered,
    AlreadyStarted,
    BadReturnValue,
    CallingSelf,
    CallTimeout,
    Crashed,
    ExitReason,
    Failed,
    HandlerMissing,
    Ignored,
    InvalidSpec,
    Killed,
    MailboxFull,
    MaxChildren,
    NoProcess,
    Normal,
    NotFound,
    ProcessException,
    ProcessExited,
    Shutdown,
    StartError,
    is_clean,
)
from libra.otp._process.genserver import GenServer
from libra.otp._process.messages import (
    TIMEOUT,
    Continue,
    Down,
    Exited,
    Hibernate,
    Ignore,
    NoReply,
    Reply,
    Stop,
    TaskDone,
    TaskFailed,
    TimedOut,
    Timeout,
)
from libra.otp._process.reports import CrashReport, brief
from libra.otp._process.runtime import Counts, Runtime
from libra.otp._process.tasks import Monitor, TaskRef, Timer
from libra.otp.clock import Clock, LoopClock, TimerHandle
from libra.otp.dynamic_supervisor import DynamicSupervisor
from libra.otp.registry import Entry, Key, Registered, Registry, Unregistered
from libra.otp.supervisor import Supervisor
from libra.otp.watchdog import Lag, Stall, Watchdog

__all__ = [
    "KILLED",
    "NOPROC",
    "NORMAL",
    "SHUTDOWN",
    "TIMEOUT",
    "AlreadyRegistered",
    "AlreadyStarted",
    "BadReturnValue",
    "CallTimeout",
    "CallingSelf",
    "Child",
    "ChildCount",
    "ChildSpec",
    "Clock",
    "Continue",
    "Counts",
    "CrashReport",
    "Crashed",
    "Down",
    "DynamicSupervisor",
    "Entry",
    "ExitReason",
    "Exited",
    "Failed",
    "From",
    "GenServer",
    "HandlerMissing",
    "Hibernate",
    "Ignore",
    "Ignored",
    "InvalidSpec",
    "Key",
    "Killed",
    "Lag",
    "LoopClock",
    "MailboxFull",
    "MaxChildren",
    "Monitor",
    "NoProcess",
    "NoReply",
    "Normal",
    "NotFound",
    "Pending",
    "ProcessException",
    "ProcessExited",
    "Registered",
    "Registry",
    "Reply",
    "Runtime",
    "Shutdown",
    "Stall",
    "StartError",
    "Stop",
    "Supervisor",
    "TaskDone",
    "TaskFailed",
    "TaskRef",
    "TimedOut",
    "Timeout",
    "Timer",
    "TimerHandle",
    "Unregistered",
    "Watchdog",
    "brief",
    "is_clean",
]
