"""Label Studio's JSON: tasks with annotations, as it exports them, or with predictions."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import IO, Any

from annotation.formats.annotators import (
    ANNOTATOR_FIELD,
    DOCUMENT_FIELD,
    Annotator,
    annotator_of,
    check_choice,
    made_when,
    majority,
)
from annotation.formats.decoding import decode, numbered_lines
from annotation.formats.options import ReadOptions
from annotation.formats.regions import SPAN_TYPE, Marked, fit, regions_to_spans
from annotation.formats.rows import OWN_KEYS, check_whole_characters, parse_id
from annotation.formats.source import Source
from annotation.formats.spans import describe, further_keys
from annotation.labels import CONTROL_NAME, TEXT_NAME
from annotation.ledger import Ledger, Record
from annotation.problems import Rejection, Repair, UserError
from annotation.report import InvalidReport, Report, Span, check_text

TASK_FIELD = "label_studio_task"
"""The field of a report that holds the number of its task."""
MODEL_FIELD = "model_version"
"""The field of a predicted report that holds what Label Studio knows the model by."""

Json = Mapping[str, Any]
Located = tuple[int | None, Record]


def read_label_studio(source: Source, options: ReadOptions) -> Iterator[Located]:
    """The reports of an export, with what people marked.

    A task that nobody annotated has `spans` None; an annotation without regions says that there
    is nothing to find. Raises UserError where several people annotated a task and
    `options.annotators` does not say whose spans to take.
    """

    def annotators_of_task(task: object) -> list[Annotator]:
        return [annotator_of(annotation) for annotation in _valid_annotations(task)]

    def records_of_task(task: Json, report: Report) -> Iterator[Record]:
        people, repairs = _latest_of_each(task)
        for kind, message in repairs:
            yield Repair(source.name, None, report.id, kind, message)
        for identified, marked in _chosen(people, report, options):
            yield from _with_spans(identified, marked, source)

    try:
        tasks = _load_tasks(source, options)
    except InvalidReport as error:
        yield None, Rejection(source.name, None, None, error.reason, str(error))
        return
    if options.with_spans:
        check_choice(options.annotators, map(annotators_of_task, tasks), source.name)
    yield from _read_tasks(tasks, source, options, records_of_task)


def read_label_studio_predictions(source: Source, options: ReadOptions) -> Iterator[Located]:
    """The reports of tasks with the spans, scores and model of each task's newest prediction."""

    def records_of_task(task: Json, report: Report) -> Iterator[Record]:
        predictions = _list_of(task, "predictions")
        whole = [prediction for prediction in predictions if isinstance(prediction, Mapping)]
        if not whole:
            if predictions:
                message = "the export holds numbers in their place: export them whole"
                yield Repair(source.name, None, report.id, "predictions left out", message)
            yield report
            return
        yield from _predicted(report, max(whole, key=made_when), source, options)

    try:
        tasks = _load_tasks(source, options)
    except InvalidReport as error:
        yield None, Rejection(source.name, None, None, error.reason, str(error))
        return
    yield from _read_tasks(tasks, source, options, records_of_task)


def read_every_prediction(source: Source, options: ReadOptions) -> Iterator[Record]:
    """A report for each prediction that stands whole in a task, in their order there.

    Tasks that cannot be read are passed over: they are told where the reports are read.
    """

    def records_of_task(task: Json, report: Report) -> Iterator[Record]:
        for prediction in _list_of(task, "predictions"):
            if isinstance(prediction, Mapping):
                yield from _predicted(report, prediction, source, options)

    try:
        tasks = _load_tasks(source, options)
    except InvalidReport:
        return
    for _, record in _read_tasks(tasks, source, options, records_of_task):
        if not isinstance(record, Rejection) or record.reason == "bad_span":
            yield record


def _predicted(
    report: Report, prediction: Json, source: Source, options: ReadOptions
) -> Iterator[Record]:
    fields = dict(report.fields)
    if prediction.get("model_version") is not None:
        fields[MODEL_FIELD] = prediction["model_version"]
    identified = Report(report.id, report.text, None, fields)
    marked = regions_to_spans(
        prediction.get("result"), report.text, options.text_column, scored=True
    )
    yield from _with_spans(identified, marked, source)


