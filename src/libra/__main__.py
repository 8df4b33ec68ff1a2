"""``python -m libra`` is the command."""

from libra.cli import main

main()
