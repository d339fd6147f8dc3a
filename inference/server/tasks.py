"""Label Studio's tasks become reports, and what was found in them its results."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.label_studio_config import SpanControl
from annotation.label_studio_tasks import spans_to_task_prediction
from annotation.problems import Rejection
from annotation.report import InvalidReport, Report, Span
from inference.server.labelling import takes
from inference.server.prediction_queue import Outcome


@dataclass(slots=True)
class TaskReports:
    """The texts of a request's tasks; a task can have several, or none."""

    tasks: int
    """How many were sent."""
    reports: list[Report] = field(default_factory=list)
    places: list[tuple[int, str]] = field(default_factory=list)
    """For each report the index of its task, and the name of the `<Text>` that shows it."""
    unread: Counter[str] = field(default_factory=Counter)
    """By reason, the texts that there should be and that no model can read."""


@dataclass(slots=True)
class TaskResults:
    """What goes back: a result for each task, and what is not in them."""

    results: list[dict[str, Any]]
    unread: Counter[str]
    left_out: Counter[str]
    """By label, the spans whose label the project lacks."""


def tasks_to_reports(tasks: Sequence[object], controls: Sequence[SpanControl]) -> TaskReports:
    """The texts that can be read, and a count of the others."""
    found = TaskReports(len(tasks))
    texts = dict.fromkeys((control.to_name, control.text_key) for control in controls)
    for index, task in enumerate(tasks):
        data = task.get("data") if isinstance(task, Mapping) else None
        for to_name, key in texts:
            content: Any = data.get(key) if isinstance(data, Mapping) else None
            try:
                found.reports.append(Report(str(index), content))
                found.places.append((index, to_name))
            except InvalidReport as error:
                found.unread[error.reason] += 1
    return found


def outcomes_to_results(
    found: TaskReports,
    outcomes: Sequence[Outcome],
    controls: Sequence[SpanControl],
    model_version: str,
) -> TaskResults:
    """One result for each task, in order: `{"result": []}` for one that was not read.

    A span goes to the first control of its text that has its label. The score of a result is that
    of its least sure span.
    """
    results: list[dict[str, Any]] = [{"result": []} for _ in range(found.tasks)]
    unread, left_out = found.unread.copy(), Counter[str]()
    for (index, to_name), outcome in zip(found.places, outcomes, strict=True):
        if isinstance(outcome, Rejection):
            unread[outcome.reason] += 1
            continue
        result = results[index]
        result["model_version"] = model_version
        remaining = list(outcome.spans or ())
        for control in controls:
            if control.to_name == to_name:
                taken = [span for span in remaining if takes(control, span.label)]
                remaining = [span for span in remaining if not takes(control, span.label)]
                _add(result, taken, outcome.text, model_version, control)
        left_out.update(span.label for span in remaining)
    return TaskResults(results, unread, left_out)


def _add(
    result: dict[str, Any],
    spans: Sequence[Span],
    text: str,
    model_version: str,
    control: SpanControl,
) -> None:
    if not spans:
        return
    prediction = spans_to_task_prediction(spans, text, model_version, control)
    for region, span in zip(prediction["result"], spans, strict=True):
        # Unique in a task of several texts too: of two regions with one id Label Studio drops the
        # second.
        named = {"id": f"{control.to_name}-{span.start}-{span.end}"}
        result["result"].append(region | named)
    result["score"] = min(result.get("score", 1.0), prediction["score"])
