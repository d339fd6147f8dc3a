"""Which ids were met already, and where, in flat memory."""

import sqlite3


class IdSet:
    """A set of ids that only grows, kept in a temporary database that spills to disk.

    Ten million ids would fill gigabytes of a Python set; here they cost a few megabytes of cache.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE ids (id TEXT PRIMARY KEY, place TEXT) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def add(self, report_id: str, place: str = "") -> bool:
        """Add an id and the place where it stood; False if it was there already."""
        added = self._database.execute(
            "INSERT OR IGNORE INTO ids VALUES (?, ?)", (report_id, place)
        )
        return added.rowcount == 1

    def place_of(self, report_id: str) -> str:
        """Where an id that was added stood first. Raises KeyError for others."""
        row = self._database.execute("SELECT place FROM ids WHERE id = ?", (report_id,)).fetchone()
        if row is None:
            raise KeyError(report_id)
        return str(row[0])
