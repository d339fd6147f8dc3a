"""A statement as the cells of a table: one value a column."""

from collections.abc import Mapping
from typing import Any, Literal

from inference.statements.statement import Party, Statement, Tie

Cells = dict[str, Any]
"""A value for each of `COLUMNS`; None where there is nothing to tell."""
Kind = Literal["text", "whole", "fraction", "date", "texts"]

COLUMNS: Mapping[str, Kind] = {
    "id": "text",
    "report": "text",
    "source": "text",
    "report_date": "date",
    "date": "date",
    "date_last": "date",
    "date_rule": "text",
    "date_start": "whole",
    "date_end": "whole",
    "who": "texts",
    "who_id": "texts",
    "who_spans": "texts",
    "who_rule": "text",
    "who_score": "fraction",
    "whom": "texts",
    "whom_id": "texts",
    "whom_spans": "texts",
    "whom_rule": "text",
    "whom_score": "fraction",
    "where": "texts",
    "where_id": "texts",
    "where_spans": "texts",
    "where_rule": "text",
    "where_score": "fraction",
    "within": "texts",
    "within_id": "texts",
    "latitude": "fraction",
    "longitude": "fraction",
    "coordinates_of": "text",
    "value": "whole",
    "minimum": "whole",
    "maximum": "whole",
    "bound": "text",
    "counted": "text",
    "what": "text",
    "reason": "text",
    "count": "text",
    "count_spans": "texts",
    "count_score": "fraction",
    "part_of": "text",
    "group": "text",
    "group_reports": "whole",
    "guessed": "texts",
    "score": "fraction",
    "sentence": "text",
    "sentence_start": "whole",
    "sentence_end": "whole",
}
"""The columns of a row, in their order, with the kind of their values."""
Places = list[tuple[float, float, Party]]


def _names(tie: Tie | None) -> list[str]:
    return [] if tie is None else [party.name for party in tie.parties]


def _ids(tie: Tie | None) -> list[str]:
    return [] if tie is None else [party.id or "" for party in tie.parties]


def _spans(parties: tuple[Party, ...]) -> list[str]:
    """Offsets as `12–20`: with a dash that no spreadsheet takes for a date."""
    return [f"{party.span.start}–{party.span.end}" for party in parties]


def _score(parties: tuple[Party, ...]) -> float | None:
    scores = [party.span.score for party in parties if party.span.score is not None]
    return min(scores, default=None)


def statement_to_cells(statement: Statement) -> Cells:
    """The cells of a statement, in the order of `COLUMNS`."""
    count = statement.counts[0].fields
    day = statement.day
    cells: Cells = {
        "id": statement.id,
        "report": statement.report,
        "source": statement.source,
        "report_date": statement.report_day,
        "date": None if day is None else day.first,
        "date_last": None if day is None else day.last,
        "date_rule": None if day is None else day.rule,
        "date_start": None if day is None else day.start,
        "date_end": None if day is None else day.end,
    }
    for name in ("who", "whom", "where"):
        cells |= _tie_cells(name, getattr(statement, name))
    places = coordinates(statement)
    cells |= {
        "within": [party.name for party in statement.within],
        "within_id": [party.id or "" for party in statement.within],
        "latitude": places[0][0] if places else None,
        "longitude": places[0][1] if places else None,
        "coordinates_of": places[0][2].name if places else None,
        "value": _whole(count.get("value")),
        "minimum": _whole(count.get("minimum")),
        "maximum": _whole(count.get("maximum")),
        "bound": count.get("bound"),
        "counted": count.get("counted"),
        "what": count.get("what"),
        "reason": count.get("reason"),
        "count": statement.count_text,
        "count_spans": [f"{span.start}–{span.end}" for span in statement.counts],
        "count_score": min(
            (s.score for s in statement.counts if s.score is not None), default=None
        ),
        "part_of": statement.part_of,
        "group": statement.group,
        "group_reports": statement.group_reports,
        "guessed": statement.guessed,
    }
    scores = [cells[f"{name}_score"] for name in ("who", "whom", "where", "count")]
    cells |= {
        "score": min((score for score in scores if score is not None), default=None),
        "sentence": statement.sentence,
        "sentence_start": statement.start,
        "sentence_end": statement.end,
    }
    return cells


def _tie_cells(name: str, tie: Tie | None) -> Cells:
    parties = () if tie is None else tie.parties
    return {
        name: _names(tie),
        f"{name}_id": _ids(tie),
        f"{name}_spans": _spans(parties),
        f"{name}_rule": None if tie is None else tie.rule,
        f"{name}_score": _score(parties),
    }


def _whole(value: object) -> int | None:
    """A number that a table's 64 bits can hold."""
    return value if isinstance(value, int) and -(2**63) <= value < 2**63 else None


def coordinates(statement: Statement) -> Places:
    """Latitude, longitude and place: of where it happened, else of the place around it."""
    where = () if statement.where is None else statement.where.parties
    return _known(where) or _known(statement.within)


def _known(parties: tuple[Party, ...]) -> Places:
    found = []
    for party in parties:
        latitude, longitude = (party.span.fields.get(key) for key in ("latitude", "longitude"))
        if _is_within(latitude, 90) and _is_within(longitude, 180):
            assert isinstance(latitude, int | float)
            assert isinstance(longitude, int | float)
            found.append((float(latitude), float(longitude), party))
    return found


def _is_within(value: object, limit: int) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and -limit <= value <= limit
    )
