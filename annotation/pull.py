"""Reports from a Label Studio project, as people annotated them: what changed since the last pull.

The first pull takes all tasks. Beside its output it leaves a small file that says which tasks there
were and when each was changed last; the next pull asks for those that were changed since, and puts
them in the place of the earlier ones.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from annotation.files import sha256_of_file, write_json
from annotation.formats import ReadOptions, read_records, write_reports
from annotation.formats.ids import IdSet
from annotation.formats.label_studio import TASK_FIELD, read_label_studio
from annotation.formats.reading import READERS
from annotation.formats.source import Source
from annotation.formats.spans import describe as describe_value
from annotation.formats.writing import STANDARD_OUTPUT, WRITTEN_FORMATS, written_format
from annotation.label_studio_client import LabelStudioClient, Project
from annotation.label_studio_config import find_text_key, span_controls
from annotation.label_studio_tasks import (
    ID_KEY,
    data_hash,
    document_id,
    sent_hash,
    text_hash,
)
from annotation.ledger import Ledger, Record
from annotation.problems import Rejection, Repair, UserError
from annotation.report import Report
from annotation.task_links import PULL_STATE

_OF_THE_PROJECT = ("url", "project", "text_column")
_READ_BACK = ("jsonl", "parquet", "conll", "label-studio")
"""What is written in these can be read again as it was; CSV is a table of spans."""
_ANYBODY = (None, "all", "first", "majority")
_OVERLAP = timedelta(minutes=10)
"""A change is stamped before it is stored: one that was long in storing may carry an older time
than others that were seen. Tasks seen as they are now are known by their own time, and not asked
for again."""


@dataclass(frozen=True, slots=True)
class PullOptions:
    """What a pull may be told about the project's tasks."""

    text_column: str | None = None
    """The key of the text in a task's data; None: told by the project's configuration."""
    id_column: str = ID_KEY
    annotators: str | None = None
    """Whose spans to take of tasks that several people annotated: all, first, majority, a name."""


@dataclass(slots=True)
class Pulled:
    """What a pull did."""

    reports: int = 0
    """In the output now."""
    changed: int = 0
    """Tasks that were exported: on a first pull all."""
    incremental: bool = False
    notes: list[str] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    """What was set aside, and what the server or people at work there changed."""


@dataclass(slots=True)
class _State:
    """What the last pull saw."""

    settings: Mapping[str, Any]
    """Server, project and options: another pull's state is of no use."""
    output: str = ""
    """SHA-256 of the output as it was written."""
    seen: dict[int, datetime] = field(default_factory=dict)
    """When each task that is in the output was changed last."""
    texts: dict[int, str] = field(default_factory=dict)
    """The hash of the text that spans are marked in, of tasks that were not sent with it."""
    again: set[int] = field(default_factory=set)
    """Tasks that were set aside, and are looked at each time until they are mended."""

    @property
    def known(self) -> set[int]:
        """All tasks that there were."""
        return set(self.seen) | self.again


def pull_reports(
    client: LabelStudioClient,
    project: int,
    output: str | Path,
    options: PullOptions | None = None,
    *,
    output_format: str | None = None,
    everything: bool = False,
) -> Pulled:
    """Bring `output` to the state of the project.

    `everything` takes all tasks even where only some have changed. Raises UserError, and leaves
    `output` and what lies beside it as they were, where the server fails or something has to be
    chosen first.
    """
    options = options or PullOptions()
    output_format = _checked_format(output, output_format)
    pulled = Pulled(notes=client.unfamiliar_version())
    opened = client.get_project(project)
    text_key = find_text_key(opened, options.text_column)
    settings = {
        "url": client.url,
        "project": project,
        "text_column": text_key,
        "id_column": options.id_column,
        "annotators": options.annotators,
        "format": output_format,
    }
    last, earlier, said = _last_pull(output, settings, everything)
    pulled.notes += said
    pulled.incremental = bool(last.output)

    wanted: list[int] | None = None
    gone: set[int] = set()
    if pulled.incremental:
        wanted, gone = _changed(client, opened, last)
    tasks = _export(client, project, wanted)
    pulled.changed = len(tasks)
    reader = _TaskReader(opened, text_key, options, last)
    reader.read(tasks)
    replaced = gone | set(wanted or ()) | {task["id"] for task in tasks}
    reports = reader.merge(earlier, replaced, gone)
    # Only here, where nothing of the server's can fail any more, what lies there is touched.
    with Ledger.beside(output) as pulled.ledger:
        for entry in reader.told:
            pulled.ledger.enter(entry)
        pulled.reports = write_reports(reports, output, output_format, pulled.ledger)
    if str(output) != STANDARD_OUTPUT:
        _write_state(Path(output), reader.state(replaced, gone, tasks))
    return pulled


def describe(pulled: Pulled, output: str | Path) -> list[str]:
    """What a pull did, a line each."""
    which = "changed since the last pull" if pulled.incremental else "in the project"
    return [*pulled.notes, f"{pulled.changed} tasks {which}; {pulled.reports} reports in {output}"]


