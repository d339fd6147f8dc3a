"""Fit what turns a model's scores into probabilities, on reports that it did not learn from.

What is gained is measured on folds of reports that each fit had not seen; without a gain there the
scores stay what they were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from annotation.files import sha256_of_file, write_json
from annotation.formats import ReadOptions
from annotation.problems import UserError
from annotation.report import Report
from annotation.tags import OUTSIDE
from inference.calibration import (
    CALIBRATION,
    SIGNS,
    Calibration,
    Coefficients,
    SignArray,
    span_signs,
)
from inference.model_folder import WEIGHTS
from inference.predictor import BatchPredictor
from inference.provenance import commit, versions
from inference.tagged_words import TaggedWords, WordTagger
from training.data import AnnotatedReports, read_annotated
from training.evaluation.calibration import (
    ScoredSpans,
    calibration_error,
    find_reliability,
    find_risk_coverage,
)
from training.evaluation.leaks import fitted_on
from training.evaluation.outcomes import classify_spans
from training.record import RECORD, read_record

FOLDS = 5
FEWEST_SPANS = 50
"""Of fewer predicted spans not even what is gained could be told."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a model says of the spans that it predicts in gold reports."""

    signs: SignArray
    """[spans, SIGNS]"""
    labels: list[str]
    scores: npt.NDArray[np.float64]
    """[spans]: the lowest tag probabilities"""
    right: npt.NDArray[np.bool_]
    """[spans]: strictly"""
    reports: npt.NDArray[np.int64]
    """[spans]: the index of the report"""
    gold: int
    """Gold spans of all reports."""
    missed: int
    """Gold spans that no prediction touches."""
    outside_entropy: float
    """Of all words outside of predicted spans, in nats."""


def gather_evidence(tagger: WordTagger, gold: Sequence[Report]) -> Evidence:
    """Tag the gold reports, and see what speaks for each span and whether it is right."""
    tagged = list(tagger.tag_words(gold))
    found = [words.spans for words in tagged]
    pairs = [(report.spans or (), spans) for report, spans in zip(gold, found, strict=True)]
    wanted = [set(spans) for spans, _ in pairs]
    predicted = [span for spans in found for span in spans]
    return Evidence(
        signs=np.concatenate([np.zeros((0, len(SIGNS))), *(span_signs(words) for words in tagged)]),
        labels=[span.label for span in predicted],
        scores=np.array([span.score for span in predicted], np.float64),
        right=np.array(
            [s in of for of, spans in zip(wanted, found, strict=True) for s in spans], bool
        ),
        reports=np.repeat(np.arange(len(found), dtype=np.int64), [len(s) for s in found]),
        gold=sum(len(spans) for spans, _ in pairs),
        missed=sum(one.kind == "missed" for both in pairs for one in classify_spans(*both)),
        outside_entropy=sum(_outside_entropy(words) for words in tagged),
    )


def _outside_entropy(tagged: TaggedWords) -> float:
    """Of the words outside of predicted spans together, in nats."""
    outside = tagged.log_probs[tagged.path == tagged.names.index(OUTSIDE)].astype(np.float64)
    return -float((np.exp(outside) * outside).sum())


