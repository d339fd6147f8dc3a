"""A gazetteer that can be asked for a name: an SQLite index, on disk where the file is large.

It is built while the file streams by, so that memory does not grow with it, and kept in the user's
cache folder until the file changes.
"""

import hashlib
import io
import os
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from annotation.bundled import find_file
from annotation.files import COMPRESSIONS, UNREADABLE, open_bytes, plain_suffix
from annotation.problems import UserError
from inference.cache import cache_folder
from inference.names.letters import ARTICLE, folded, name_key
from inference.places.geonames import read_geonames
from inference.places.place import Level, Place
from inference.places.plain_table import read_plain_table
from inference.places.row import BadRow, GazetteerRow

IN_MEMORY_BYTES = 4 << 20
"""Files up to this size are indexed in memory: that takes a blink, and leaves no file behind."""

_FORMAT = 1
"""Of the index; another one than before makes all indexes anew."""
_SMALL = ("town", "quarter")
"""Levels of places of which one has the article in its name, and another has not."""
_BATCH = 10_000
_FIRST_PROBLEMS = 5
_PLACE_COLUMNS = "id, name, level, country, division, latitude, longitude, population"
_TABLES = """
CREATE TABLE places (number INTEGER PRIMARY KEY, line INTEGER, id TEXT, name TEXT, level TEXT,
    country TEXT, division TEXT, latitude REAL, longitude REAL, population INTEGER);
CREATE TABLE names (key TEXT, written TEXT, shared INTEGER, place INTEGER);
CREATE TABLE problems (line INTEGER, message TEXT);
"""
_REPEATED = """
SELECT number, line, id, first FROM (SELECT number, line, id,
    FIRST_VALUE(line) OVER same AS first, ROW_NUMBER() OVER same AS place
    FROM places WINDOW same AS (PARTITION BY id ORDER BY number)) WHERE place > 1
"""


class Named(NamedTuple):
    """A place that is called as was asked for."""

    place: Place
    exact: bool
    """Whether the gazetteer writes it so."""
    shared: bool
    """Whether others are known by that name that the gazetteer may not have."""


class PlaceIndex:
    """The places of one file, by the keys of their names."""

    def __init__(self, file: str, connection: sqlite3.Connection, *, on_disk: bool) -> None:
        self.file = file
        """As the user named it."""
        self._connection = connection
        self._on_disk = on_disk

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def lookup(self, name: str) -> list[Named]:
        """The places that are called `name` but for spelling, in the order of the file."""
        found = self._connection.execute(
            f"SELECT {_PLACE_COLUMNS}, written, shared FROM names JOIN places ON number = place "
            "WHERE key = ? ORDER BY number, written = ?",
            (name_key(name), name),
        )
        # Of several spellings of one place, the one that was asked for comes last.
        named = {}
        for *row, written, shared in found:
            place = _to_place(row)
            if place.level not in _SMALL or _agree_in_article(name, written):
                named[place.id] = Named(place, written == name, bool(shared))
        return list(named.values())

    def country(self, code: str) -> Place | None:
        """The country with this ISO 3166-1 code."""
        row = self._connection.execute(
            f"SELECT {_PLACE_COLUMNS} FROM places WHERE level = 'country' AND country = ? "
            "ORDER BY number LIMIT 1",
            (code,),
        ).fetchone()
        return None if row is None else _to_place(row)

    def names(self) -> Iterator[str]:
        """Names as the gazetteer writes them: all, or of countries, divisions and cities alone
        where there are too many to be held."""
        query = "SELECT DISTINCT written FROM names"
        if self._on_disk:
            query += " JOIN places ON number = place WHERE level IN ('country', 'division', 'city')"
        for (written,) in self._connection.execute(query):
            yield written

    def problems(self) -> Iterator[BadRow]:
        """The rows that were left out, by line."""
        for line, message in self._connection.execute("SELECT * FROM problems ORDER BY line"):
            yield BadRow(line, message)

    def __len__(self) -> int:
        """How many places can be found."""
        return int(self._connection.execute("SELECT COUNT(*) FROM places").fetchone()[0])


def open_index(path: str | Path, cache: Path | None = None) -> PlaceIndex:
    """The index of a gazetteer, built where there is none of the file as it is now.

    `cache` is the folder of indexes on disk. Raises UserError where the file cannot be read, its
    first line lacks columns, or no row of it is good.
    """
    file = find_file(path)
    try:
        size = file.stat().st_size
        if size <= IN_MEMORY_BYTES and file.suffix not in (*COMPRESSIONS, ".zip"):
            connection = sqlite3.connect(":memory:")
            _build(connection, str(path), file)
            return PlaceIndex(str(path), connection, on_disk=False)
        kept = _kept_index(file, cache or cache_folder())
        if not _is_sound(kept):
            _build_on_disk(kept, str(path), file)
        return PlaceIndex(
            str(path), sqlite3.connect(f"{kept.as_uri()}?mode=ro", uri=True), on_disk=True
        )
    except (*UNREADABLE, zipfile.BadZipFile, sqlite3.Error) as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"{path}: cannot be read as a gazetteer: {told}") from None


def _kept_index(file: Path, cache: Path) -> Path:
    """The name that the index of `file` has as long as its size and time stay what they are."""
    resolved, state = file.resolve(), file.stat()
    name = hashlib.sha256(str(resolved).encode()).hexdigest()[:16]
    version = f"{_FORMAT} {state.st_size} {state.st_mtime_ns}"
    return (
        cache.resolve()
        / f"places-{name}-{hashlib.sha256(version.encode()).hexdigest()[:16]}.sqlite"
    )


