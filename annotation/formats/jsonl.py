"""JSONL: a report, or a prediction, a line."""

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from annotation.files import UNREADABLE, open_bytes, open_output_bytes
from annotation.formats.decoding import decode, numbered_lines
from annotation.formats.options import ReadOptions
from annotation.formats.rows import OWN_KEYS, parse_id, row_to_records
from annotation.formats.source import Source
from annotation.formats.spans import describe, parse_spans, span_to_json
from annotation.ledger import Ledger, Record
from annotation.problems import Rejection, UserError
from annotation.report import InvalidReport, Report, Span

_FURTHEST_END = 1 << 28
"""No text that a machine reads is longer; an offset beyond it is a mistake."""
_HIGHEST_UNCERTAINTY = 1_000_000
"""No entropy of tags is near it; a larger number is a mistake."""


def read_jsonl(source: Source, options: ReadOptions) -> Iterator[tuple[int | None, Record]]:
    """The reports of a JSONL file. A line that is broken costs that line alone."""
    with source.open() as stream:
        for number, raw in numbered_lines(stream):
            if not raw.strip():
                continue
            try:
                row = parse_object(raw, options.encoding)
            except InvalidReport as error:
                message = str(error)
                yield number, Rejection(source.name, number, None, error.reason, message)
                continue
            for record in row_to_records(row, source.name, number, options):
                yield number, record


def parse_object(raw: bytes, encoding: str = "utf-8") -> dict[str, Any]:
    """The JSON object of a line. Raises InvalidReport (`not_utf8`, `bad_json`)."""
    text = decode(raw, encoding, "line").rstrip("\r\n")
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg} at column {error.colno}{_list_hint(text)}"
        raise InvalidReport("bad_json", [message]) from None
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits; brackets in brackets without end.
        raise InvalidReport("bad_json", [f"not JSON that can be read: {error}"]) from None
    if not isinstance(value, dict):
        message = f"{describe(value)}, expected an object{_list_hint(text)}"
        raise InvalidReport("bad_json", [message])
    return value


def _list_hint(text: str) -> str:
    is_list = text.lstrip().startswith("[")
    return "; for a Label Studio export give --from label-studio" if is_list else ""


def write_jsonl(reports: Iterable[Report], stream: IO[str], ledger: Ledger) -> int:
    """Write reports with text, spans and further keys; everything comes back on reading."""
    written = 0
    for report in reports:
        line: dict[str, Any] = {"id": report.id, "text": report.text}
        if report.spans is not None:
            line["spans"] = [span_to_json(span) for span in report.spans]
        _write_line(line, report, stream)
        written += 1
    return written


def write_predictions(reports: Iterable[Report], stream: IO[str], ledger: Ledger) -> int:
    """Write ids, spans with what they cover, and further keys; no report's text."""
    written = 0
    for report in reports:
        spans = [span_to_json(span, report.text) for span in report.spans or ()]
        _write_line({"id": report.id, "spans": spans}, report, stream)
        written += 1
    return written


def _write_line(line: dict[str, Any], report: Report, stream: IO[str]) -> None:
    line |= {key: value for key, value in report.fields.items() if key not in OWN_KEYS}
    stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def read_predictions(path: str | Path) -> dict[str, tuple[Span, ...]]:
    """The spans of a predictions file (or of reports) by id, sorted, with their scores.

    Raises UserError that tells all problems of the file with their lines.
    """
    found: dict[str, tuple[Span, ...]] = {}
    lines: dict[str, int] = {}
    problems = []
    for number, raw in _numbered_predictions(path):
        try:
            report_id, spans = _parse_prediction(parse_object(raw))
        except InvalidReport as error:
            problems.append(f"{path}:{number}: {error}")
            continue
        if report_id in found:
            first = f"stood first in line {lines[report_id]}, expected once"
            problems.append(f"{path}:{number}: id {report_id} {first}")
        else:
            found[report_id], lines[report_id] = spans, number
    if problems:
        raise UserError("\n".join(problems))
    return found


def read_uncertainties(path: str | Path, ledger: Ledger) -> dict[str, float]:
    """The `uncertainty` of each prediction of a file, by id; spans are not looked at.

    A line that cannot be used, or a second one of an id, is set aside. Raises UserError for a file
    that cannot be read to its end.
    """
    found: dict[str, float] = {}
    for number, raw in _numbered_predictions(path):
        report_id = None
        try:
            row = parse_object(raw)
            report_id = _id_of_prediction(row)
            uncertainty = _uncertainty_of_prediction(row)
        except InvalidReport as error:
            ledger.enter(Rejection(str(path), number, report_id, error.reason, str(error)))
            continue
        if report_id in found:
            message = "an earlier line has this id; that one is kept"
            ledger.enter(Rejection(str(path), number, report_id, "duplicate_id", message))
        else:
            found[report_id] = uncertainty
    return found


def predictions_beside(reports: str | Path) -> Path:
    """Where the predictions go of a list of reports that somebody is to look at."""
    return Path(f"{reports}.predictions.jsonl")


def copy_predictions(path: str | Path, ids: Collection[str], output: Path) -> int:
    """Write the first prediction of each of `ids` to `output`, line by line as they are.

    Gives their number. Lines that cannot be read are passed over.
    """
    left = set(ids)
    with open_output_bytes(output) as stream:
        for _, raw in _numbered_predictions(path):
            try:
                report_id = _id_of_prediction(parse_object(raw))
            except InvalidReport:
                continue
            if report_id in left:
                left.remove(report_id)
                stream.write(raw.rstrip(b"\r\n") + b"\n")
    return len(ids) - len(left)


def _numbered_predictions(path: str | Path) -> Iterator[tuple[int, bytes]]:
    try:
        with open_bytes(Path(path)) as stream:
            for number, raw in numbered_lines(stream):
                if raw.strip():
                    yield number, raw
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UNREADABLE as error:
        raise UserError(f"{path}: cannot be read: {error}") from None


def _id_of_prediction(row: dict[str, Any]) -> str:
    report_id = parse_id(row.get("id"))
    if report_id is None:
        raise InvalidReport("bad_json", ["no id, expected that of the report"])
    return report_id


def _uncertainty_of_prediction(row: dict[str, Any]) -> float:
    value: Any = row.get("uncertainty")
    # A bool is a number to Python, but nobody means it as one.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value <= _HIGHEST_UNCERTAINTY:
        return float(value)
    expected = f"expected a number from 0 to {_HIGHEST_UNCERTAINTY:,}"
    raise InvalidReport("bad_json", [f"uncertainty is {describe(value)}, {expected}"])


def _parse_prediction(row: dict[str, Any]) -> tuple[str, tuple[Span, ...]]:
    report_id = _id_of_prediction(row)
    spans, problems = parse_spans(row.get("spans"))
    if not problems and any(span.end > _FURTHEST_END for span in spans):
        problems.append(f"a span ends beyond {_FURTHEST_END}, further than any text reaches")
    if not problems:
        # How long the text is, only its report knows: here nothing can be outside on the right.
        report = Report(report_id, " " * max((span.end for span in spans), default=0), tuple(spans))
        return report_id, report.spans or ()
    raise InvalidReport("bad_span", [f"id {report_id}: {problem}" for problem in problems])
