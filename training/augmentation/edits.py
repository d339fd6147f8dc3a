"""Change parts of a report's text and keep its spans on what they marked."""

from collections.abc import Iterable
from typing import NamedTuple

from annotation.report import Report, Span


class Edit(NamedTuple):
    """Put `text` in the place of the characters from `start` to `end` (exclusive)."""

    start: int
    end: int
    text: str


def edited(report: Report, edits: Iterable[Edit]) -> Report:
    """The report with all `edits` made, which do not overlap; spans grow and move with them.

    An edit lies inside one span or outside all of them, and an insertion at the edge of a span
    stays outside.
    """
    ordered = sorted(edits)
    parts, last = [], 0
    for edit in ordered:
        parts += [report.text[last : edit.start], edit.text]
        last = edit.end
    parts.append(report.text[last:])
    return Report(
        report.id,
        "".join(parts),
        tuple(_moved(span, ordered) for span in report.spans or ()),
        report.fields,
    )


def _moved(span: Span, edits: list[Edit]) -> Span:
    start, end = span.start, span.end
    for edit in edits:
        growth = len(edit.text) - (edit.end - edit.start)
        if edit.end <= span.start:
            start += growth
        if edit.start < span.end:
            end += growth
    return Span(start, end, span.label)
