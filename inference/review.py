"""What a person should look at: reports with spans, or without any, that the model doubts.

A list for `annotation push` and `annotation queue`, beside the output of a run: the reports with
their texts, and their predictions.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annotation.files import open_output
from annotation.formats.jsonl import predictions_beside, write_jsonl, write_predictions
from annotation.formats.spans import span_to_json
from annotation.formats.writing import STANDARD_OUTPUT
from annotation.ledger import Ledger
from annotation.problems import UserError
from annotation.report import Report
from annotation.words import find_words
from inference.calibration import Calibration
from inference.predictor import LEFT_OUT, UNCERTAINTY

DOUBTFUL = "doubtful"
"""Field of a listed report: its spans that score too low to be believed, as JSON has spans."""
MISSED = "missed_probability"
"""Field of a listed report without a span: the probability that one was missed."""


def review_beside(output: str) -> Path:
    """Where the list of a run's doubtful reports goes."""
    return Path(f"{output}.review.jsonl")


def forget_review(output: str) -> None:
    """Remove the list of an earlier run with the same output: it is of other predictions."""
    for path in review_files(review_beside(output)):
        path.unlink(missing_ok=True)


def review_files(path: Path) -> tuple[Path, Path, Path]:
    """The list, its predictions, and the record of the run that goes with them."""
    predictions = predictions_beside(path)
    return path, predictions, Path(f"{predictions}.run.json")


def review_problems(below: float) -> list[str]:
    """Why `below` cannot be what probabilities are held against, if it cannot."""
    if 0 < below <= 1:
        return []
    return [f"--review-below {below:g}: expected more than 0, and 1 at most"]


def listed_report(report: Report, below: float, calibration: Calibration | None) -> Report | None:
    """A predicted report as a person should look at it; None where nothing in it is in doubt.

    A report is listed with `doubtful`, those of its spans that score less than `below`, the least
    sure first, with those that were left out of its predictions. One without any span is listed
    where the model is calibrated and the probability that nothing was missed is less than `below`;
    it carries `missed_probability`, one minus that. The spans themselves stand in the predictions
    alone: in a report they would pass for a person's.
    """
    found = [span_to_json(span, report.text) for span in report.spans or ()]
    found += report.fields.get(LEFT_OUT, ())
    doubtful = sorted((s for s in found if _doubts(s.get("score"), below)), key=_by_score)
    more: dict[str, Any] = {DOUBTFUL: doubtful}
    if not found and calibration is not None:
        # The mean is over those words that the tokenizer shows something of, nearly all.
        entropy = report.fields[UNCERTAINTY] * len(find_words(report.text))
        nothing_missed = calibration.nothing_missed(entropy)
        if not _doubts(nothing_missed, below):
            return None
        more[MISSED] = 1 - nothing_missed
    elif not doubtful:
        return None
    # The report may have been listed before, by another model.
    fields = {key: report.fields[key] for key in report.fields if key not in (LEFT_OUT, MISSED)}
    return replace(report, spans=None, fields=fields | more)


def _doubts(probability: float | None, below: float) -> bool:
    # What is not a number is no certainty.
    return probability is None or not probability >= below


@dataclass(slots=True)
class ReviewCounts:
    """What a list of doubtful reports was made with, and how much it holds."""

    below: float
    calibrated: bool = False
    reports: int = 0
    spans: int = 0
    """Doubtful ones."""
    without_spans: int = 0
    """Listed reports that no span was found in."""

    def enter(self, listed: Report) -> None:
        """Count a report of the list."""
        self.reports += 1
        self.spans += len(listed.fields[DOUBTFUL])
        self.without_spans += MISSED in listed.fields

    def to_json(self) -> dict[str, Any]:
        """As the record of a run carries it."""
        return {
            "below": self.below,
            "reports": self.reports,
            "spans": self.spans,
            "without_spans": self.without_spans,
        }

    def describe(self, path: Path) -> list[str]:
        """What was listed in a file, and what the scores are worth."""
        lines = [
            f"to look at: {self.reports:,} reports, with {self.spans:,} spans that score less than "
            f"{self.below:g}"
            + (
                f"; {self.without_spans:,} of them have no span, and may hide one"
                if self.without_spans
                else ""
            )
            + f": {path}"
        ]
        if not self.calibrated:
            lines.append(
                "the model is not calibrated: its scores are no probabilities, and reports without "
                "a span are not listed; see python -m training calibrate"
            )
        return lines


class ReviewList:
    """Writes the reports that a person should look at, while their predictions pass by.

    Which ones those are, `listed_report` tells.
    """

    def __init__(self, output: str, below: float) -> None:
        """Raises UserError for standard output, and for a `below` that is no probability."""
        problems = review_problems(below)
        if output == STANDARD_OUTPUT:
            problems.append(
                "--review-below writes a list beside the output: expected --output with the name "
                "of a file"
            )
        if problems:
            raise UserError("\n".join(problems))
        self.path, self.predictions_path, self.run_path = review_files(review_beside(output))
        self.counts = ReviewCounts(below)

    def watch(
        self, predictions: Iterable[Report], calibration: Calibration | None
    ) -> Iterator[Report]:
        """All predictions as they come; those to be looked at are written down."""
        self.counts.calibrated = calibration is not None
        ledger = Ledger()
        with open_output(self.path) as reports, open_output(self.predictions_path) as predicted:
            for report in predictions:
                listed = listed_report(report, self.counts.below, calibration)
                if listed is not None:
                    self.counts.enter(listed)
                    write_jsonl([listed], reports, ledger)
                    write_predictions([report], predicted, ledger)
                yield report


def _by_score(span: Mapping[str, Any]) -> float:
    score: float | None = span.get("score")
    return -1.0 if score is None or math.isnan(score) else score
