"""Measure spans on gold reports: a model's, through the very predictor that serves, or a file's.

Gold is scored as given, never widened: a span that tags cannot say counts as missed, and is listed.
What is measured beside strict figures lies in `training/evaluation/`, a file a question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from annotation.files import sha256_of_file, write_json
from annotation.formats import ReadOptions, write_reports
from annotation.formats.jsonl import read_predictions
from annotation.problems import UserError
from annotation.report import Report, Span
from annotation.scoring import MODES, Scores, score_reports
from annotation.tags import spans_to_tags
from annotation.task_links import check_project_url, project_pulled_into
from annotation.words import find_words
from inference.model_folder import load_folder_tokenizer, model_hash
from inference.predictor import BatchPredictor
from inference.provenance import commit, versions
from training.calibrate import calibrated_on
from training.data import AnnotatedReports, read_annotated
from training.evaluation.bootstrap import CountTable, Resampling
from training.evaluation.calibration import calibration_to_json, collect_scores
from training.evaluation.confusion import Confused, count_confusion
from training.evaluation.describe import describe_figures, describe_slices
from training.evaluation.errors.classify import ClassifiedError, classify_errors
from training.evaluation.errors.table import (
    describe_error_classes,
    rank_classes,
    write_error_classes,
)
from training.evaluation.figures import Measured, measure
from training.evaluation.figures import scores_to_json as scores_to_json
from training.evaluation.leaks import LeakCheck, find_leaks, fitted_on
from training.evaluation.mismatches import Mismatches, find_mismatches, name_places
from training.evaluation.outcomes import OutcomeClass, classify_spans, count_outcomes
from training.evaluation.page.write import PAGE, PageInput, write_page
from training.evaluation.slices import (
    SLICES,
    Group,
    load_slices,
    position_slice,
    seen_slice,
    slice_tables,
)
from training.evaluation.thresholds import (
    Threshold,
    describe_thresholds,
    find_thresholds,
    write_thresholds,
)
from training.record import read_record

EVALUATION = "evaluation.json"
PREDICTIONS = "predictions.jsonl"
THRESHOLDS = "thresholds.csv"
ERROR_TABLE = "error_classes.csv"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one set of predictions on one set of gold reports."""

    modes: dict[str, Measured]
    """By what has to be right, see `annotation.scoring.MODES`."""
    lost: list[tuple[str, Span]]
    """Gold spans that no tags can say, with their report's id; they count as missed."""
    mismatches: Mismatches
    outcomes: dict[OutcomeClass, int]
    errors: list[ClassifiedError]
    """All of them, in the order of gold, with what kind of mistake each is."""
    confusion: list[Confused]
    calibration: dict[str, Any]
    thresholds: list[Threshold]
    slices: dict[str, dict[str, Measured]]
    """By slice and group, strict."""
    leaks: LeakCheck
    resampling: Resampling
    reports: int
    origin: dict[str, Any] = field(default_factory=dict)
    """What was measured on what: model, precision, files, versions."""

    @property
    def scores(self) -> Scores:
        """The strict ones."""
        return self.modes["strict"].scores

    @property
    def missing(self) -> list[str]:
        """Ids of gold reports without a prediction; all their spans count as missed."""
        return self.mismatches.missing

    @property
    def needs_a_look(self) -> bool:
        """Whether something was set aside or does not fit."""
        set_aside = self.origin.get("set_aside", 0) + self.origin.get("training_set_aside", 0)
        return bool(set_aside or self.missing or self.mismatches.misplaced)

    def to_json(self) -> dict[str, Any]:
        """The content of `evaluation.json`."""
        strict = self.modes["strict"]
        return {
            "mode": "strict",
            **strict.to_json(),
            "lost": _places_to_json(self.lost),
            "missing": self.missing,
            "misplaced": _places_to_json(self.mismatches.misplaced),
            "remarks": self.mismatches.remarks,
            "leaks": self.leaks.to_json(),
            "intervals": {
                **self.resampling.to_json(),
                "reports": self.reports,
                **strict.intervals_to_json(),
            },
            "modes": {name: one.to_json() for name, one in self.modes.items() if name != "strict"},
            "outcomes": self.outcomes,
            "error_classes": [row.to_json() for row in rank_classes(self.errors)],
            "confusion": [one.to_json() for one in self.confusion],
            "calibration": self.calibration,
            "thresholds": [one.to_row() for one in self.thresholds],
            "slices": {
                name: {
                    group: {"reports": len(one.table.reports), **one.to_json()}
                    for group, one in groups.items()
                }
                for name, groups in self.slices.items()
            },
            "slices_left_out": _left_out(self.slices),
            **self.origin,
        }

    def warnings(self) -> list[str]:
        """What stands above the figures, since they mislead without it."""
        return self.leaks.warnings()

    def table(self) -> list[str]:
        """The figures as aligned lines, and what they hide."""
        lines = describe_figures(self.modes["strict"])
        if self.lost:
            named = name_places(self.lost)
            lines.append(
                f"gold that tags cannot say, counted as missed: {len(self.lost)} ({named})"
            )
        if self.missing:
            named = ", ".join(self.missing[:5])
            lines.append(f"gold reports without prediction: {len(self.missing)} ({named})")
        return lines

    def remarks(self) -> list[str]:
        """What stands below the figures: what does not fit, laxer modes, scores, slices, leaks."""
        lines = []
        if self.mismatches.misplaced:
            misplaced = self.mismatches.misplaced
            lines.append(
                f"predictions that do not fit the text: {len(misplaced)} "
                f"({name_places(misplaced)}); were they made on another version of it?"
            )
        lines += self.mismatches.remarks
        laxer = ", ".join(
            f"{name.replace('_', ' ')} {one.scores.micro.f1:.4f}"
            for name, one in self.modes.items()
            if name != "strict"
        )
        lines.append(f"micro F1 when less has to be right: {laxer}")
        lines += describe_error_classes(rank_classes(self.errors), ERROR_TABLE)
        error = self.calibration["expected_calibration_error"]
        if error is not None:
            unscored = self.calibration["unscored"]
            left_out = f" ({unscored} without a score from 0 to 1 left out)" if unscored else ""
            flattering = (
                "; calibrated on these very reports, so on others it is greater"
                if self.origin.get("calibrated_on")
                else ""
            )
            lines.append(
                f"calibration error of the scores of {self.calibration['spans']} spans: "
                f"{error:.4f}{left_out}{flattering}"
            )
        else:
            lines.append("calibration error: none, no predicted span carries a score from 0 to 1")
        lines += describe_slices(self.slices)
        lines += describe_thresholds(self.thresholds, THRESHOLDS)
        lines.append(f"near-duplicates of training reports: {self.leaks.message}")
        return lines


