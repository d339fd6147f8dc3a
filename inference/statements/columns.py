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
    "place_id": "text",
    "place": "text",
    "latitude": "fraction",
    "longitude": "fraction",
    "level": "text",
    "country": "text",
    "relation": "text",
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
    "event": "text",
    "event_spans": "texts",
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
_PLACE_FIELDS = ("place_id", "place", "latitude", "longitude", "level", "country", "relation")


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
    count, event = statement.figures, statement.event
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
    cells |= {
        "within": [party.name for party in statement.within],
        "within_id": [party.id or "" for party in statement.within],
    }
    cells |= _place_cells(located(statement))
    cells |= {
        "value": _whole(count.get("value")),
        "minimum": _whole(count.get("minimum")),
        "maximum": _whole(count.get("maximum")),
        "bound": count.get("bound"),
        "counted": count.get("counted"),
        "what": count.get("what"),
        "reason": count.get("reason"),
        "count": statement.count_text or None,
        "count_spans": [f"{span.start}–{span.end}" for span in statement.counts],
        "count_score": min(
            (s.score for s in statement.counts if s.score is not None), default=None
        ),
        "event": None if event is None else event.text,
        "event_spans": [] if event is None else [f"{event.start}–{event.end}"],
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


def _place_cells(places: tuple[Party, ...]) -> Cells:
    """What is known of the first of the places, by the names of the fields of its span."""
    if not places:
        return dict.fromkeys((*_PLACE_FIELDS, "coordinates_of"))
    fields = places[0].span.fields
    longitude, latitude = point_of(places[0]) or (None, None)
    return {
        "place_id": places[0].id,
        "place": _text(fields.get("place")),
        "latitude": latitude,
        "longitude": longitude,
        "level": _text(fields.get("level")),
        "country": _text(fields.get("country")),
        "relation": _text(fields.get("relation")),
        "coordinates_of": places[0].name,
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    """A number that a table's 64 bits can hold."""
    return value if isinstance(value, int) and -(2**63) <= value < 2**63 else None


def located(statement: Statement) -> tuple[Party, ...]:
    """The places with coordinates: those where it happened, else those around them."""
    where = () if statement.where is None else statement.where.parties
    return _with_coordinates(where) or _with_coordinates(statement.within)


def _with_coordinates(parties: tuple[Party, ...]) -> tuple[Party, ...]:
    return tuple(party for party in parties if point_of(party) is not None)


def point_of(place: Party) -> tuple[float, float] | None:
    """Longitude and latitude, as maps have them; None where they are not known."""
    latitude = _degrees(place.span.fields.get("latitude"), 90)
    longitude = _degrees(place.span.fields.get("longitude"), 180)
    return None if latitude is None or longitude is None else (longitude, latitude)


def _degrees(value: object, limit: int) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if -limit <= value <= limit else None
