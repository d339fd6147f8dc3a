"""Disagreements settled: out as tasks that show what each annotator marked, back as gold."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annotation.disagreement import agreed_spans, find_disagreements
from annotation.files import open_output
from annotation.formats import ReadOptions, read_records
from annotation.formats.label_studio import (
    TASK_FIELD,
    bare_task,
    spans_to_prediction,
    write_tasks,
)
from annotation.ledger import Ledger
from annotation.problems import Rejection, Repair, UserError
from annotation.readings import SharedReport, read_shared_reports, text_difference
from annotation.report import Report

AGREED = "agreed by all"
"""The model version of the prediction that holds what needs no settling."""
DISAGREEMENTS_FIELD = "disagreements"
"""The field of a task that says in words what is to be settled."""
GOLD_FIELD = "gold_by"
"""The field of a gold report that says how its spans came to be gold: one of GOLD_BY."""
GOLD_BY = ("agreement", "adjudication", "one annotator alone")
ANNOTATORS_FIELD = "annotators"
"""The field of a gold report that names who annotated it."""


@dataclass(frozen=True, slots=True)
class Adjudication:
    """What became of each document."""

    gold: list[Report]
    """In the order of the documents."""
    open: dict[str, int]
    """Of each document that is still to be settled, how many disagreements it has."""
    unread: list[str]
    """Documents that nobody annotated."""

    def describe(self) -> list[str]:
        """What came out, a line each; all that is open by name."""
        by = Counter(str(report.fields[GOLD_FIELD]) for report in self.gold)
        counted = ", ".join(f"{by[name]:,} by {name}" for name in GOLD_BY)
        lines = [f"{len(self.gold):,} gold reports: {counted}"]
        if self.unread:
            named = ", ".join(self.unread[:5]) + (", …" if len(self.unread) > 5 else "")
            lines.append(f"annotated by nobody: {len(self.unread):,} ({named})")
        lines += [
            f"still open: {document}, {count} disagreement{'s' * (count > 1)}"
            for document, count in self.open.items()
        ]
        return lines


def write_adjudication_tasks(
    sources: Sequence[str | Path], output: str | Path, options: ReadOptions, ledger: Ledger
) -> tuple[int, int]:
    """Write a task for each document that its annotators do not read alike.

    Gives the number of tasks, and of the disagreements in them. Raises UserError where there is
    none, and for an `output` that Label Studio would not import.
    """
    if Path(output).suffix != ".json":
        raise UserError(f"{output}: Label Studio imports tasks from JSON; expected a name in .json")
    documents = read_shared_reports(sources, options, ledger)
    disputed = [(document, find_disagreements(document)) for document in documents]
    tasks = [disputed_to_task(document) for document, found in disputed if found]
    if not tasks:
        shared = sum(len(document.readings) > 1 for document in documents)
        raise UserError(
            f"nothing to settle: {shared} of {len(documents)} documents have two annotators, and "
            "all of these agree"
        )
    with open_output(Path(output)) as stream:
        write_tasks(tasks, stream)
    return len(tasks), sum(len(found) for _, found in disputed)


def disputed_to_task(document: SharedReport) -> dict[str, Any]:
    """A task with a prediction for each annotator, named so, and one of what all agree on.

    That one comes last: Label Studio lets a new project show the predictions of the last model
    version that was imported first, and begins annotations from it.
    """
    report = document.report
    # It is another task, of another project.
    fields = {key: value for key, value in report.fields.items() if key != TASK_FIELD}
    fields[DISAGREEMENTS_FIELD] = "\n".join(
        f"{one.start}–{one.end} ({', '.join(one.kinds)}) "
        + " | ".join(f"{name}: {told}" for name, told in one.in_words().items())
        for one in find_disagreements(document)
    )
    task = bare_task(replace(report, fields=fields))
    readings = {**document.readings, AGREED: agreed_spans(document)}
    task["predictions"] = [
        spans_to_prediction(spans, report.text, name) for name, spans in readings.items()
    ]
    return task


def adjudicate(
    documents: Iterable[SharedReport], settled: Iterable[Report], ledger: Ledger
) -> Adjudication:
    """Gold of what is agreed on and what is settled; a settled report wins over agreement.

    What one person alone annotated is gold too: nobody disagreed. A settled report of another text
    is set aside, and its document goes on as if there were none.
    """
    decisions = {report.id: report for report in settled if report.spans is not None}
    gold: list[Report] = []
    still_open: dict[str, int] = {}
    unread: list[str] = []
    for document in documents:
        report, readings = document.report, document.readings
        disagreements = find_disagreements(document)
        decision = _usable(decisions.pop(report.id, None), report, ledger)
        if decision is not None:
            spans, by = decision.spans, "adjudication"
        elif disagreements:
            still_open[report.id] = len(disagreements)
            continue
        elif not readings:
            unread.append(report.id)
            continue
        elif len(readings) > 1:
            spans, by = agreed_spans(document), "agreement"
        else:
            (spans,), by = readings.values(), "one annotator alone"
        fields = {**report.fields, GOLD_FIELD: by, ANNOTATORS_FIELD: list(readings)}
        gold.append(Report(report.id, report.text, spans, fields))
    for id in decisions:
        message = "none of the annotators' files has a document of this id"
        ledger.enter(Repair("settled", None, id, "settled reports left out", message))
    return Adjudication(gold, still_open, unread)


def adjudicate_files(
    sources: Sequence[str | Path],
    settled: Sequence[str | Path],
    options: ReadOptions,
    ledger: Ledger,
) -> Adjudication:
    """The gold of annotators' files and of the reports in which their disagreements were settled.

    `options.annotators` chooses between several people who settled a document.
    """
    decisions = read_records(settled, options)
    documents = read_shared_reports(sources, replace(options, annotators=None), ledger)
    return adjudicate(documents, ledger.sort(decisions), ledger)


def _usable(decision: Report | None, report: Report, ledger: Ledger) -> Report | None:
    if decision is None or decision.text == report.text:
        return decision
    difference = text_difference(report.text, decision.text)
    message = f"its text is not the one that was annotated: {difference}"
    ledger.enter(Rejection("settled", None, report.id, "other_text", message))
    return None
