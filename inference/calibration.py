"""From what a model says of a span's words to the probability that the span is right.

The lowest tag probability among a span's words, a model's own score, says little of where the span
should have ended; what is said of the words around it does. A logistic regression over both, fitted
on reports that the model did not learn from (`training/calibrate.py`), gives the probability that
start, end and label are all right. It stands in the model folder, with how probable a span has to
be to be worth giving.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from annotation.explain import explain_validation
from annotation.files import sha256_of_file
from annotation.problems import UserError
from inference.model_folder import WEIGHTS
from inference.tagged_words import TaggedWords

CALIBRATION = "calibration.json"
SIGNS = ("score", "next_word", "previous_word", "length")
"""What `span_signs` reads, in its order."""

_NEAREST = 1e-3
"""Probabilities nearer to 0 or 1 are taken for this: how near is a matter of rounding, and of the
engine that runs the model."""

SignArray = npt.NDArray[np.float64]


def span_signs(tagged: TaggedWords) -> SignArray:
    """What speaks for each span, [spans, SIGNS].

    Log-odds of the lowest tag probability among its words, of the next word's not going on with
    it, and of the previous word's own tag; then the logarithm of its length in words. Where a
    text begins or ends there is nothing to doubt.
    """
    inside = {name[2:]: index for index, name in enumerate(tagged.names) if name.startswith("I-")}
    first, behind = tagged.runs.T
    goes_on = np.array([inside.get(name[2:], 0) for name in tagged.names])[tagged.path[first]]
    # Whether a report begins at a word, [words + 1]: then it goes on with none, and none is before.
    begins = np.zeros(len(tagged.words) + 1, bool)
    begins[0] = begins[-1] = True
    if tagged.ends is not None:
        begins[tagged.ends] = True
    following = np.minimum(behind, len(tagged.words) - 1)
    goes_on_there = np.exp(tagged.log_probs[following, goes_on].astype(np.float64))
    ended = np.where(begins[behind], 1.0, 1 - goes_on_there)
    before = np.where(begins[first], 1.0, tagged.chosen[first - 1])
    length = np.log(np.maximum(behind - first, 1))
    return np.stack([_log_odds(tagged.scores), _log_odds(ended), _log_odds(before), length], 1)


def _log_odds(probabilities: npt.NDArray[Any]) -> SignArray:
    held = np.clip(probabilities.astype(np.float64), _NEAREST, 1 - _NEAREST)
    odds: SignArray = np.log(held) - np.log1p(-held)
    return odds


class Coefficients(BaseModel):
    """Of each of SIGNS."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    score: float
    next_word: float
    previous_word: float
    length: float


class Calibration(BaseModel):
    """A logistic regression over `span_signs`, and how much uncertainty hides a missed span.

    Its file holds more: what it was fitted on, and how much was gained.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    coefficients: Coefficients
    intercept: float
    labels: Mapping[str, float]
    """What is added for a label; nothing for one that the reports did not hold."""
    missed_per_nat: float = Field(ge=0)
    """Gold spans that no prediction touches, for each nat of entropy of words outside of spans."""
    least_score: float = Field(default=0, ge=0, le=1)
    """Spans that are less probable cost more precision than they bring recall."""

    def scores(self, tagged: TaggedWords) -> SignArray:
        """[spans]: the probability of each span of `tagged` that it is right."""
        return self.probabilities(span_signs(tagged), tagged.labels)

    def probabilities(self, signs: SignArray, labels: Sequence[str]) -> SignArray:
        """[spans]: that each is right, by its signs [spans, SIGNS] and its label."""
        coefficients = [getattr(self.coefficients, sign) for sign in SIGNS]
        added = np.array([self.labels.get(label, 0.0) for label in labels])
        # Row by row, so that a span's score is the same to the last bit whatever stands beside it.
        weighed = (signs * coefficients).sum(1)
        probabilities: SignArray = 1 / (1 + np.exp(-(weighed + self.intercept + added)))
        return probabilities

    def nothing_missed(self, entropy: float) -> float:
        """The probability that a report hides no span outside of those that were predicted.

        `entropy` is the sum over the words outside, in nats: spans are missed as a Poisson process
        in it.
        """
        return float(np.exp(-self.missed_per_nat * entropy))


class _CalibrationFile(Calibration):
    """A calibration and the weights that it is of."""

    model_weights: str
    """SHA-256 of `model.safetensors`."""


def load_calibration(folder: str | Path) -> Calibration | None:
    """The calibration of a model folder; None where it has none.

    Raises UserError for a broken one, and for one of other weights, whose scores mean other things.
    """
    path = Path(folder) / CALIBRATION
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    mend = "fit it anew with python -m training calibrate, or remove the file"
    try:
        found = _CalibrationFile.model_validate_json(content)
    except ValidationError as error:
        problems = explain_validation(str(path), error, _CalibrationFile)
        raise UserError("\n".join(f"{problem}; {mend}" for problem in problems)) from None
    if found.model_weights != sha256_of_file(path.with_name(WEIGHTS)):
        raise UserError(f"{path}: was fitted for other weights than those of {WEIGHTS}; {mend}")
    return found
