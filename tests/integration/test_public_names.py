"""What people import from `libra`, and what it makes of what they give it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

import libra
from libra import (
    InvalidOptions,
    InvalidURL,
    Libra,
    Options,
    Settings,
    SettingsError,
    Viewport,
    weigh_sync,
)
from libra.errors import LibraError
from libra.testing import finished, until_watch
from support.site import WebSite


def test_every_name_is_there_and_every_error_is_among_them() -> None:
    assert all(getattr(libra, name) is not None for name in libra.__all__)
    assert set(libra.__all__) <= set(dir(libra))
    errors: list[type[LibraError]] = [LibraError, *LibraError.__subclasses__()]
    assert {error.__name__ for error in errors} <= set(libra.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = libra.Nothing


def test_to_import_it_imports_next_to_nothing() -> None:
    code = (
        "import sys, libra; print(sorted({'aiohttp', 'litestar', 'sqlalchemy'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


async def test_a_page_is_weighed_without_a_loop(site: WebSite) -> None:
    report = await asyncio.to_thread(weigh_sync, site.url())
    assert report.status == "weighed"


async def test_in_a_loop_it_names_what_to_write_instead() -> None:
    with pytest.raises(RuntimeError, match="await weigh_once"):
        weigh_sync("https://example.com/")


def test_settings_are_read_as_people_write_them(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path), allow="127.0.0.0/8", ttl="1h", unsent="1MB")  # type: ignore[arg-type]
    assert settings.data_dir == tmp_path
    assert settings.allow == ("127.0.0.0/8",)
    assert (settings.ttl, settings.unsent) == (3600.0, 1_000_000)
    assert Settings(allow=["10.0.0.0/8"]).allow == ("10.0.0.0/8",)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"port": "many"}, "port cannot be 'many': it takes a whole number"),
        ({"ttl": object()}, "ttl cannot be"),
        ({"data_dir": 7}, "data_dir cannot be 7"),
        ({"restore": "maybe"}, "restore cannot be 'maybe': it takes eager, lazy or off"),
        ({"allow": 5}, "allow cannot be 5: it takes a list"),
    ],
)
def test_settings_that_cannot_be_read_are_refused_with_words(
    wrong: dict[str, object], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        Settings(**wrong)  # type: ignore[arg-type]


def test_options_are_read_as_people_write_them() -> None:
    options = Options(viewport="390x844@3", headers={"X-A": "b"})  # type: ignore[arg-type]
    assert options.viewport == Viewport(390, 844, 3)
    assert options.headers == (("X-A", "b"),)


@pytest.mark.parametrize(
    "wrong",
    [{"method": "fast"}, {"viewport": 5}, {"viewport": "x"}, {"limits": 5}, {"user_agent": 5}],
)
def test_options_that_cannot_be_used_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidOptions):
        Options(**wrong)  # type: ignore[arg-type]


async def test_a_watch_takes_a_size_and_refuses_what_is_none(
    site: WebSite, settings: Settings
) -> None:
    async with Libra.open(settings) as opened:
        watch = await opened.watch(site.url(), max_weight="1kB")
        seen = await until_watch(opened, watch.id, lambda now: now.last is not None)
        assert seen.terms.max_weight == 1000
        for wrong in ("heavy", 1.5, -1, True):
            with pytest.raises(InvalidOptions, match="max_weight"):
                await opened.watch(site.url(), max_weight=wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidOptions, match="budgets"):
            await opened.watch(site.url(), budgets=["500kB"])  # type: ignore[list-item]
        with pytest.raises(InvalidOptions, match="jump"):
            await opened.watch(site.url(), jump=20)  # type: ignore[arg-type]
        with pytest.raises(InvalidURL, match="is text"):
            await opened.weigh(None)  # type: ignore[arg-type]
        assert (await finished(opened, await opened.weigh(site.url()))).status == "weighed"
