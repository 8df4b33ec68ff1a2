"""Runs one function of this package in its own process: `machine.child` is the other end."""

from __future__ import annotations

import importlib
import inspect
import json
import sys

import uvloop


def main() -> None:
    """Call ``module:function`` with the JSON keyword arguments; print the result as JSON."""
    module, _, name = sys.argv[1].partition(":")
    function = getattr(importlib.import_module(f"benchmarks.{module}"), name)
    kwargs = json.loads(sys.argv[2])
    if inspect.iscoroutinefunction(function):  # on uvloop, as `libra serve` runs
        result = uvloop.run(function(**kwargs))
    else:
        result = function(**kwargs)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