def fit_calibration(evidence: Evidence, rows: npt.NDArray[np.bool_] | None = None) -> Calibration:
    """Fit on the spans of `evidence`, or those that `rows` [spans] picks.

    Signs and labels are standardised, the regression is held to small coefficients, and no span is
    taken for quite certainly right or wrong (Platt, Probabilistic Outputs for Support Vector
    Machines, 1999, section 2.2): so that few spans do, and such as are all right.
    """
    chosen = np.ones(len(evidence.right), bool) if rows is None else rows
    spans_labels = np.array(evidence.labels)[chosen]
    names = sorted(set(spans_labels.tolist()))
    is_label = spans_labels[:, None] == np.array(names)
    scaler = StandardScaler()
    scaled = scaler.fit_transform(np.hstack([evidence.signs[chosen], is_label]))
    right = evidence.right[chosen]
    targets = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))
    # A span that is right with 0.9 is one that is right, of weight 0.9, and one that is wrong.
    regression = LogisticRegression(max_iter=1000).fit(
        np.vstack([scaled, scaled]),
        np.repeat([1, 0], len(targets)),
        sample_weight=np.concatenate([targets, 1 - targets]),
    )
    # Back to signs and labels as they are.
    plain = regression.coef_[0] / scaler.scale_
    of_signs, of_labels = plain[: len(SIGNS)], plain[len(SIGNS) :]
    means, shares = scaler.mean_[: len(SIGNS)], scaler.mean_[len(SIGNS) :]
    return Calibration(
        coefficients=Coefficients(**dict(zip(SIGNS, of_signs.tolist(), strict=True))),
        intercept=float(regression.intercept_[0] - of_signs @ means),
        labels=dict(zip(names, (of_labels - of_labels @ shares).tolist(), strict=True)),
        missed_per_nat=evidence.missed / max(evidence.outside_entropy, 1e-9),
    )


def held_out_probabilities(evidence: Evidence) -> SignArray:
    """[spans]: each by a calibration that was fitted without the reports of its fold."""
    found = np.zeros(len(evidence.right))
    for _, places in GroupKFold(FOLDS).split(evidence.signs, groups=evidence.reports):
        held_out = np.isin(np.arange(len(found)), places)
        calibration = fit_calibration(evidence, ~held_out)
        labels = [evidence.labels[place] for place in places]
        found[places] = calibration.probabilities(evidence.signs[places], labels)
    return found


