"""The command `libra` for scripts that a test runs: has a nursery fork it, and ends as it ends.

It is started without site-packages and imports next to nothing, as it is all that is left of a start.
"""

import json
import os
import signal
import socket
import struct
import sys


def main() -> None:
    nursery = socket.socket(fileno=int(os.environ.pop("NURSERY")))
    ours, theirs = socket.socketpair()
    wish = {"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109 - pathlib takes long to import
    message = json.dumps(wish).encode()
    socket.send_fds(nursery, [message], [theirs.fileno(), 0, 1, 2])
    theirs.close()
    number = struct.Struct("=q")
    number.unpack(ours.recv(number.size))
    (status,) = number.unpack(ours.recv(number.size))
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