def _checked_format(output: str | Path, output_format: str | None) -> str:
    told = output_format or written_format(output)
    choices = [name for name in WRITTEN_FORMATS if name in READERS and "predictions" not in name]
    if told not in choices:
        raise UserError(f"--to {told}: a pull writes one of {', '.join(choices)}")
    return told


def _last_pull(
    output: str | Path, settings: Mapping[str, Any], everything: bool
) -> tuple[_State, list[Report], list[str]]:
    """The last pull's state and its reports; else a state without tasks, and why it is so."""
    nothing = _State(settings)
    path = Path(f"{output}{PULL_STATE}")
    if str(output) == STANDARD_OUTPUT or not path.is_file():
        return nothing, [], []
    state = _read_state(path)
    if state is None or any(state.settings.get(key) != settings[key] for key in _OF_THE_PROJECT):
        return nothing, [], [f"all tasks are pulled: {path} is of another pull"]
    # What texts were before counts, however much is pulled.
    nothing.texts = state.texts
    if everything or not Path(output).is_file() or settings["format"] not in _READ_BACK:
        return nothing, [], []
    if settings["annotators"] not in _ANYBODY:
        # Whether there is anybody of that name, only all tasks can tell.
        return nothing, [], ["all tasks are pulled, since spans of one person are asked for"]
    if state.settings != settings:
        return nothing, [], [f"all tasks are pulled: {path} is of a pull with other options"]
    if sha256_of_file(Path(output)) != state.output:
        return nothing, [], [f"all tasks are pulled: {output} was changed since the last pull"]
    ledger = Ledger()
    reports = list(ledger.sort(read_records([output], ReadOptions(format=str(settings["format"])))))
    numbers = {report.fields.get(TASK_FIELD) for report in reports}
    if ledger.rejected or not numbers <= state.known:
        return nothing, [], [f"all tasks are pulled: {output} does not hold its tasks' numbers"]
    return state, reports, []


def _changed(
    client: LabelStudioClient, project: Project, last: _State
) -> tuple[list[int], set[int]]:
    """The tasks to export, and those that are gone."""
    since = max(last.seen.values(), default=datetime.fromtimestamp(0, UTC)) - _OVERLAP
    listed = {task.id: task for task in client.list_tasks(project.id, changed_since=since)}
    changed = {
        number for number, task in listed.items() if last.seen.get(number) != task.updated_at
    }
    # What is not known was made since and is listed: so the count tells whether all are there.
    if len(last.known | set(listed)) == project.task_count:
        return sorted(changed | last.again), set()
    there = {task.id for task in client.list_tasks(project.id)}
    return sorted((changed | last.again | there - last.known) & there), last.known - there


def _export(
    client: LabelStudioClient, project: int, wanted: Sequence[int] | None
) -> list[dict[str, Any]]:
    if wanted is not None and not wanted:
        return []
    with TemporaryDirectory(prefix="rasd-pull-") as folder:
        path = Path(folder) / "export.json"
        client.export_project(project, path, tasks=wanted, with_predictions=False, with_people=True)
        tasks: list[dict[str, Any]] = json.loads(path.read_bytes())
    if wanted is not None:
        chosen = set(wanted)
        tasks = [task for task in tasks if task["id"] in chosen]
    return sorted(tasks, key=lambda task: int(task["id"]))