def _load_tasks(source: Source, options: ReadOptions) -> list[object]:
    """The tasks of a file. Raises InvalidReport for a broken one, UserError for JSON_MIN."""
    with source.open() as stream:
        content = decode(
            b"".join(line for _, line in numbered_lines(stream)), options.encoding, "file"
        )
    try:
        tasks = json.loads(content)
    except json.JSONDecodeError as error:
        hint = "; for a report a line give --from jsonl" if error.msg == "Extra data" else ""
        message = f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}{hint}"
        raise InvalidReport("bad_json", [message]) from None
    except (ValueError, RecursionError) as error:
        raise InvalidReport("bad_json", [f"not JSON that can be read: {error}"]) from None
    if isinstance(tasks, dict) and "data" in tasks:
        tasks = [tasks]
    if not isinstance(tasks, list):
        message = f"{describe(tasks)}, expected the list of tasks that Label Studio exports"
        raise InvalidReport("bad_json", [message])
    if any(isinstance(task, dict) and "annotation_id" in task for task in tasks):
        raise UserError(
            f"{source.name}: a JSON_MIN export of Label Studio, which leaves out what cannot be "
            "told without it (cancelled annotations, task ids); export as JSON"
        )
    return tasks


def _read_tasks(
    tasks: Sequence[object],
    source: Source,
    options: ReadOptions,
    records_of_task: Callable[[Json, Report], Iterator[Record]],
) -> Iterator[Located]:
    for position, task in enumerate(tasks, 1):
        report_id = None
        try:
            if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
                message = f"task {position} is {describe(task)}, expected an object with data"
                raise InvalidReport("bad_json", [message])
            check_whole_characters({key: task[key] for key in task if key != "data"})
            report_id = parse_id(task["data"].get(options.id_column)) or parse_id(task.get("id"))
            report_id = report_id or f"{source.name}:{position}"
            report = _bare_report(task, report_id, options)
        except InvalidReport as error:
            message = str(error)
            yield None, Rejection(source.name, None, report_id, error.reason, message)
            continue
        if options.with_spans:
            for record in records_of_task(task, report):
                yield None, record
        else:
            yield None, report


def _bare_report(task: Json, report_id: str, options: ReadOptions) -> Report:
    """The report of a task before anybody's spans."""
    data = task["data"]
    key = _text_key(task, options)
    check_text(data.get(key))
    check_whole_characters(data)
    fields = {}
    if type(task.get("id")) is int:
        fields[TASK_FIELD] = task["id"]
    for name, value in data.items():
        if name not in (key, options.id_column):
            fields[f"other_{name}" if name in OWN_KEYS else name] = value
    return Report(report_id, data[key], None, fields)


def _text_key(task: Json, options: ReadOptions) -> str:
    """The key of the text: the one named, else the only string, if the regions are of it."""
    data = task["data"]
    strings = [
        key for key, value in data.items() if isinstance(value, str) and key != options.id_column
    ]
    if options.text_column in data or len(strings) != 1:
        return options.text_column
    regions = [
        region
        for made in (*_list_of(task, "annotations"), *_list_of(task, "predictions"))
        if isinstance(made, Mapping)
        for region in _list_of(made, "result")
    ]
    fits = not regions or fit(regions, data[strings[0]]) > 0
    return strings[0] if fits else options.text_column


def _list_of(task: Json, key: str) -> list[Any]:
    value = task.get(key)
    return value if isinstance(value, list) else []


def _valid_annotations(task: object) -> list[Json]:
    """The annotations of a task that were not cancelled."""
    made = _list_of(task, "annotations") if isinstance(task, Mapping) else []
    return [one for one in made if isinstance(one, Mapping) and not one.get("was_cancelled")]


def _latest_of_each(task: Json) -> tuple[list[Json], list[tuple[str, str]]]:
    """Each person's latest annotation, the earliest first, and what was left out for it."""
    valid = _valid_annotations(task)
    repairs = []
    cancelled = len(_list_of(task, "annotations")) - len(valid)
    if cancelled:
        repairs.append(("cancelled annotations left out", f"{cancelled} of the task's"))
    by_person = sorted(valid, key=lambda one: (annotator_of(one).name, made_when(one)))
    latest = [
        list(made)[-1] for _, made in groupby(by_person, key=lambda one: annotator_of(one).name)
    ]
    if len(latest) < len(valid):
        message = f"{len(valid) - len(latest)}, of people who annotated the task again later"
        repairs.append(("earlier annotations left out", message))
    return sorted(latest, key=made_when), repairs


