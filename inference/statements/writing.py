"""Statements out: CSV for spreadsheets, Parquet with types, GeoJSON for maps."""

import csv
import datetime
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotation.files import open_output, open_output_bytes, plain_suffix
from annotation.ledger import Ledger
from annotation.problems import Repair
from inference.statements.columns import COLUMNS, Kind, located, point_of, statement_to_cells
from inference.statements.statement import Statement

_JOINT = "|"
"""Between the values of a cell that has several, as in `configs/actors.csv`."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_GROUP_ROWS = 5_000
_TYPES: Mapping[Kind, Any] = {
    "text": pa.string(),
    "whole": pa.int64(),
    "fraction": pa.float64(),
    "date": pa.date32(),
    "texts": pa.list_(pa.string()),
}


def write_rows(statements: Iterable[Statement], path: str | Path, ledger: Ledger) -> int:
    """Write a row a statement in the form that the name tells, and give their number.

    Whatever the form cannot hold is entered in `ledger`. The file appears when it is whole.
    """
    suffix = plain_suffix(Path(path))
    if suffix == ".parquet":
        with open_output_bytes(Path(path)) as raw:
            return write_parquet(statements, raw)
    # Spreadsheet programs take a table for UTF-8 only where a byte order mark says so.
    encoding = "utf-8-sig" if suffix == ".csv" else "utf-8"
    with open_output(Path(path), encoding) as stream:
        return _TEXT_WRITERS[suffix](statements, stream, ledger)


def write_csv(statements: Iterable[Statement], stream: IO[str], ledger: Ledger) -> int:
    """A line a statement; several values of a cell are parted by `|`."""
    table = csv.writer(stream)
    table.writerow(COLUMNS)
    written = 0
    for statement in statements:
        cells = statement_to_cells(statement)
        table.writerow([_cell(cells[name]) for name in COLUMNS])
        written += 1
    return written


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str | list):
        text = value if isinstance(value, str) else _JOINT.join(value)
        # A spreadsheet would reckon what begins like a formula; behind an apostrophe it is text.
        return f"'{text}" if text.startswith(_FORMULA) else text
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def write_parquet(statements: Iterable[Statement], stream: IO[bytes]) -> int:
    """A row a statement, in typed columns: dates are dates, several values are lists."""
    schema = pa.schema([(name, _TYPES[kind]) for name, kind in COLUMNS.items()])
    written = 0
    group: list[dict[str, Any]] = []
    with pq.ParquetWriter(stream, schema, compression="zstd") as table:
        for statement in statements:
            group.append(statement_to_cells(statement))
            written += 1
            if len(group) == _GROUP_ROWS:
                table.write_table(pa.Table.from_pylist(group, schema=schema))
                group = []
        table.write_table(pa.Table.from_pylist(group, schema=schema))
    return written


def write_geojson(statements: Iterable[Statement], stream: IO[str], ledger: Ledger) -> int:
    """A FeatureCollection (RFC 7946) of the statements with coordinates, a line each.

    One at several places is a MultiPoint. Those without coordinates are told, not written.
    """
    written = 0
    stream.write('{"type": "FeatureCollection", "features": [')
    for statement in statements:
        points = list(dict.fromkeys(map(point_of, located(statement))))
        if not points:
            ledger.enter(_without_coordinates(statement))
            continue
        geometry = (
            {"type": "Point", "coordinates": points[0]}
            if len(points) == 1
            else {"type": "MultiPoint", "coordinates": points}
        )
        cells = statement_to_cells(statement)
        properties = {
            name: value.isoformat() if isinstance(value, datetime.date) else value
            for name, value in cells.items()
        }
        feature = {
            "type": "Feature",
            "id": statement.id,
            "geometry": geometry,
            "properties": properties,
        }
        stream.write(",\n" if written else "\n")
        stream.write(json.dumps(feature, ensure_ascii=False))
        written += 1
    stream.write("\n]}\n")
    return written


def _without_coordinates(statement: Statement) -> Repair:
    place = "no place is tied to it"
    if statement.where is not None:
        names = ", ".join(party.name for party in statement.where.parties)
        place = f"no coordinates are known of {names}"
    message = f"{statement.words!r:.60} is left out of the map: {place}"
    return Repair("", None, statement.id, "row without coordinates", message)


_TEXT_WRITERS: Mapping[str, Callable[[Iterable[Statement], IO[str], Ledger], int]] = {
    ".csv": write_csv,
    ".geojson": write_geojson,
}
ROW_SUFFIXES = (".csv", ".parquet", ".geojson")
"""What a name ends in that is to hold rows."""
