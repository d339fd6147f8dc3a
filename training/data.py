"""Annotated reports for fitting and measuring: read, checked against the labels, accounted for."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from annotation.bundled import find_file
from annotation.files import sha256_of_file
from annotation.formats import ReadOptions, read_records
from annotation.ledger import Ledger
from annotation.problems import UserError
from annotation.report import Report
from annotation.tags import Tagging

log = logging.getLogger(__name__)

_NAMED = 5


@dataclass(frozen=True, slots=True)
class AnnotatedReports:
    """Reports of one part of the data, each with its spans, and where they came from."""

    reports: list[Report]
    hashes: dict[str, str]
    """SHA-256 of each file, by the name that the user gave."""
    set_aside: int
    """How many reports were not usable; the log names them."""


def read_annotated(
    files: Sequence[str], labels: Sequence[str] | None, options: ReadOptions | None = None
) -> AnnotatedReports:
    """Read annotated reports; raise UserError for labels that are not among `labels` (None: all).

    Reports that nobody annotated hold no answer, right or wrong: they are left out and counted.
    """
    paths = [find_file(file) for file in files]
    ledger = Ledger()
    read = list(ledger.sort(read_records(paths, options)))
    for line in ledger.summary():
        log.warning(line)
    reports = [report for report in read if report.spans is not None]
    if len(reports) < len(read):
        first = next(report.id for report in read if report.spans is None)
        log.warning(
            "left out: %d reports without annotation (the first is %s)",
            len(read) - len(reports),
            first,
        )
    if not reports:
        raise UserError(
            f"{', '.join(files)}: no annotated report in it; expected reports with spans"
        )
    if labels is not None:
        _check_labels(reports, labels, files)
    hashes = {
        file: sha256_of_file(path)
        for file, path in zip(files, paths, strict=True)
        if path.is_file()
    }
    return AnnotatedReports(reports, hashes, ledger.rejected + len(read) - len(reports))


def missing_files(*files: str) -> list[str]:
    """What is wrong with the names of those that are not there, a sentence each."""
    problems = []
    for file in files:
        try:
            find_file(file)
        except UserError as error:
            problems.append(str(error))
    return problems


def labels_in(reports: Sequence[Report]) -> list[str]:
    """The labels that the reports' spans have, in alphabetical order."""
    return sorted({span.label for report in reports for span in report.spans or ()})


def hold_line_breaks(reports: Sequence[Report]) -> bool:
    """Whether any span goes over the end of a line, which the guidelines forbid."""
    return any(
        "\n" in report.text[span.start : span.end]
        for report in reports
        for span in report.spans or ()
    )


def warn_of_untaggable(taggings: Iterable[tuple[Report, Tagging]]) -> None:
    """Count, and name the first of, the spans that tags cannot say as they were marked."""
    moved: list[str] = []
    lost: list[str] = []
    for report, tagging in taggings:
        moved += [f"{report.id} {a.start}–{a.end} to {b.start}–{b.end}" for a, b in tagging.moved]
        lost += [f"{report.id} {span.label} {span.start}–{span.end}" for span in tagging.lost]
    for what, places in (("moved to word edges", moved), ("lost: no word to tag", lost)):
        if places:
            log.warning("spans %s: %d (%s)", what, len(places), "; ".join(places[:_NAMED]))


def _check_labels(reports: Sequence[Report], labels: Sequence[str], files: Sequence[str]) -> None:
    unknown: dict[str, list[str]] = {}
    for report in reports:
        for span in report.spans or ():
            if span.label not in labels:
                where = f"{report.id} {span.start}–{span.end}"
                unknown.setdefault(span.label, []).append(where)
    if unknown:
        names = ", ".join(files)
        raise UserError(
            "\n".join(
                f"{names}: label {label}: {len(places)} spans, the first in {places[0]}; expected "
                f"one of {', '.join(labels)}. Mend the data, or add it to the labels file"
                for label, places in sorted(unknown.items())
            )
        )
