"""What the page shows of each report, as its script reads it, and which reports it has room for."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.formats.label_studio import TASK_FIELD
from annotation.report import Report, Span
from annotation.split import source_of
from training.evaluation.errors.classes import ERROR_CLASSES, ErrorClass
from training.evaluation.errors.classify import ClassifiedError
from training.evaluation.outcomes import OUTCOME_CLASSES, Outcome, classify_spans

ROOM = 12_000_000
"""Bytes of reports that a page holds: some 4,000 of 150 words, which a phone still opens."""


@dataclass(frozen=True, slots=True)
class ShownReports:
    """The reports on a page, and how many had no room."""

    rows: list[str]
    """A JSON object each, in the order of gold."""
    left_out: int
    left_out_with_errors: int


def show_reports(
    gold: Sequence[Report],
    predicted: Mapping[str, Sequence[Span]],
    labels: Sequence[str],
    room: int = ROOM,
    errors: Sequence[ClassifiedError] = (),
) -> ShownReports:
    """As many reports as `room` bytes hold, those with errors first, drawn by their ids.

    `errors` say what kind of mistake each is; an error that is not among them is of none.
    """
    number = {label: index for index, label in enumerate(labels)}
    classes = {(one.report.id, one.outcome): one.error_class for one in errors}
    shown = [_show(report, predicted.get(report.id), number, classes) for report in gold]
    wrong = [_has_errors(row) for row in shown]
    rows = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in shown]
    # Not in the order of the file: its end would be missing, and with it whole sources.
    draw = sorted(range(len(gold)), key=lambda i: (not wrong[i], _digest(gold[i].id)))
    kept = set()
    for index in draw:
        size = len(rows[index].encode())
        if size <= room:
            kept.add(index)
            room -= size
    return ShownReports(
        [row for index, row in enumerate(rows) if index in kept],
        len(gold) - len(kept),
        sum(is_wrong and index not in kept for index, is_wrong in enumerate(wrong)),
    )


def _show(
    report: Report,
    predicted: Sequence[Span] | None,
    number: Mapping[str, int],
    classes: Mapping[tuple[str, Outcome], ErrorClass],
) -> dict[str, Any]:
    """`gold` and `found` hold [start, end, label, score] with offsets in code points.

    `outcomes` hold [class, place in `gold`, place in `found`, kind of mistake], -1 where there is
    none; `found` is null where nobody predicted.
    """
    wanted, found = list(report.spans or ()), sorted(predicted or ())
    gold_place = {span: place for place, span in enumerate(wanted)}
    found_place = {span: place for place, span in enumerate(found)}
    row: dict[str, Any] = {
        "id": report.id,
        "source": source_of(report),
        "text": report.text,
        "gold": [[span.start, span.end, number[span.label]] for span in wanted],
        "found": None
        if predicted is None
        else [[span.start, span.end, number[span.label], _rounded(span.score)] for span in found],
        "outcomes": [
            [
                OUTCOME_CLASSES.index(outcome.kind),
                -1 if outcome.gold is None else gold_place[outcome.gold],
                -1 if outcome.predicted is None else found_place[outcome.predicted],
                -1 if mistake is None else ERROR_CLASSES.index(mistake),
            ]
            for outcome in classify_spans(wanted, found)
            for mistake in [classes.get((report.id, outcome))]
        ],
    }
    task = report.fields.get(TASK_FIELD)
    # A bool is an int to Python, and anything may stand in a report's further keys.
    return row | {"task": task} if type(task) is int else row


def _rounded(score: float | None) -> float | None:
    """To four digits, and never up: no span gets over a threshold that it is below."""
    if score is None or not math.isfinite(score):
        return None
    rounded = round(score, 4)
    return rounded if rounded <= score else round(rounded - 1e-4, 4)


def _has_errors(row: Mapping[str, Any]) -> bool:
    return any(OUTCOME_CLASSES[kind] != "right" for kind, *_ in row["outcomes"])


def _digest(id: str) -> bytes:
    return hashlib.sha256(id.encode()).digest()