def find_least_score(
    probabilities: SignArray, right: npt.NDArray[np.bool_], gold: int
) -> tuple[float, float, float]:
    """The score that a span needs to be worth giving; F1 of all spans, and of those worth it.

    Half of the best F1: a less probable span costs more than it brings, whatever the others are
    (Lipton, Elkan and Narayanaswamy, Optimal Thresholding of Classifiers to Maximize F1 Measure,
    2014). 0 where leaving spans out gains nothing.
    """
    order = np.argsort(-probabilities, kind="stable")
    # Of the surest span, the surest two, …; equal ones are not told apart by any score.
    f1 = 2 * np.cumsum(right[order]) / (np.arange(1, len(order) + 1) + gold)
    falls = np.append(np.diff(probabilities[order]) < 0, True)
    least = float(f1[falls].max()) / 2
    worth = probabilities >= least
    of_all, of_worth = float(f1[-1]), 2 * float(right[worth].sum()) / (float(worth.sum()) + gold)
    return (least, of_all, of_worth) if of_worth > of_all else (0.0, of_all, of_all)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibration with its figures; or, where `calibration` is None, why there is none."""

    calibration: Calibration | None
    record: dict[str, Any] = field(default_factory=dict)


def calibrate(predictor: BatchPredictor, gold: AnnotatedReports) -> Calibrated:
    """Fit a calibration on gold reports, where there are enough and it gains something.

    What it gains is told by the Brier score, the mean square of what probabilities are off by, on
    folds of reports: it is the smaller the truer the probabilities are and the more they tell.
    """
    evidence = gather_evidence(predictor, gold.reports)
    holders = len(np.unique(evidence.reports))
    record: dict[str, Any] = {
        "calibrated": False,
        "gold": gold.hashes,
        "reports": len(gold.reports),
        "set_aside": gold.set_aside,
        "spans": len(evidence.right),
        "right": int(evidence.right.sum()),
    }
    if len(evidence.right) < FEWEST_SPANS or holders < FOLDS:
        reason = (
            f"the model predicts {len(evidence.right)} spans in {holders} of the "
            f"{len(gold.reports)} reports; expected {FEWEST_SPANS} or more, in {FOLDS} or more"
        )
        return Calibrated(None, record | {"reason": reason})
    if not (np.isfinite(evidence.signs).all() and np.isfinite(evidence.outside_entropy)):
        return Calibrated(None, record | {"reason": "the model's output is not a number"})
    probabilities, right = held_out_probabilities(evidence), evidence.right
    before, after = _figures(evidence.scores, right), _figures(probabilities, right)
    record |= {"folds": FOLDS, "before": before, "after": after}
    if not _brier_score(probabilities, right) < _brier_score(evidence.scores, right):
        reason = "on held-out folds the probabilities were no better than the scores as they are"
        return Calibrated(None, record | {"reason": reason})
    least_score, of_all, of_worth = find_least_score(probabilities, right, evidence.gold)
    record |= {"least_score": least_score, "f1": {"of_all": of_all, "of_worth": of_worth}}
    calibration = fit_calibration(evidence).model_copy(update={"least_score": least_score})
    return Calibrated(calibration, record | {"calibrated": True})


def _figures(scores: SignArray, right: npt.NDArray[np.bool_]) -> dict[str, float | None]:
    spans = ScoredSpans(scores, right)
    return {
        "expected_calibration_error": calibration_error(find_reliability(spans)),
        "brier_score": _brier_score(scores, right),
        "risk_coverage_area": find_risk_coverage(spans).area,
    }


def _brier_score(scores: SignArray, right: npt.NDArray[np.bool_]) -> float:
    return float(((scores - right) ** 2).mean())


def write_calibration(folder: Path, calibrated: Calibrated) -> None:
    """Put the calibration beside the weights that it is of; or remove one that is no more."""
    if calibrated.calibration is None:
        (folder / CALIBRATION).unlink(missing_ok=True)
        return
    content = {
        "model_weights": sha256_of_file(folder / WEIGHTS),
        **calibrated.calibration.model_dump(),
        **calibrated.record,
        "versions": versions(),
        "commit": commit(),
    }
    write_json(content, folder / CALIBRATION)


def calibrate_model(
    folder: Path, gold_file: str, device: str = "auto", options: ReadOptions | None = None
) -> dict[str, Any]:
    """Calibrate a model folder on gold reports; the record, which `training.json` gets too.

    Raises UserError, and changes nothing, for reports that the model was fitted on, and where
    there is nothing to be gained.
    """
    predictor = BatchPredictor.from_pretrained(folder, device=device, calibrated=False)
    gold = read_annotated([gold_file], None, options)
    record = read_record(folder)
    learned = [file for file, part in fitted_on(record, gold.hashes).items() if part == "train"]
    if learned:
        raise UserError(
            f"{', '.join(learned)}: {folder} was fitted on it, and is surer of it than of other "
            "reports; expected reports that it did not learn from"
        )
    calibrated = calibrate(predictor, gold)
    if calibrated.calibration is None:
        raise UserError(f"{gold_file}: not calibrated: {calibrated.record['reason']}")
    write_calibration(folder, calibrated)
    if record:
        write_json(record | {"calibration": calibrated.record}, folder / RECORD)
    return calibrated.record


def calibrated_on(folder: Path, gold: Mapping[str, str]) -> list[str]:
    """Which of the `gold` files (name: hash) the calibration of a model was fitted on."""
    known = read_record(folder, CALIBRATION).get("gold")
    hashes = known.values() if isinstance(known, dict) else ()
    return [file for file, digest in gold.items() if digest in hashes]


def describe_calibration(record: Mapping[str, Any]) -> str:
    """A record of `calibrate` in a sentence."""
    if not record["calibrated"]:
        return f"span scores are not calibrated: {record['reason']}"
    before, after = (record[when]["expected_calibration_error"] for when in ("before", "after"))
    return (
        f"span scores are calibrated on {record['spans']:,} spans of {record['reports']:,} "
        f"reports: calibration error {before:.4f} before, {after:.4f} after; F1 "
        f"{record['f1']['of_all']:.4f} before, {record['f1']['of_worth']:.4f} after "
        f"leaving out what scores less than {record['least_score']:.4f} (on held-out folds)"
    )
