"""Which engine a URL means, and the schemas that the program knows."""

import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from libra.settings import Settings, SettingsError
from libra.storage import SchemaMismatch, open_store
from libra.storage import schema as schemas
from libra.storage.engines import engine_of
from libra.storage.sqlite.opening import path_of


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///libra.db", "libra.db"),
        ("sqlite:////var/lib/libra/libra.db", "/var/lib/libra/libra.db"),
        ("sqlite:////with%20space/libra.db", "/with space/libra.db"),
    ],
)
def test_a_sqlite_url_names_a_file(url: str, path: str) -> None:
    assert path_of(url) == Path(path)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://host/x"]
)
def test_a_sqlite_url_without_a_file_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///relative"):
        open_store(url)


@pytest.mark.parametrize("url", ["mysql://x/y", "libra.db", ""])
def test_other_databases_are_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///.*postgresql://"):
        open_store(url)


SECRET = "s3cret"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{SECRET}/w@host/name",
        f"postgresql://user:12/{SECRET}@host/name",
        f"postgresql://user:{SECRET}?w@host/name",
        f"postgresql://user:12?{SECRET}@host/name",
        f"postgresql://user:12#{SECRET}@host/name",
        f"postgresql://user:p@{SECRET}:w@host/name",
        f"postgresql://user:[{SECRET}]@host/name",
        f"postgresql://user:[{SECRET}@host/name",
        f"postgresql://user:{SECRET}\u2100@host/name",
        f"postgresql://host/name?user=me&{SECRET}",
        "postgresql://user@host:port/name",
        "postgresql://user@a,,b/name",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="%2F") as refused:
        open_store(url)
    assert SECRET not in "".join(traceback.format_exception(refused.value)[1:])
    with pytest.raises(SettingsError, match="%2F"):
        Settings.load({"database": url}, environ={})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:p%2Fw@host:5432/name?sslmode=require",
        "postgresql://user:p:q=;,!$&'()*+@host/name",
        "postgresql://user@a:1,[::1]:2,c/name",
        "postgresql://host/name?user=me@tenant&password=a",
        "postgresql://%2Frun%2Fpostgresql/name",
        "postgresql:///name?host=/run/postgresql",
        "postgresql://user@/name",
        "postgres://",
    ],
)
def test_every_way_to_write_an_address_is_read(url: str) -> None:
    assert engine_of(url) == "postgres"


@pytest.mark.parametrize("engine", schemas.REVISIONS)
def test_the_names_of_the_files_tell_the_versions(engine: schemas.Engine) -> None:
    here = Path(schemas.__file__).with_name("migrations")
    config = Config()
    config.set_main_option("path_separator", "newline")
    config.set_main_option("script_location", str(here))
    config.set_main_option("version_locations", str(here / engine))
    scripts = ScriptDirectory.from_config(config)
    revisions = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(revisions)) == schemas.REVISIONS[engine] == tuple(schemas.TABLES)


@pytest.fixture
def _threads_take_turns_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_threads_take_turns_often")
def test_databases_are_made_on_several_threads_at_once() -> None:
    versions = [(engine, old) for engine in schemas.REVISIONS for old in (None, "0002")]
    alone = [schemas.render(*version) for version in versions]
    schemas.render.cache_clear()
    together = threading.Barrier(len(versions))

    def rendered(version: tuple[schemas.Engine, str | None]) -> str:
        together.wait()
        return schemas.render(*version)

    with ThreadPoolExecutor(len(versions)) as threads:
        assert list(threads.map(rendered, versions)) == alone


def test_each_state_of_a_schema_says_what_to_do() -> None:
    newest = schemas.REVISIONS["sqlite"][-1]
    assert schemas.judge("sqlite", newest).state == "current"
    schemas.judge("sqlite", newest).require_current()
    with pytest.raises(SchemaMismatch, match=r"no tables yet.*libra db migrate"):
        schemas.judge("sqlite", None).require_current()
    with pytest.raises(SchemaMismatch, match="schema 0042, which this Libra does not know"):
        schemas.judge("sqlite", "0042").require_current()


def test_an_older_schema_is_behind() -> None:
    assert schemas.judge("sqlite", "0001").state == "behind"
    with pytest.raises(SchemaMismatch, match=r"has schema 0001.*needs schema \d+.*db migrate"):
        schemas.judge("sqlite", "0001").require_current()


@pytest.mark.parametrize(
    ("dropped", "current"),
    [("pages", None), ("watches", "0001"), ("libra_lease", "0002"), ("libra_database", "0002")],
)
def test_a_version_means_nothing_without_its_tables(dropped: str, current: str | None) -> None:
    newest = schemas.REVISIONS["sqlite"][-1]
    status = schemas.judge("sqlite", newest, schemas.ALL_TABLES - {dropped})
    assert status.current == current
    assert status.state == ("missing" if current is None else "behind")
