"""The predictions of one shard, made of its part of the inputs and nothing else.

Whether an id was met in an earlier shard is not known here: that is for who puts the shards in
their order.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import IO, Any

from annotation.formats.jsonl import write_jsonl, write_predictions
from annotation.formats.options import ReadOptions
from annotation.formats.reading import read_source
from annotation.formats.stretch_reader import Contents
from annotation.ledger import Ledger, Record
from annotation.problems import Rejection, Repair
from annotation.report import Report
from inference.predictor import LEFT_OUT, UNCERTAINTY, BatchPredictor
from inference.review import DOUBTFUL, MISSED, listed_report
from inference.sharded.settings import RunSettings

SCORE_DECIMALS = 4

SHARD_FORMATS: Mapping[str, Callable[[Iterable[Report], IO[str], Ledger], int]] = {
    "predictions": write_predictions,
    "jsonl": write_jsonl,
}
"""Those that are a line a report, so that a repeated report can be left out afterwards."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A report that a person should look at."""

    report: str
    """Its line in the list."""
    prediction: str
    """Its line in the predictions beside the list."""
    spans: int
    """How many of its spans are in doubt."""
    without_spans: bool
    """Whether none was found in it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A report of a shard, and what became of it."""

    id: str
    file: str
    line: int | None
    prediction: str | None = None
    """Its line in the shard; None: the model failed on it, or its id stood in this shard before."""
    failure: str = ""
    """How the model failed."""
    listed: Listed | None = None
    """With `review_below`, and where there is something in doubt."""


ShardOutcome = tuple[Outcome | Rejection | Repair, ...]
"""All that a shard holds, in the order of the input."""


def predict_shard(
    predictor: BatchPredictor, contents: Iterable[Contents], settings: RunSettings
) -> ShardOutcome:
    """Predict the reports of a shard. The same contents give the same outcome."""
    met: list[Outcome | Rejection | Repair] = []
    first_of: dict[str, int] = {}
    """The index in `met` of the report with an id."""

    def reports() -> Iterator[Report]:
        for file, line, record in read_contents(contents, settings.options):
            if not isinstance(record, Report):
                met.append(record)
                continue
            met.append(Outcome(record.id, file, line))
            if record.id not in first_of:
                first_of[record.id] = len(met) - 1
                yield record

    failures: list[Rejection] = []
    predicted: list[str] = []
    listed: dict[str, Listed] = {}

    def predictions() -> Iterator[Report]:
        for report in predictor.predict(reports(), failures.append):
            predicted.append(report.id)
            rounded = round_scores(report)
            if settings.review_below is not None:
                doubted = listed_report(report, settings.review_below, predictor.calibration)
                if doubted is not None:
                    listed[report.id] = _listed(doubted, rounded)
            yield rounded

    stream = io.StringIO()
    SHARD_FORMATS[settings.output_format](predictions(), stream, Ledger())
    # JSON has no other line break than the one behind each line.
    lines = stream.getvalue().split("\n")[:-1]
    texts = dict(zip(predicted, lines, strict=True))
    told = {failure.id: failure.message for failure in failures}
    lost = first_of.keys() - texts.keys() - told.keys()
    if lost:
        raise RuntimeError(f"the predictor lost {len(lost)} reports, such as {min(lost)}")
    return tuple(
        replace(
            one,
            prediction=texts.get(one.id),
            failure=told.get(one.id, ""),
            listed=listed.get(one.id),
        )
        if isinstance(one, Outcome) and first_of[one.id] == index
        else one
        for index, one in enumerate(met)
    )


def _listed(doubted: Report, prediction: Report) -> Listed:
    fields = {**doubted.fields, UNCERTAINTY: prediction.fields[UNCERTAINTY]}
    fields[DOUBTFUL] = _round_spans(fields[DOUBTFUL])
    if MISSED in fields:
        fields[MISSED] = round(fields[MISSED], SCORE_DECIMALS)
    return Listed(
        _line(write_jsonl, replace(doubted, fields=fields)),
        _line(write_predictions, prediction),
        len(fields[DOUBTFUL]),
        MISSED in fields,
    )


def _line(write: Callable[[Iterable[Report], IO[str], Ledger], int], report: Report) -> str:
    stream = io.StringIO()
    write([report], stream, Ledger())
    return stream.getvalue().removesuffix("\n")


def read_contents(
    contents: Iterable[Contents], options: ReadOptions
) -> Iterator[tuple[str, int | None, Record]]:
    """The records of a shard, each with its file and line; ids are not compared."""
    for content in contents:
        if isinstance(content, Rejection):
            yield content.file, None, content
        else:
            for line, record in read_source(content, options):
                yield content.name, line, record


def round_scores(report: Report) -> Report:
    """The report with its scores and its uncertainty in few decimals.

    The last bits differ with the order of additions, which another batch size or machine changes.
    """
    spans = tuple(
        span if span.score is None else replace(span, score=round(span.score, SCORE_DECIMALS))
        for span in report.spans or ()
    )
    fields = {**report.fields, UNCERTAINTY: round(report.fields[UNCERTAINTY], SCORE_DECIMALS)}
    if LEFT_OUT in fields:
        fields[LEFT_OUT] = _round_spans(fields[LEFT_OUT])
    return replace(report, spans=spans, fields=fields)


def _round_spans(spans: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**span, "score": round(span["score"], SCORE_DECIMALS)} for span in spans]