def _chosen(
    annotations: Sequence[Json], report: Report, options: ReadOptions
) -> Iterator[tuple[Report, Marked | None]]:
    """The report, or with `all` a report for each annotator, with what was marked in it."""

    def read(annotation: Json) -> Marked:
        return regions_to_spans(annotation.get("result"), report.text, options.text_column)

    choice = options.annotators
    if choice == "all" and annotations:
        for annotation in annotations:
            name = annotator_of(annotation).name
            fields = {**report.fields, ANNOTATOR_FIELD: name, DOCUMENT_FIELD: report.id}
            yield Report(f"{report.id}@{name}", report.text, None, fields), read(annotation)
    elif choice == "majority" and annotations:
        yield report, majority([read(annotation) for annotation in annotations])
    else:
        if choice not in (None, "all", "first", "majority"):
            annotations = [one for one in annotations if annotator_of(one).is_called(choice)]
        yield report, read(annotations[0]) if annotations else None


def _with_spans(report: Report, marked: Marked | None, source: Source) -> Iterator[Record]:
    if marked is None:
        yield report
        return
    for kind, message in marked.repairs:
        yield Repair(source.name, None, report.id, kind, message)
    if marked.problems:
        message = "; ".join(marked.problems)
        yield Rejection(source.name, None, report.id, "bad_span", message)
    else:
        yield Report(report.id, report.text, marked.spans, report.fields)


def write_label_studio(reports: Iterable[Report], stream: IO[str], ledger: Ledger) -> int:
    """Write tasks for import, with an annotation where somebody has looked."""

    def task_of(report: Report) -> dict[str, Any]:
        task = bare_task(report)
        if report.spans is not None:
            result = [span_to_region(span, report.text) for span in report.spans]
            task["annotations"] = [{"result": result}]
        return task

    return write_tasks(map(task_of, _telling(reports, ledger)), stream)


def write_label_studio_predictions(
    reports: Iterable[Report], stream: IO[str], ledger: Ledger
) -> int:
    """Write tasks for import, with a prediction whose score is that of its least sure span."""

    def task_of(report: Report) -> dict[str, Any]:
        task = bare_task(report)
        version = task["data"].pop(MODEL_FIELD, None)
        if report.spans is not None:
            task["predictions"] = [spans_to_prediction(report.spans, report.text, version)]
        return task

    return write_tasks(map(task_of, _telling(reports, ledger)), stream)


def spans_to_prediction(
    spans: Sequence[Span], text: str, model_version: str | None
) -> dict[str, Any]:
    """A prediction whose score is that of its least sure span."""
    prediction: dict[str, Any] = {}
    if model_version is not None:
        prediction["model_version"] = model_version
    scores = [span.score for span in spans if span.score is not None]
    if scores:
        prediction["score"] = min(scores)
    prediction["result"] = [
        span_to_region(span, text) | ({} if span.score is None else {"score": span.score})
        for span in spans
    ]
    return prediction


def _telling(reports: Iterable[Report], ledger: Ledger) -> Iterator[Report]:
    """The reports, with an entry for each that holds more than a task can."""
    for report in reports:
        if any(further_keys(span) for span in report.spans or ()):
            message = "a region has no place for them"
            ledger.enter(Repair("output", None, report.id, "span keys left out", message))
        yield report


def bare_task(report: Report) -> dict[str, Any]:
    """A task whose data carry the id: Label Studio numbers tasks anew on import."""
    fields = {key: value for key, value in report.fields.items() if key not in OWN_KEYS}
    number = fields.get(TASK_FIELD)
    task: dict[str, Any] = {}
    if type(number) is int:
        task["id"] = number
        del fields[TASK_FIELD]
    task["data"] = {TEXT_NAME: report.text, "id": report.id, **fields}
    return task


def span_to_region(span: Span, text: str) -> dict[str, Any]:
    """The region of a span, in a project with the configuration that is made here."""
    return {
        # Unique in the task, as spans do not overlap: of two equal ids the second would be lost.
        "id": f"span-{span.start}-{span.end}",
        "from_name": CONTROL_NAME,
        "to_name": TEXT_NAME,
        "type": SPAN_TYPE,
        "value": {
            "start": span.start,
            "end": span.end,
            "text": text[span.start : span.end],
            "labels": [span.label],
        },
    }


def write_tasks(tasks: Iterable[dict[str, Any]], stream: IO[str]) -> int:
    """Write a JSON list a task a line, without holding it whole."""
    written = 0
    stream.write("[")
    for task in tasks:
        stream.write(",\n" if written else "\n")
        stream.write(json.dumps(task, ensure_ascii=False))
        written += 1
    stream.write("\n]\n")
    return written
