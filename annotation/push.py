"""Reports to a Label Studio project: tasks, with what is marked in them and what a model says.

A push can be broken off anywhere and called again. It begins by asking which documents the project
holds; an import is one transaction on the server, so a batch is there or it is not; and where the
answer to one was lost, the project is asked whether it came in before anything is sent again.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.formats.spans import further_keys
from annotation.label_studio_client import LabelStudioClient, Progress
from annotation.label_studio_config import SpanControl, own_control, prepare_project
from annotation.label_studio_connection import ServerProblem
from annotation.label_studio_tasks import (
    document_id,
    report_to_task,
    spans_to_result,
    spans_to_task_prediction,
    text_hash,
)
from annotation.labels import Label
from annotation.ledger import Ledger, Record
from annotation.problems import Reason, Rejection, Repair, UserError
from annotation.pushed_predictions import Predictions
from annotation.report import InvalidReport, Report, Span

_BATCH_TASKS = 100
_BATCH_BYTES = 900_000
"""Proxies that nobody has told otherwise take no request of more than a megabyte."""
_SETTLE_SECONDS = 120.0
_LATER_SECONDS = 1.0
# The server itself has answered: it is at work no more.
_ENDED = (200, 201, 500, 501, 503, 507)
_REFUSED = (400, 413)


@dataclass(slots=True)
class Pushed:
    """What a push did."""

    project: int
    sent: int = 0
    """Reports that became tasks."""
    present: int = 0
    """Reports that were there already."""
    annotated: int = 0
    """Tasks that were there without an annotation, and have one now."""
    predicted: int = 0
    """Predictions that were added."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Held:
    """What a push has to know of a task that is there."""

    task: int
    text_hash: str
    annotated: bool


def push_reports(
    client: LabelStudioClient,
    records: Iterable[Record],
    ledger: Ledger,
    *,
    labels: Sequence[Label],
    project: int | None = None,
    title: str | None = None,
    predictions: Sequence[Predictions] = (),
    progress: Progress = lambda count: None,
    settle_seconds: float = _SETTLE_SECONDS,
) -> Pushed:
    """Bring reports into `project`, or into a new one of that `title`.

    What the project holds already is not sent again; a task there that nobody annotated gets the
    report's spans, and each task one prediction of each version. The project shows the predictions
    of the last version. After a request without an answer it is watched for `settle_seconds`.
    Raises UserError that tells how far it came where the server gives up: the same call goes on
    from there.
    """
    pushed, control = _open(client, project, title, labels)
    sender = _Sender(client, control, ledger, pushed, predictions, progress, settle_seconds)
    try:
        sender.look()
        for report in ledger.sort(records):
            sender.take(report)
        sender.finish()
    except ServerProblem as problem:
        raise UserError(f"{problem}; {_reached(pushed)}") from None
    return pushed


def _open(
    client: LabelStudioClient, project: int | None, title: str | None, labels: Sequence[Label]
) -> tuple[Pushed, SpanControl]:
    notes = client.unfamiliar_version()
    if project is None:
        if title is None:
            raise UserError("give the number of a project, or the title of one to create")
        there = client.find_projects(title)
        if there:
            raise UserError(
                f"{client.url}: there is a project {title!r} already: give --project "
                f"{there[0]} to go on with it, or another title"
            )
        project = client.create_project(title, labels)
        return Pushed(project, notes=notes), own_control(labels)
    control, said = prepare_project(client, client.get_project(project), labels)
    return Pushed(project, notes=notes + said), control


def _reached(pushed: Pushed) -> str:
    done = [f"{pushed.sent} reports were sent and are kept"]
    if pushed.present:
        done.append(f"{pushed.present} were there before")
    return f"{', '.join(done)}: push --project {pushed.project} with the same files goes on"


def describe(pushed: Pushed, url: str) -> list[str]:
    """What a push did, a line each."""
    lines = [*pushed.notes, f"{pushed.sent} reports sent to {url}/projects/{pushed.project}"]
    if pushed.present:
        lines.append(f"{pushed.present} were there already")
    if pushed.annotated:
        lines.append(f"{pushed.annotated} of these had no annotation and have one now")
    if pushed.predicted:
        lines.append(f"{pushed.predicted} predictions added")
    return lines


