"""The states of a process, in the order of its life; from EXITING on it is dead."""

from typing import Final

IDLE: Final = 0
RUNNING: Final = 1  # in a callback, init included
SUSPENDED: Final = 2
TERMINATING: Final = 3  # in terminate
EXITING: Final = 4  # dead to others, waiting for its last tasks
DEAD: Final = 5
