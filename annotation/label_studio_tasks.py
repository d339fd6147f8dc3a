"""Reports ↔ the tasks of a Label Studio project: what a task carries so that it can be known again.

The document's id stands in a task's data, since the server numbers tasks anew. The hashes of what
was sent stand in its `meta`, which no annotator sees: so it can be told later whether the text that
spans were marked in is still the same.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from annotation.formats.label_studio import (
    TASK_FIELD,
    bare_task,
    span_to_region,
    spans_to_prediction,
)
from annotation.formats.rows import parse_id
from annotation.label_studio_config import SpanControl
from annotation.labels import TEXT_NAME
from annotation.report import InvalidReport, Report, Span

ID_KEY = "id"
"""The key of the document's id in a task's data."""
_META_KEY = "rasd"


def report_to_task(
    report: Report, control: SpanControl, predictions: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The task of a report, with its spans as an annotation where somebody has looked."""
    data = bare_task(report)["data"]
    data.pop(TASK_FIELD, None)
    data[control.text_key] = data.pop(TEXT_NAME)
    hashes = {"text": text_hash(report.text), "data": data_hash(data, control.text_key)}
    task: dict[str, Any] = {"data": data, "meta": {_META_KEY: hashes}}
    if report.spans is not None:
        task["annotations"] = [{"result": spans_to_result(report.spans, report.text, control)}]
    if predictions:
        task["predictions"] = list(predictions)
    return task


def spans_to_result(spans: Sequence[Span], text: str, control: SpanControl) -> list[dict[str, Any]]:
    """The regions of an annotation."""
    return [_under(control, span_to_region(span, text)) for span in spans]


def spans_to_task_prediction(
    spans: Sequence[Span], text: str, model_version: str, control: SpanControl
) -> dict[str, Any]:
    """A prediction, for the task that holds `text`."""
    prediction = spans_to_prediction(spans, text, model_version)
    prediction["result"] = [_under(control, region) for region in prediction["result"]]
    return prediction


def _under(control: SpanControl, region: dict[str, Any]) -> dict[str, Any]:
    return region | {"from_name": control.from_name, "to_name": control.to_name}


def document_id(task_number: int, data: Mapping[str, Any], key: str = ID_KEY) -> str:
    """The id by which a task is read: its document's, or its number where it carries none."""
    try:
        return parse_id(data.get(key)) or str(task_number)
    except InvalidReport:
        return str(task_number)


def text_hash(text: str) -> str:
    """Hex digest of the text's UTF-8; a lone surrogate counts as itself."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def data_hash(data: Mapping[str, Any], text_key: str) -> str:
    """Hex digest of what a task holds beside the text."""
    others = {key: value for key, value in data.items() if key != text_key}
    return text_hash(json.dumps(others, ensure_ascii=False, sort_keys=True))


def sent_hash(meta: object, of: str) -> str | None:
    """The hash of `text` or `data` that a task was sent with; None for the tasks of others."""
    hashes = meta.get(_META_KEY) if isinstance(meta, Mapping) else None
    found = hashes.get(of) if isinstance(hashes, Mapping) else None
    return found if isinstance(found, str) else None
