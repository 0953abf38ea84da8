"""The images that are new, sorted and each once, however many there are: they are sorted on a disk, not in memory."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

CACHE_KIB = 64 * 1024  # of SQLite; the rest of the names lies in a file in TMPDIR, about 1.3 times as large as they are
_AT_ONCE = 10_000  # names; in Python's own memory, too


@contextmanager
def new_uris(found: Iterable[str], known: Iterable[str]) -> Iterator[Iterator[str]]:
    """While the block runs: the URIs of `found` that are not `known`, in the order of their code points, each once."""
    with tempfile.TemporaryDirectory(prefix="chex-ray-names-") as folder:
        database = sqlite3.connect(Path(folder, "names.sqlite"), isolation_level=None)
        try:
            # what is lost in a crash is not missed: the next run lists its input again
            database.executescript(
                f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{CACHE_KIB}; "
                "PRAGMA locking_mode = EXCLUSIVE; "
                "CREATE TABLE image (uri TEXT PRIMARY KEY, known INTEGER) WITHOUT ROWID; BEGIN"
            )
            for uris, is_known in ((known, 1), (found, 0)):
                _insert(database, iter(uris), is_known)
            rows = database.execute("SELECT uri FROM image WHERE NOT known ORDER BY uri")
            yield (uri for (uri,) in rows)
        finally:
            database.close()


def _insert(database: sqlite3.Connection, uris: Iterator[str], known: int) -> None:
    while some := list(islice(uris, _AT_ONCE)):
        some.sort()  # neighbours lie on the same pages
        database.executemany("INSERT OR IGNORE INTO image VALUES (?, ?)", ((uri, known) for uri in some))