class _TaskReader:
    """Tasks of an export become reports; what people cannot have meant so is set aside."""

    def __init__(self, project: Project, text_key: str, options: PullOptions, last: _State) -> None:
        self._name = f"project {project.id}"
        self._text_key = text_key
        self._options = options
        self._last = last
        controls = span_controls(project)
        self._shown = {one.to_name for one in controls if one.text_key == text_key}
        self._others = {one.to_name for one in controls} - self._shown
        self.reports: list[Report] = []
        self.told: list[Rejection | Repair] = []
        self.set_aside: set[int] = set()
        """Tasks of which something was set aside."""
        self._texts: dict[int, str] = {}
        self._numbers: dict[str, set[int]] = {}
        """Of the tasks, by their documents' ids."""

    def read(self, tasks: Sequence[dict[str, Any]]) -> None:
        """Sort the tasks of an export."""
        whole = [task for task in tasks if self._is_as_it_was(task)]
        for task in whole:
            task["data"].pop(TASK_FIELD, None)  # Of another project, from a report pulled there.
            self._name_the_text(task)
            report_id = document_id(task["id"], task["data"], self._options.id_column)
            self._numbers.setdefault(report_id, set()).add(task["id"])
        for record in self._records(whole):
            if isinstance(record, Report):
                self.reports.append(record)
                continue
            self.told.append(record)
            if isinstance(record, Rejection) and record.id is not None:
                self.set_aside |= self._tasks_of(record.id)

    def merge(self, earlier: Sequence[Report], replaced: Set[int], gone: Set[int]) -> list[Report]:
        """The reports by the numbers of their tasks, with what was read in the place of `replaced`.

        Of several with one id the first is kept.
        """
        for report in earlier:
            number = report.fields[TASK_FIELD]
            if number in gone:
                message = f"task {number} is gone; so is its report now"
                self._repair(report.id, "tasks deleted", message)
        kept = [report for report in earlier if report.fields[TASK_FIELD] not in replaced]
        merged = sorted([*kept, *self.reports], key=lambda report: int(report.fields[TASK_FIELD]))
        ids = IdSet()
        unique = []
        for report in merged:
            number = report.fields[TASK_FIELD]
            if ids.add(report.id, f"task {number}"):
                unique.append(report)
                continue
            first = ids.place_of(report.id)
            message = f"task {number} has the id of {first}, which is kept; delete one of them"
            self.told.append(Rejection(self._name, None, report.id, "duplicate_id", message))
            self.set_aside.add(number)
        return unique

    def state(
        self, replaced: Set[int], gone: Set[int], tasks: Iterable[Mapping[str, Any]]
    ) -> _State:
        """What the next pull has to know, but for the output."""
        last, again = self._last, (self._last.again - replaced) | self.set_aside
        seen = {number: at for number, at in last.seen.items() if number not in replaced}
        seen |= {task["id"]: _instant(task["updated_at"]) for task in tasks}
        texts = {number: of for number, of in last.texts.items() if number not in gone}
        return _State(
            last.settings,
            seen={number: at for number, at in seen.items() if number not in again},
            texts=texts | self._texts,
            again=again,
        )

    def _is_as_it_was(self, task: Mapping[str, Any]) -> bool:
        """Whether a task's text is the one that its spans were marked in, as far as it is known."""
        number, data = int(task["id"]), task["data"]
        if not isinstance(data, dict):
            message = f"data is {describe_value(data)}, expected an object"
            self.told.append(Rejection(self._name, None, str(number), "no_text", message))
            self.set_aside.add(number)
            return False
        text = data.get(self._text_key)
        if not isinstance(text, str):
            return True  # The reader says so.
        report_id = document_id(number, data, self._options.id_column)
        found, sent = text_hash(text), sent_hash(task.get("meta"), "text")
        before = self._last.texts.get(number) or sent or found
        told = sent_hash(task.get("meta"), "data")
        if told is not None and told != data_hash(data, self._text_key):
            message = f"task {number} holds others than were sent"
            self._repair(report_id, "further keys changed on the server", message)
        if before != found:
            message = f"the text of task {number} is another than before"
            if any(not one.get("was_cancelled") for one in task.get("annotations") or ()):
                message += ": what was marked in it may lie elsewhere; put the text back, or "
                message += "delete the task and push the report with its new text"
                self.told.append(Rejection(self._name, None, report_id, "other_text", message))
                self.set_aside.add(number)
                found = before
            else:
                message += "; nobody has annotated it"
                self._repair(report_id, "texts changed on the server", message)
        if found != sent:
            self._texts[number] = found
        return number not in self.set_aside

    def _name_the_text(self, task: dict[str, Any]) -> None:
        """Let regions name the text as reports do, and leave out those of other texts."""
        left_out = 0
        for annotation in task.get("annotations") or ():
            result = annotation.get("result")
            if not isinstance(result, list):
                continue
            kept = []
            for region in result:
                name = region.get("to_name") if isinstance(region, dict) else None
                if name in self._others:
                    left_out += 1
                    continue
                kept.append(region | {"to_name": self._text_key} if name in self._shown else region)
            annotation["result"] = kept
        if left_out:
            report_id = document_id(task["id"], task["data"], self._options.id_column)
            message = f"{left_out} regions are of another text of the task"
            self._repair(report_id, "regions of another text left out", message)

    def _records(self, tasks: Sequence[Mapping[str, Any]]) -> Iterator[Record]:
        with TemporaryDirectory(prefix="rasd-pull-") as folder:
            path = Path(folder) / "tasks.json"
            path.write_text(json.dumps(tasks), "utf-8")
            source = Source(self._name, path, "label-studio", self._name)
            options = ReadOptions(
                text_column=self._text_key,
                id_column=self._options.id_column,
                annotators=self._options.annotators,
            )
            for _, record in read_label_studio(source, options):
                yield record

    def _tasks_of(self, report_id: str) -> set[int]:
        """Of which tasks a report was read: its id may be a document's and an annotator's."""
        parts = report_id.split("@")
        for length in range(len(parts), 0, -1):
            numbers = self._numbers.get("@".join(parts[:length]))
            if numbers:
                return numbers
        return set()

    def _repair(self, report_id: str, kind: str, message: str) -> None:
        self.told.append(Repair(self._name, None, report_id, kind, message))


def _instant(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


def _read_state(path: Path) -> _State | None:
    """None for a file that is none of ours."""
    try:
        content = json.loads(path.read_text("utf-8"))
        return _State(
            content["settings"],
            content["output"],
            {int(number): _instant(at) for number, at in content["seen"].items()},
            {int(number): str(of) for number, of in content["texts"].items()},
            set(content["again"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_state(output: Path, state: _State) -> None:
    write_json(
        {
            "settings": state.settings,
            "output": sha256_of_file(output),
            "seen": {str(number): at.isoformat() for number, at in sorted(state.seen.items())},
            "texts": {str(number): of for number, of in sorted(state.texts.items())},
            "again": sorted(state.again),
        },
        Path(f"{output}{PULL_STATE}"),
    )
