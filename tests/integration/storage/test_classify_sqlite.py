"""What SQLite raises when its file may grow no further."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from libra.storage.classify import classify
from libra.storage.errors import Unavailable


def test_a_file_at_the_limit_of_its_size_is_worth_another_try(tmp_path: Path) -> None:
    path = tmp_path / "fault.db"
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    # In a process of its own, as the limit would be this one's. SIGXFSZ is ignored by Python.
    program = f"""if True:
        import resource, sqlite3
        connection = sqlite3.connect({str(path)!r}, isolation_level=None)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        try:
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
        except sqlite3.Error as exc:
            print(exc.sqlite_errorname, exc.sqlite_errorcode, exc, type(exc).__name__, sep="|")
    """
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    name, code, text, kind = out.stdout.strip().split("|")
    exc = getattr(sqlite3, kind)(text)
    exc.sqlite_errorname, exc.sqlite_errorcode = name, int(code)
    verdict = classify(exc)
    assert isinstance(verdict, Unavailable)
    assert verdict.fault == "unreachable"
    assert verdict.reason