def evaluate(
    gold: Sequence[Report],
    predicted: Mapping[str, Sequence[Span]],
    labels: Sequence[str] = (),
    *,
    slices: Mapping[str, Group] = SLICES,
    training: Sequence[Report] | None = None,
    resampling: Resampling | None = None,
) -> Evaluation:
    """Score predicted spans by report id. Raises UserError for ids that gold lacks.

    With the `training` reports it looks for leaks, and slices by whether a name was seen there.
    """
    _check_ids(gold, predicted)
    resampling = resampling or Resampling()
    pairs = [(report, predicted.get(report.id, ())) for report in gold]
    spans = [(report.spans or (), found) for report, found in pairs]
    modes = {
        name: CountTable.of(
            {index: count(*both) for index, both in enumerate(spans)},
            labels if name in ("strict", "type_only") else (),
        )
        for name, count in MODES.items()
    }
    seen = None if training is None else seen_slice(training)
    groups = dict(slices) if seen is None else {**slices, "seen": seen}
    by_slice = {name: slice_tables(name, of, pairs, labels) for name, of in groups.items()}
    tables = {
        **{(name, ""): table for name, table in modes.items()},
        **{
            (name, key): table for name, by_key in by_slice.items() for key, table in by_key.items()
        },
    }
    measured = measure(tables, len(gold), resampling)
    outcomes = [outcome for both in spans for outcome in classify_spans(*both)]
    scored = collect_scores(spans)
    lost = [(report.id, span) for report in gold for span in untaggable(report)]
    return Evaluation(
        {name: measured[name, ""] for name in modes},
        lost=lost,
        mismatches=find_mismatches(gold, predicted),
        outcomes=count_outcomes(outcomes),
        errors=classify_errors(gold, predicted, set(lost), seen),
        confusion=count_confusion(outcomes),
        calibration=calibration_to_json(scored),
        thresholds=find_thresholds(scored, modes["strict"].scores.micro.gold),
        slices={
            name: {key: measured[name, key] for key in by_key} for name, by_key in by_slice.items()
        },
        leaks=_check_leaks(gold, training, modes["strict"], resampling),
        resampling=resampling,
        reports=len(gold),
    )