def _is_sound(kept: Path) -> bool:
    if not kept.exists():
        return False
    try:
        with closing(sqlite3.connect(f"{kept.as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("SELECT number FROM places, names, problems LIMIT 1").fetchone()
    except sqlite3.Error:
        return False
    return True


def _build_on_disk(kept: Path, path: str, file: Path) -> None:
    """Build an index that appears under its name only when it is whole."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=kept.stem, suffix=".part", dir=kept.parent)
    os.close(handle)
    partial = Path(name)
    try:
        with closing(sqlite3.connect(partial)) as connection:
            # A build that is broken off is thrown away, so nothing has to survive it.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            _build(connection, path, file)
        partial.replace(kept)
    finally:
        partial.unlink(missing_ok=True)
    of_the_same_file, _, _ = kept.name.rpartition("-")
    for old in kept.parent.glob(f"{of_the_same_file}-*.sqlite"):
        if old != kept:
            old.unlink(missing_ok=True)


def _build(connection: sqlite3.Connection, path: str, file: Path) -> None:
    connection.executescript(_TABLES)
    read = 0
    with _rows_of(path, file) as rows:
        number = 0
        while batch := list(islice(rows, _BATCH)):
            read += len(batch)
            number = _insert(connection, batch, number)
            connection.commit()
    connection.executescript("CREATE INDEX by_key ON names (key);")
    _leave_out_repeated(connection)
    connection.executescript("CREATE INDEX countries ON places (country) WHERE level = 'country';")
    connection.commit()
    _refuse_if_nothing_good(connection, path, read)


def _insert(
    connection: sqlite3.Connection, rows: Iterable[GazetteerRow | BadRow | None], number: int
) -> int:
    """Take in some rows; places are numbered on from `number`, and the last number is returned."""
    places, names, problems = [], [], []
    for row in rows:
        if isinstance(row, GazetteerRow):
            number += 1
            one = row.place
            place = (one.id, one.name, one.level, one.country, one.division)
            where = (one.latitude, one.longitude, one.population)
            places.append((number, row.line, *place, *where))
            names += [
                (name_key(name), name, name in row.shared, number)
                for name in dict.fromkeys(row.names)
            ]
        elif row is not None:
            problems.append((row.line, row.message))
    connection.executemany(f"INSERT INTO places VALUES ({', '.join('?' * 10)})", places)
    connection.executemany("INSERT INTO names VALUES (?, ?, ?, ?)", names)
    connection.executemany("INSERT INTO problems VALUES (?, ?)", problems)
    return number


def _leave_out_repeated(connection: sqlite3.Connection) -> None:
    """Keep the first of several places with one id."""
    connection.executescript(
        f"CREATE TEMP TABLE repeated AS {_REPEATED};"
        "INSERT INTO problems SELECT line, 'id ' || id || ' stood first in line ' || first || "
        "', expected once' FROM repeated;"
        "DELETE FROM names WHERE EXISTS (SELECT 1 FROM repeated) "
        "AND place IN (SELECT number FROM repeated);"
        "DELETE FROM places WHERE number IN (SELECT number FROM repeated);"
        "DROP TABLE repeated;"
    )


def _refuse_if_nothing_good(connection: sqlite3.Connection, path: str, read: int) -> None:
    if not read:
        raise UserError(f"{path}: is empty, expected a gazetteer")
    if connection.execute("SELECT 1 FROM places LIMIT 1").fetchone():
        return
    problems = connection.execute("SELECT * FROM problems ORDER BY line").fetchmany(_FIRST_PROBLEMS)
    told = [f"{path}:{line}: {message}" for line, message in problems]
    if not told:
        told = [f"{path}: no place in it has a name in Arabic script"]
    (count,) = connection.execute("SELECT COUNT(*) FROM problems").fetchone()
    if count > len(problems):
        told.append(f"{path}: no row is good, and {count - len(problems):,} more are like these")
    raise UserError("\n".join(told))


@contextmanager
def _rows_of(path: str, file: Path) -> Iterator[Iterator[GazetteerRow | BadRow | None]]:
    """The rows of a file in either format, read as they are asked for."""
    with _open(file) as stream:
        buffered = io.BufferedReader(cast(io.RawIOBase, stream))
        is_plain = plain_suffix(file) == ".csv" or b"\t" not in buffered.peek(1 << 12)
        if is_plain:
            text = io.TextIOWrapper(buffered, "utf-8-sig", errors="surrogateescape", newline="")
            yield read_plain_table(path, text)
        else:
            yield read_geonames(buffered)


@contextmanager
def _open(file: Path) -> Iterator[IO[bytes]]:
    """Open, unpacking what Rasd packs and the archives that GeoNames offers."""
    if file.suffix != ".zip":
        with open_bytes(file) as stream:
            yield stream
        return
    with zipfile.ZipFile(file) as archive:
        # GeoNames' archives hold a readme.txt beside.
        members = [name for name in archive.namelist() if Path(name).stem == file.stem]
        if not members:
            held = ", ".join(archive.namelist())
            raise UserError(f"{file}: holds {held}; expected {file.stem}.txt")
        with archive.open(members[0]) as stream:
            yield stream


def _to_place(row: Sequence[Any]) -> Place:
    place_id, name, level, country, division, latitude, longitude, population = row
    return Place(
        place_id, name, cast(Level, level), country, division, latitude, longitude, population
    )


def _agree_in_article(name: str, written: str) -> bool:
    """Whether both names, or neither, begin with the article: الربيعة is another than ربيعة."""
    return folded(name).startswith(ARTICLE) == folded(written).startswith(ARTICLE)
