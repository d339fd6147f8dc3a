"""What is shown beside the reports that are pushed: a model's predictions, or several people's.

They come from a file of predictions, or stand in the Label Studio tasks that are pushed: so do, for
one, the spans of each annotator in tasks of `annotation adjudicate`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from annotation.files import UNREADABLE
from annotation.formats import ReadOptions
from annotation.formats.jsonl import read_predictions
from annotation.formats.label_studio import MODEL_FIELD, read_every_prediction
from annotation.formats.source import Source, find_sources
from annotation.ledger import Ledger, Record
from annotation.report import Report, Span

_TASKS_FORMAT = "label-studio"


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model says of reports, to be shown to those who annotate them."""

    file: str
    spans: Mapping[str, tuple[Span, ...]]
    """By the reports' ids."""
    model_version: str


def read_pushed_predictions(path: str | Path, model_version: str | None = None) -> Predictions:
    """Predictions and the version of their model: as named, else as `PATH.run.json` has it.

    Where nothing tells it, the file's name stands for it. Raises UserError for a broken file.
    """
    spans = read_predictions(path)
    version = model_version or _model_of_run(Path(f"{path}.run.json"))
    return Predictions(str(path), spans, version or _name_of(path))


def _model_of_run(path: Path) -> str | None:
    try:
        model = json.loads(path.read_text("utf-8")).get("model")
    except (OSError, ValueError, AttributeError):
        return None
    return model[:12] if isinstance(model, str) and model else None


def read_task_predictions(
    sources: Sequence[str | Path], options: ReadOptions, ledger: Ledger
) -> list[Predictions]:
    """The predictions that stand whole in the Label Studio tasks among `sources`, by version.

    The one that ends the first task comes last: that is the one which Label Studio shows when it
    imports such a file itself. What cannot be a prediction is entered. Of standard input, which is
    read once, there are none.
    """
    spans: dict[str, dict[str, tuple[Span, ...]]] = {}
    file_of: dict[str, str] = {}
    first_task, shown = "", ""
    for source in find_sources(sources, options.format)[0]:
        if source.format != _TASKS_FORMAT or source.path is None:
            continue
        for record in _every_prediction(source, options):
            if not isinstance(record, Report):
                ledger.enter(record)
                continue
            version = str(record.fields.get(MODEL_FIELD) or _name_of(source.path))
            spans.setdefault(version, {})[record.id] = record.spans or ()
            file_of.setdefault(version, source.name)
            first_task = first_task or record.id
            shown = version if record.id == first_task else shown
    versions = sorted(spans, key=lambda version: version == shown)
    return [Predictions(file_of[version], spans[version], version) for version in versions]


def _every_prediction(source: Source, options: ReadOptions) -> Iterator[Record]:
    # Those who read the reports tell that the file is damaged.
    with suppress(*UNREADABLE):
        yield from read_every_prediction(source, options)


def _name_of(path: str | Path) -> str:
    return Path(path).name.partition(".")[0]
