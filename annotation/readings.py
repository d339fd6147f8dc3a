"""Reports that several people annotated: one text, and what each of them marked in it.

They come as Label Studio exports with several annotators a task, as files that carry `annotator`
and `document` (`convert --annotators all` writes such ones), or as a file for each annotator with
the same ids. Any mixture will do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from annotation.formats import ReadOptions, read_records
from annotation.formats.annotators import ANNOTATOR_FIELD, DOCUMENT_FIELD, UNKNOWN
from annotation.formats.source import STANDARD_INPUT, find_sources
from annotation.ledger import Ledger
from annotation.problems import Rejection, UserError
from annotation.report import Report, Span


@dataclass(frozen=True, slots=True)
class SharedReport:
    """A report without spans of its own, and the spans of each person who annotated it."""

    report: Report
    """Its fields are those that all its readings agree about."""
    readings: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    """By annotator, in the order of their names."""


@dataclass(frozen=True, slots=True)
class _Reading:
    document: str
    annotator: str
    source: str
    """The file, as messages name it."""
    file_id: str
    """What tells the file from the others, in short."""
    report: Report


def read_shared_reports(
    sources: Sequence[str | Path], options: ReadOptions, ledger: Ledger
) -> list[SharedReport]:
    """All documents of `sources`, in the order in which they are first met.

    Where a file does not say who annotated it, its name does. Two readings of a document by one
    name in two files are two people's: the name is then told with the file's. A reading of another
    text is set aside. Raises UserError as reading does, and for a choice between annotators.
    """
    if options.annotators not in (None, "all"):
        raise UserError(
            f"--annotators {options.annotators}: here everybody's spans are compared; leave it out"
        )
    documents: dict[str, list[_Reading]] = {}
    for reading in _with_distinct_names(list(_read(sources, options, ledger))):
        documents.setdefault(reading.document, []).append(reading)
    return [_share(document, readings, ledger) for document, readings in documents.items()]


def _read(
    sources: Sequence[str | Path], options: ReadOptions, ledger: Ledger
) -> Iterator[_Reading]:
    read_records(sources, options)  # Nothing is read yet: it tells what is wrong with the options.
    found, left_out = find_sources(sources, options.format)
    for repair in left_out:
        ledger.enter(repair)
    for source in found:
        # One by one: that an id stands in two files is the point here, and nothing to set aside.
        read_as = replace(options, format=source.format, annotators="all")
        records = read_records([source.path or STANDARD_INPUT], read_as)
        for report in ledger.sort(records):
            fields = dict(report.fields)
            annotator, document = fields.pop(ANNOTATOR_FIELD, None), report.id
            # Without an annotator beside it a `document` is a field like any other.
            if annotator is not None and DOCUMENT_FIELD in fields:
                document = str(fields.pop(DOCUMENT_FIELD))
            if annotator is None or annotator == UNKNOWN:
                annotator = source.text_id
            bare = Report(document, report.text, report.spans, fields)
            yield _Reading(document, str(annotator), source.name, source.text_id, bare)


def _with_distinct_names(readings: Sequence[_Reading]) -> Iterator[_Reading]:
    """`readings`, with the file's name behind names that annotated a document in two files."""
    file_of: dict[tuple[str, str], str] = {}
    shared_names = {
        reading.annotator
        for reading in readings
        if reading.report.spans is not None
        and file_of.setdefault((reading.document, reading.annotator), reading.file_id)
        != reading.file_id
    }
    for reading in readings:
        if reading.annotator in shared_names:
            yield replace(reading, annotator=f"{reading.annotator} ({reading.file_id})")
        else:
            yield reading


def _share(document: str, readings: Sequence[_Reading], ledger: Ledger) -> SharedReport:
    """One report of all its readings; what cannot be compared is entered."""
    first = readings[0]
    fields: dict[str, Any] = dict(first.report.fields)
    spans: dict[str, tuple[Span, ...]] = {}
    for reading in readings:
        report = reading.report
        if report.text != first.report.text:
            message = (
                f"its text is not the one in {first.source}: "
                f"{text_difference(first.report.text, report.text)}"
            )
            ledger.enter(Rejection(reading.source, None, document, "other_text", message))
            continue
        if report.spans is not None and reading.annotator in spans:
            message = f"{reading.annotator} annotated it twice in this file; the first is kept"
            ledger.enter(Rejection(reading.source, None, document, "duplicate_id", message))
            continue
        fields = {
            key: value
            for key, value in fields.items()
            if key in report.fields and report.fields[key] == value
        }
        if report.spans is not None:
            spans[reading.annotator] = report.spans
    bare = Report(document, first.report.text, None, fields)
    return SharedReport(bare, {name: spans[name] for name in sorted(spans)})


def text_difference(expected: str, found: str) -> str:
    """Where two texts part, in words."""
    parted = next(
        (i for i, (one, other) in enumerate(zip(expected, found, strict=False)) if one != other),
        min(len(expected), len(found)),
    )
    before, after = expected[parted : parted + 20], found[parted : parted + 20]
    return f"from character {parted} on {after!r} stands for {before!r}"