def _check_leaks(
    gold: Sequence[Report],
    training: Sequence[Report] | None,
    strict: CountTable,
    resampling: Resampling,
) -> LeakCheck:
    if training is None:
        return LeakCheck(len(gold), None, None)
    leaks = find_leaks(gold, training)
    leaked = {leak.id for leak in leaks}
    clean = [index for index, report in enumerate(gold) if report.id not in leaked]
    without = None
    if leaks and clean:
        without = measure({"strict": strict.keep(clean)}, len(clean), resampling)["strict"]
    return LeakCheck(len(gold), leaks, without)


def _check_ids(gold: Sequence[Report], predicted: Mapping[str, Sequence[Span]]) -> None:
    extra = predicted.keys() - {report.id for report in gold}
    if extra:
        raise UserError(
            f"predictions for {len(extra)} reports that gold lacks: "
            f"{', '.join(sorted(extra)[:5])}; expected predictions of the gold reports"
        )


def _left_out(slices: Mapping[str, object]) -> dict[str, str]:
    """The shipped slices that could not be made, and why."""
    needs = {
        "position": "needs the model's tokenizer: --model",
        "seen": "needs the training reports: --train FILE",
    }
    return {name: why for name, why in needs.items() if name not in slices}


def _places_to_json(places: Sequence[tuple[str, Span]]) -> list[dict[str, Any]]:
    return [
        {"id": id, "start": span.start, "end": span.end, "label": span.label} for id, span in places
    ]


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


@dataclass(frozen=True, slots=True)
class Besides:
    """What an evaluation may be given beside gold and predictions, by file or name."""

    train: Sequence[str] = ()
    """Files of the reports that the model was fitted on."""
    slices: Sequence[str] = ()
    """The user's own slices, `MODULE:FUNCTION`."""
    project: str | None = None
    """The address of the Label Studio project that holds the gold reports' tasks."""


def evaluate_model(
    folder: Path,
    gold_file: str,
    output: Path,
    device: str = "auto",
    options: ReadOptions | None = None,
    besides: Besides | None = None,
    *,
    precision: str = "exact",
    least_score: float | None = None,
) -> Evaluation:
    """Predict the gold reports with a model folder and write the evaluation into `output`."""
    besides = besides or Besides()
    own_slices, project = load_slices(besides.slices), _project_of(besides, gold_file)
    predictor = BatchPredictor.from_pretrained(
        folder, device=device, precision=precision, least_score=least_score
    )
    gold = read_annotated([gold_file], None, options)
    training = _read_training(besides, options)
    position = position_slice(load_folder_tokenizer(folder), gold.reports)
    found = list(predictor.predict(gold.reports))
    spans = {report.id: report.spans or () for report in found}
    evaluation = evaluate(
        gold.reports,
        spans,
        predictor.labels,
        slices={**SLICES, "position": position, **own_slices},
        training=None if training is None else training.reports,
    )
    known = fitted_on(read_record(folder), gold.hashes)
    evaluation = replace(evaluation, leaks=replace(evaluation.leaks, fitted_on=known))
    write_reports(found, output / PREDICTIONS, format="predictions")
    measured = {
        "model": model_hash(folder),
        "precision": predictor.engine.precision,
        "calibrated": predictor.calibration is not None,
        "least_score": predictor.least_score,
        "calibrated_on": calibrated_on(folder, gold.hashes),
        "config": _config(options, besides, device=device),
    }
    evaluation = _with_origin(evaluation, measured, gold, training)
    _write(evaluation, gold.reports, spans, project, output)
    return evaluation


