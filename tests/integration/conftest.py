"""What the tests of the whole program share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from libra.inspector import pauses, tree
from libra.inspector.durability import database_reader as reader
from libra.inspector.durability import durability, journal_writer
from libra.inspector.pages import pages
from libra.parsers import forking
from libra.settings import Settings
from libra.storage import open_store
from support.nursery import Nursery
from support.patience import FOR_EVER, PATIENT
from support.site import WebSite


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a disk or a database that is well may be slow: nobody gives it up for that.

    A test of one that is not well sets what it needs.
    """
    monkeypatch.setattr(tree, "open_store", partial(open_store, deadlines=PATIENT))
    for patient in (durability, journal_writer):
        monkeypatch.setattr(patient, "PATIENCE", FOR_EVER)
    monkeypatch.setattr(durability, "DISK_PATIENCE", FOR_EVER)
    monkeypatch.setattr(durability, "LAST_SAVE", FOR_EVER)
    for patient in (reader, pages):
        monkeypatch.setattr(patient, "OPENING", FOR_EVER)
    monkeypatch.setattr(pages, "RESTORING", FOR_EVER)
    # What waited for a processor was not stopped, so its pages are not weighed again.
    monkeypatch.setattr(pauses, "LATE", FOR_EVER)


@pytest.fixture(autouse=True)
def _templates_are_ready(monkeypatch: pytest.MonkeyPatch, nursery: Nursery) -> None:
    monkeypatch.setattr(forking, "start", nursery.template)


@pytest.fixture
async def site() -> AsyncIterator[WebSite]:
    async with WebSite() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        shutdown_grace=5,
        page_timeout=FOR_EVER,
        asset_timeout=FOR_EVER,
        allow=("127.0.0.0/8",),
    )