class _Sender:
    """Takes reports one by one, and sends them in batches."""

    def __init__(
        self,
        client: LabelStudioClient,
        control: SpanControl,
        ledger: Ledger,
        pushed: Pushed,
        predictions: Sequence[Predictions],
        progress: Progress,
        settle_seconds: float,
    ) -> None:
        self._client = client
        self._control = control
        self._ledger = ledger
        self._pushed = pushed
        self._predictions = predictions
        self._progress = progress
        self._settle_seconds = settle_seconds
        self._held: dict[str, _Held] = {}
        self._predicted: set[tuple[int, str]] = set()
        """Tasks that have a prediction, and of which version."""
        self._newest = 0
        """The highest number of a task that is known."""
        self._unused = {report_id for one in predictions for report_id in one.spans}
        self._sent_versions: set[str] = set()
        """Those of which predictions were added."""
        self._tasks: list[dict[str, Any]] = []
        self._tasks_bytes = 0
        self._new_predictions: list[dict[str, Any]] = []

    def look(self) -> None:
        """Take down what the project holds."""
        twice: dict[str, list[int]] = {}
        has_predictions = False
        for task in self._client.list_tasks(self._pushed.project):
            self._newest = task.id
            has_predictions |= task.prediction_count > 0
            report_id = document_id(task.id, task.data)
            if report_id in self._held:
                twice.setdefault(report_id, [self._held[report_id].task]).append(task.id)
                continue
            text = task.data.get(self._control.text_key)
            self._held[report_id] = _Held(
                task.id, text_hash(text if isinstance(text, str) else ""), task.annotation_count > 0
            )
        for report_id, tasks in twice.items():
            message = f"tasks {', '.join(map(str, tasks))} of project {self._pushed.project}"
            message += " hold it; the first counts"
            self._enter_repair(report_id, "documents with several tasks", message)
        if has_predictions:
            for one in self._predictions:
                self._predicted |= self._tasks_with({one.model_version})

    def take(self, report: Report) -> None:
        """Send a report, sooner or later, or set it aside."""
        self._unused.discard(report.id)
        held = self._held.get(report.id)
        if held is not None and held.text_hash != text_hash(report.text):
            self._reject(
                report.id,
                "other_text",
                f"task {held.task} of project {self._pushed.project} holds another text under this "
                "id; give the report another id, or delete the task",
            )
            return
        foreign = self._lacking(report.spans or ())
        if foreign:
            self._reject(
                report.id,
                "bad_span",
                f"project {self._pushed.project} has no label {', '.join(foreign)}; it has "
                f"{', '.join(sorted(self._control.labels or ()))}",
            )
            return
        self._tell_left_out(report)
        predictions = list(self._predictions_of(report))
        if held is None:
            self._take_new(report, predictions)
        else:
            self._take_held(report, held, predictions)

    def _take_new(self, report: Report, predictions: Sequence[dict[str, Any]]) -> None:
        task = report_to_task(report, self._control, predictions)
        try:
            size = len(json.dumps(task, ensure_ascii=False, allow_nan=False).encode())
        except ValueError as error:
            self._reject(report.id, "bad_json", f"cannot be sent: {error}")
            return
        # Its number is not known yet, and not asked for: reports have one id each.
        if self._tasks and (
            len(self._tasks) >= _BATCH_TASKS or self._tasks_bytes + size > _BATCH_BYTES
        ):
            self._flush_tasks()
        self._tasks.append(task)
        self._tasks_bytes += size

    def _take_held(
        self, report: Report, held: _Held, predictions: Sequence[dict[str, Any]]
    ) -> None:
        self._pushed.present += 1
        if report.spans is not None and not held.annotated:
            result = spans_to_result(report.spans, report.text, self._control)
            self._client.create_annotation(held.task, result)
            self._pushed.annotated += 1
        for prediction in predictions:
            if (held.task, prediction["model_version"]) not in self._predicted:
                self._predicted.add((held.task, prediction["model_version"]))
                self._new_predictions.append({"task": held.task, **prediction})
                if len(self._new_predictions) >= _BATCH_TASKS:
                    self._flush_predictions()
        self._progress(1)

    def finish(self) -> None:
        """Send what is left, and let the project show the predictions."""
        self._flush_tasks()
        self._flush_predictions()
        for report_id in sorted(self._unused):
            self._enter_repair(report_id, "predictions without a report", "not sent")
        versions = [one.model_version for one in self._predictions]
        shown = [version for version in versions if version in self._sent_versions]
        if shown:
            try:
                self._client.show_predictions_of(self._pushed.project, shown[-1])
            except ServerProblem as problem:
                self._pushed.notes.append(str(problem))

    def _predictions_of(self, report: Report) -> Iterator[dict[str, Any]]:
        """One of each version that says something of the report; of two the later one."""
        of_version = {one.model_version: one for one in self._predictions if report.id in one.spans}
        for one in of_version.values():
            spans = one.spans[report.id]
            try:
                Report(report.id, report.text, spans)
            except InvalidReport as error:
                message = f"the prediction is not of this text: {error}"
                self._ledger.enter(Rejection(one.file, None, report.id, error.reason, message))
                continue
            foreign = self._lacking(spans)
            if foreign:
                left_out = [span for span in spans if span.label in foreign]
                named = ", ".join(f"{span.label} {span.start}–{span.end}" for span in left_out)
                message = f"{named}: project {self._pushed.project} has no such label"
                self._enter_repair(report.id, "predicted spans left out", message)
                spans = tuple(span for span in spans if span.label not in foreign)
            yield spans_to_task_prediction(spans, report.text, one.model_version, self._control)

    def _lacking(self, spans: Iterable[Span]) -> list[str]:
        """The labels among those of `spans` that the project has not."""
        if self._control.labels is None:
            return []
        return sorted({span.label for span in spans} - self._control.labels)

    def _flush_tasks(self) -> None:
        batch, self._tasks, self._tasks_bytes = self._tasks, [], 0
        if batch:
            self._send_tasks(batch)

    def _send_tasks(self, batch: list[dict[str, Any]]) -> None:
        """Send a batch, or what the server takes of it."""
        refused, problem = self._offer(batch)
        if problem is not None and len(refused) == len(batch) > 1 and problem.status == 400:
            raise problem  # It is not this report or that: the server takes none of them.
        for task in refused:
            self._reject(task["data"]["id"], "refused", str(problem))

    def _offer(
        self, batch: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], ServerProblem | None]:
        """Send a batch; gives those that the server refuses, and with what words.

        A batch that is refused is halved until the tasks are alone that it is refused for.
        """
        try:
            self._send_once(batch)
        except ServerProblem as problem:
            if problem.status not in _REFUSED:
                raise
            if len(batch) == 1:
                return batch, problem
            middle = len(batch) // 2
            first, one = self._offer(batch[:middle])
            second, other = self._offer(batch[middle:])
            return first + second, one or other
        self._pushed.sent += len(batch)
        for task in batch:
            self._note_predictions(task.get("predictions", ()))
        self._progress(len(batch))
        return [], None

    def _send_once(self, batch: Sequence[dict[str, Any]]) -> None:
        project = self._pushed.project
        ids = {task["data"]["id"] for task in batch}
        arrived: list[int] = []

        def have_arrived() -> bool:
            new = list(self._client.list_tasks(project, after=self._newest))
            arrived[:] = [task.id for task in new if document_id(task.id, task.data) in ids]
            return len(arrived) >= len(batch)

        def send() -> None:
            arrived[:] = self._client.import_tasks(project, batch, batch_tasks=len(batch))

        self._settle(send, have_arrived)
        self._newest = max(self._newest, *arrived)

    def _flush_predictions(self) -> None:
        batch, self._new_predictions = self._new_predictions, []
        if not batch:
            return
        project = self._pushed.project
        sent = {(prediction["task"], prediction["model_version"]) for prediction in batch}

        def have_arrived() -> bool:
            return sent <= self._tasks_with({version for _, version in sent})

        self._settle(lambda: self._client.import_predictions(project, batch), have_arrived)
        self._note_predictions(batch)

    def _tasks_with(self, versions: set[str]) -> set[tuple[int, str]]:
        """The tasks that have predictions of these versions, with the version."""
        return {
            (task.id, version)
            for version in versions
            for task in self._client.list_tasks(self._pushed.project, model_version=version)
            if version in task.model_versions  # The server looks for parts of names.
        }

    def _note_predictions(self, sent: Sequence[Mapping[str, Any]]) -> None:
        self._pushed.predicted += len(sent)
        self._sent_versions |= {str(prediction["model_version"]) for prediction in sent}

    def _settle(self, send: Callable[[], None], have_arrived: Callable[[], bool]) -> None:
        """Send, and where no clear answer comes, wait for what was sent to arrive."""
        try:
            send()
        except ServerProblem as problem:
            if not problem.may_have_acted:
                raise
            wait = 0.0 if problem.status in _ENDED else self._settle_seconds
            if not _comes_true(have_arrived, wait):
                raise

    def _tell_left_out(self, report: Report) -> None:
        if any(further_keys(span) for span in report.spans or ()):
            message = "a region has no place for them"
            self._enter_repair(report.id, "span keys left out", message)
        key = self._control.text_key
        if key in report.fields:
            message = f"{key}: the project keeps the text there"
            self._enter_repair(report.id, "keys left out", message)

    def _reject(self, report_id: str, reason: Reason, message: str) -> None:
        self._ledger.enter(Rejection("", None, report_id, reason, message))
        self._progress(1)

    def _enter_repair(self, report_id: str, kind: str, message: str) -> None:
        self._ledger.enter(Repair("", None, report_id, kind, message))


def _comes_true(question: Callable[[], bool], seconds: float) -> bool:
    """Ask until the answer is yes, for so long; a server that does not answer has not said no."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if question():
                return True
        except ServerProblem as problem:
            if not problem.may_have_acted:
                return False  # It is down, or will not tell.
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(_LATER_SECONDS, left))