def evaluate_predictions(
    predictions: Path,
    gold_file: str,
    output: Path,
    options: ReadOptions | None = None,
    besides: Besides | None = None,
) -> Evaluation:
    """Score a predictions file that some model made before, into `output`."""
    besides = besides or Besides()
    own_slices, project = load_slices(besides.slices), _project_of(besides, gold_file)
    gold = read_annotated([gold_file], None, options)
    training = _read_training(besides, options)
    spans = read_predictions(predictions)
    evaluation = evaluate(
        gold.reports,
        spans,
        slices={**SLICES, **own_slices},
        training=None if training is None else training.reports,
    )
    # A baseline's run names what it was fitted on, as a model's record does.
    run = read_record(predictions.parent, f"{predictions.name}.run.json")
    known = fitted_on({"data": {"train": {"files": run.get("train", {})}}}, gold.hashes)
    evaluation = replace(evaluation, leaks=replace(evaluation.leaks, fitted_on=known))
    measured = {
        "predictions": {str(predictions): sha256_of_file(predictions)},
        "config": _config(options, besides),
    }
    evaluation = _with_origin(evaluation, measured, gold, training)
    _write(evaluation, gold.reports, spans, project, output)
    return evaluation


def _read_training(besides: Besides, options: ReadOptions | None) -> AnnotatedReports | None:
    return read_annotated(besides.train, None, options) if besides.train else None


def _project_of(besides: Besides, gold_file: str) -> str | None:
    """Where the tasks of the gold reports are: as told, or as a pull left it beside their file."""
    if besides.project is not None:
        return check_project_url(besides.project)
    return project_pulled_into(gold_file)


def _config(options: ReadOptions | None, besides: Besides, **more: Any) -> dict[str, Any]:
    """What the evaluation was told, so that it can be made again."""
    return {**asdict(options or ReadOptions()), **asdict(besides), **more}


def _with_origin(
    evaluation: Evaluation,
    measured: dict[str, Any],
    gold: AnnotatedReports,
    training: AnnotatedReports | None,
) -> Evaluation:
    """The evaluation with what it measured and on what."""
    origin = {
        **measured,
        "gold": gold.hashes,
        "reports": len(gold.reports),
        "set_aside": gold.set_aside,
        "seed": evaluation.resampling.seed,
        "versions": versions(),
        "commit": commit(),
    }
    if training is not None:
        origin |= {"training": training.hashes, "training_set_aside": training.set_aside}
    return replace(evaluation, origin=origin)


def _write(
    evaluation: Evaluation,
    gold: Sequence[Report],
    predicted: Mapping[str, Sequence[Span]],
    project: str | None,
    output: Path,
) -> None:
    """The figures to `evaluation.json`, and a page to look at them to `evaluation.html`."""
    content = evaluation.to_json()
    write_json(content, output / EVALUATION)
    write_thresholds(evaluation.thresholds, output / THRESHOLDS)
    write_error_classes(content["error_classes"], output / ERROR_TABLE)
    page = PageInput(
        content, evaluation.warnings(), gold, predicted, project, errors=evaluation.errors
    )
    write_page(output / PAGE, page)
