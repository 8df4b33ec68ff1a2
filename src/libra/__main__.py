"""The entry point of the command: ``libra``, and ``python -m libra``."""

import os
import signal
from typing import NoReturn


def main() -> NoReturn:
    """Run the command."""
    # The imports take a moment, and Ctrl-C during them must end the program without a traceback, too.
    # 130 is what a shell reports for that.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from libra.cli import streams  # noqa: PLC0415 - as said

    streams.fill_gaps()
    from libra.cli import main as command  # noqa: PLC0415 - as said

    command()


if __name__ == "__main__":
    main()
