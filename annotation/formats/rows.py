"""A row of JSONL, CSV or Parquet becomes a report: its id, text, spans and further keys."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from annotation.formats.options import ReadOptions
from annotation.formats.spans import describe, merge_equal, parse_spans, same_text
from annotation.ledger import Record
from annotation.problems import Rejection, Repair
from annotation.report import InvalidReport, Report, Span, check_text, span_problems

OWN_KEYS = ("id", "text", "spans")
"""What a report's object holds by itself; all other keys are kept in `Report.fields`."""


def row_to_records(
    row: Mapping[str, Any], file: str, line: int, options: ReadOptions
) -> Iterator[Record]:
    """The report of a row and its repairs, or its rejection."""
    report_id = None
    try:
        report_id = parse_id(row.get(options.id_column))
        text = row.get(options.text_column)
        check_text(text)
        assert isinstance(text, str)
        check_whole_characters({key: row[key] for key in row if key != options.text_column})
        spans: list[Span] | None = None
        repairs: list[tuple[str, str]] = []
        if options.with_spans and row.get("spans") is not None:
            spans, repairs = _checked_spans(row["spans"], text)
        fields, renamed = _fields(row, options)
        repairs += renamed
        if report_id is None:
            report_id = f"{file}:{line}"
        report = Report(report_id, text, None if spans is None else tuple(spans), fields)
    except InvalidReport as error:
        yield Rejection(file, line, report_id, error.reason, str(error))
        return
    for kind, message in repairs:
        yield Repair(file, line, report_id, kind, message)
    yield report


def parse_id(value: object) -> str | None:
    """An id as text; None where there is none. Raises InvalidReport for what cannot be one."""
    if value is None or value == "":
        return None
    # Tables turn whole numbers into 12.0 where other rows of the column are blank.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidReport(
            "bad_json", [f"id is {describe(value)}, expected a string or a whole number"]
        )
    report_id = str(value)
    try:
        report_id.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidReport("lone_surrogate", ["the id has a lone surrogate"]) from None
    return report_id


def check_whole_characters(value: Mapping[str, Any]) -> None:
    """Raise InvalidReport where a key or value, however deep, holds half of a character."""
    if _has_whole_characters(value):
        return
    key = next(key for key in value if not _has_whole_characters({key: value[key]}))
    raise InvalidReport(
        "lone_surrogate",
        [f"{key!a} has a lone surrogate, half of a character that was cut in two"],
    )


def _has_whole_characters(value: Mapping[str, Any]) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _checked_spans(value: object, text: str) -> tuple[list[Span], list[tuple[str, str]]]:
    found, problems = parse_spans(value)
    spans, repeated = merge_equal(found)
    problems += span_problems(text, sorted(spans))
    if problems:
        raise InvalidReport("bad_span", problems)
    repairs = []
    if repeated:
        repairs.append(("repeated spans merged", f"{repeated} stood there more than once"))
    for span in spans:
        told = span.fields.get("text")
        covered = text[span.start : span.end]
        if isinstance(told, str) and not same_text(told, covered):
            repairs.append(
                (
                    "span text differs",
                    f"{span.label} {span.start}–{span.end} covers {covered!r:.60}, "
                    f"but its text is {told!r:.60}; the offsets were kept",
                )
            )
    return spans, repairs


def _fields(
    row: Mapping[str, Any], options: ReadOptions
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    fields, repairs = {}, []
    for key, value in row.items():
        if key in (options.id_column, options.text_column, "spans"):
            continue
        if key in OWN_KEYS:
            # Another column was named as the text or the id, and takes this one's place.
            new = f"other_{key}"
            repairs.append(("keys renamed", f"{key} is now {new}"))
            key = new
        fields[key] = value
    return fields, repairs
