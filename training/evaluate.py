"""Measure spans on gold reports: a model's, through the very predictor that serves, or a file's.

Gold is scored as given, never widened: a span that tags cannot say counts as missed, and is listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from annotation.files import sha256_of_file, write_json
from annotation.formats import ReadOptions, write_reports
from annotation.formats.jsonl import read_predictions
from annotation.problems import UserError
from annotation.report import Report, Span
from annotation.scoring import Counts, Scores, score_reports
from annotation.tags import spans_to_tags
from annotation.words import find_words
from inference.model_folder import model_hash
from inference.predictor import BatchPredictor
from inference.provenance import commit, versions
from training.data import AnnotatedReports, read_annotated

EVALUATION = "evaluation.json"
PREDICTIONS = "predictions.jsonl"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one set of predictions on one set of gold reports."""

    scores: Scores
    lost: list[tuple[str, Span]]
    """Gold spans that no tags can say, with their report's id; they count as missed."""
    missing: list[str]
    """Ids of gold reports without a prediction; all their spans count as missed."""
    origin: dict[str, Any] = field(default_factory=dict)
    """What was measured on what: model, precision, files, versions."""

    def to_json(self) -> dict[str, Any]:
        """The content of `evaluation.json`."""
        return {
            "mode": "strict",
            **scores_to_json(self.scores),
            "lost": [
                {"id": id, "start": span.start, "end": span.end, "label": span.label}
                for id, span in self.lost
            ],
            "missing": self.missing,
            **self.origin,
        }

    def table(self) -> list[str]:
        """The figures as aligned lines, and what they hide."""
        lines = [f"{'':12}{'precision':>10}{'recall':>10}{'F1':>10}{'gold':>8}"]
        rows = [*sorted(self.scores.labels.items()), ("micro", self.scores.micro)]
        for name, counts in rows:
            figures = f"{counts.precision:10.4f}{counts.recall:10.4f}{counts.f1:10.4f}"
            lines.append(f"{name:12}{figures}{counts.gold:8}")
        if self.lost:
            named = "; ".join(f"{id} {s.label} {s.start}–{s.end}" for id, s in self.lost[:5])
            lines.append(
                f"gold that tags cannot say, counted as missed: {len(self.lost)} ({named})"
            )
        if self.missing:
            named = ", ".join(self.missing[:5])
            lines.append(f"gold reports without prediction: {len(self.missing)} ({named})")
        return lines


def evaluate(
    gold: Sequence[Report], predicted: Mapping[str, Sequence[Span]], labels: Sequence[str] = ()
) -> Evaluation:
    """Score predicted spans by report id. Raises UserError for ids that gold lacks."""
    extra = predicted.keys() - {report.id for report in gold}
    if extra:
        raise UserError(
            f"predictions for {len(extra)} reports that gold lacks: "
            f"{', '.join(sorted(extra)[:5])}; expected predictions of the gold reports"
        )
    scores = score_reports(
        ((report.spans or (), predicted.get(report.id, ())) for report in gold), labels
    )
    return Evaluation(
        scores,
        lost=[(report.id, span) for report in gold for span in untaggable(report)],
        missing=[report.id for report in gold if report.id not in predicted],
    )


def untaggable(report: Report) -> list[Span]:
    """The gold spans whose edges are not word edges, or that cover no word of their own."""
    tagging = spans_to_tags(find_words(report.text), report.spans or ())
    return sorted([*(span for span, _ in tagging.moved), *tagging.lost])


def score_predictor(
    predictor: BatchPredictor, gold: Sequence[Report], labels: Sequence[str] = ()
) -> Scores:
    """Strict scores of what the predictor finds in the gold reports."""
    pairs = zip(gold, predictor.predict(gold), strict=True)
    return score_reports(
        ((report.spans or (), found.spans or ()) for report, found in pairs), labels
    )


def evaluate_model(
    folder: Path,
    gold_file: str,
    output: Path,
    device: str = "auto",
    options: ReadOptions | None = None,
) -> Evaluation:
    """Predict the gold reports with a model folder and write the evaluation into `output`."""
    predictor = BatchPredictor.from_pretrained(folder, device=device)
    gold = read_annotated([gold_file], None, options)
    found = list(predictor.predict(gold.reports))
    spans = {report.id: report.spans or () for report in found}
    evaluation = evaluate(gold.reports, spans, predictor.labels)
    write_reports(found, output / PREDICTIONS, format="predictions")
    measured = {"model": model_hash(folder), "precision": predictor.engine.precision}
    return _written(evaluation, measured, gold, output)


def evaluate_predictions(
    predictions: Path, gold_file: str, output: Path, options: ReadOptions | None = None
) -> Evaluation:
    """Score a predictions file that some model made before, into `output`."""
    gold = read_annotated([gold_file], None, options)
    evaluation = evaluate(gold.reports, read_predictions(predictions))
    measured = {"predictions": {str(predictions): sha256_of_file(predictions)}}
    return _written(evaluation, measured, gold, output)


def _written(
    evaluation: Evaluation, measured: dict[str, Any], gold: AnnotatedReports, output: Path
) -> Evaluation:
    """The evaluation with what it measured and on what, written to `evaluation.json`."""
    origin = {
        **measured,
        "gold": gold.hashes,
        "reports": len(gold.reports),
        "set_aside": gold.set_aside,
        "versions": versions(),
        "commit": commit(),
    }
    evaluation = replace(evaluation, origin=origin)
    write_json(evaluation.to_json(), output / EVALUATION)
    return evaluation


def scores_to_json(scores: Scores) -> dict[str, Any]:
    """Micro, macro and per label, as evaluations and records carry them."""

    def figures(counts: Counts) -> dict[str, Any]:
        return {**counts.to_json(), "interval": None}

    return {
        "micro": figures(scores.micro),
        "macro": scores.macro(),
        "labels": {label: figures(counts) for label, counts in sorted(scores.labels.items())},
    }
