"""How often each class of errors is met, the most frequent first, with examples."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.files import open_output
from annotation.report import Report, Span
from training.evaluation.errors.classes import ERROR_CLASSES, MEANINGS, ErrorClass
from training.evaluation.errors.classify import ClassifiedError

COLUMNS = (
    *("rank", "class", "errors", "share", "labels", "meaning"),
    *("example", "id", "start", "end", "gold", "predicted", "context"),
)
_EXAMPLES = 3
_SHOWN = 5
_CONTEXT = 30
"""Characters on either side of an example, to the next blank."""


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """The errors of one class."""

    error_class: ErrorClass
    errors: tuple[ClassifiedError, ...]

    def to_json(self) -> dict[str, Any]:
        """As `evaluation.json` carries it."""
        labels = Counter(_label_of(error) for error in self.errors)
        return {
            "class": self.error_class,
            "meaning": MEANINGS[self.error_class],
            "errors": len(self.errors),
            "labels": dict(sorted(labels.items())),
            "examples": [_example(error) for error in self._examples()],
        }

    def _examples(self) -> list[ClassifiedError]:
        """The first of each report before the second of any."""
        met: Counter[str] = Counter()
        ordered = []
        for place, error in enumerate(self.errors):
            met[error.report.id] += 1
            ordered.append((met[error.report.id], place))
        return [self.errors[place] for _, place in sorted(ordered)[:_EXAMPLES]]


def rank_classes(errors: Iterable[ClassifiedError]) -> list[ErrorRow]:
    """A row a class that is met, the most frequent first; even ones as ERROR_CLASSES has them."""
    of_class: dict[ErrorClass, list[ClassifiedError]] = {name: [] for name in ERROR_CLASSES}
    for error in errors:
        of_class[error.error_class].append(error)
    rows = [ErrorRow(name, tuple(found)) for name, found in of_class.items() if found]
    return sorted(rows, key=lambda row: -len(row.errors))


def _label_of(error: ClassifiedError) -> str:
    """The label of gold, or of what is spurious."""
    span = error.outcome.gold or error.outcome.predicted
    assert span is not None, "an outcome has a span"
    return span.label


def _example(error: ClassifiedError) -> dict[str, Any]:
    """Where it is, what both sides have, and the text around."""
    gold, predicted = error.outcome.gold, error.outcome.predicted
    spans = [span for span in (gold, predicted) if span is not None]
    start, end = min(span.start for span in spans), max(span.end for span in spans)
    return {
        "id": error.report.id,
        "start": start,
        "end": end,
        "gold": _told(gold, error.report),
        "predicted": _told(predicted, error.report),
        "context": _context(error.report.text, start, end),
    }


def _told(span: Span | None, report: Report) -> str | None:
    """`ACTOR وزارة الصحة`, on one line."""
    if span is None:
        return None
    return " ".join([span.label, *report.text[span.start : span.end].split()])


def _context(text: str, start: int, end: int) -> str:
    """What stands around, whole words on one line."""
    first, last = max(0, start - _CONTEXT), min(len(text), end + _CONTEXT)
    while first > 0 and not text[first - 1].isspace() and start - first < 2 * _CONTEXT:
        first -= 1
    while last < len(text) and not text[last].isspace() and last - end < 2 * _CONTEXT:
        last += 1
    before, behind = "… " if first else "", " …" if last < len(text) else ""
    return before + " ".join(text[first:last].split()) + behind


def write_error_classes(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write a table (CSV, with a byte order mark for spreadsheets), a line an example.

    `rows` as `ErrorRow.to_json` gives them; what is told of a class is told on each of its lines.
    """
    total = sum(row["errors"] for row in rows)
    with open_output(path, "utf-8-sig") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for rank, row in enumerate(rows, 1):
            told = {name: row[name] for name in ("class", "errors", "meaning")}
            told |= {
                "rank": rank,
                "share": round(row["errors"] / total, 4),
                "labels": tell_labels(row),
            }
            for number, example in enumerate(row["examples"], 1):
                table.writerow({**told, "example": number, **example})


def tell_labels(row: Mapping[str, Any]) -> str:
    """`LOCATION 12, ACTOR 3`: the most frequent first."""
    labels = sorted(row["labels"].items(), key=lambda one: -one[1])
    return ", ".join(f"{label} {count}" for label, count in labels)


def describe_error_classes(rows: Sequence[ErrorRow], table: str) -> list[str]:
    """The most frequent classes in a line that names the `table` of all; none without errors."""
    if not rows:
        return []
    total = sum(len(row.errors) for row in rows)
    told = [f"{row.error_class} {len(row.errors)}" for row in rows[:_SHOWN]]
    return [f"most frequent of {total} errors: {', '.join(told)} (all, with examples: {table})"]


def error_table(rows: Sequence[Mapping[str, Any]], count: int) -> list[str]:
    """The `count` most frequent classes as Markdown, a line each; `rows` as of `to_json`."""
    total = sum(row["errors"] for row in rows)
    lines = ["| errors | share | kind of mistake | example |", "| --- | --- | --- | --- |"]
    for row in rows[:count]:
        kind = f"`{row['class']}`: {row['meaning']} ({tell_labels(row)})"
        example = row["examples"][0]
        sides = ", ".join(
            f"{side} {_isolated(example[side])}"
            for side in ("gold", "predicted")
            if example[side] is not None
        )
        cells = (row["errors"], f"{row['errors'] / total:.0%}", _escaped(kind), _escaped(sides))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def _isolated(told: str) -> str:
    """A label and its words, the words isolated, so that Arabic does not turn the line around."""
    label, _, words = told.partition(" ")
    return f"{label} \u2068{words}\u2069"


def _escaped(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
