"""Which reports to annotate next: those the model is unsure of, and not the same one ten times.

A report is worth its uncertainty, times the root of its length, times its difference from the
nearest report that is annotated or in the queue already: u · √words · (1 − cosine of
`annotation.word_vectors`). The queue takes the worthiest, one after the other. Near-duplicates
(`annotation.duplicates`) of those reports never come in.

Uncertainty is a mean over words. What a report can teach grows with its words, and so does the work
of annotating it: by the mean alone the queue is full of scraps, by the sum of the longest reports.
"""

import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from annotation.duplicates import near_duplicates_among
from annotation.files import open_output_bytes
from annotation.formats import ReadOptions, read_records, write_reports
from annotation.formats.jsonl import copy_predictions, predictions_beside, read_uncertainties
from annotation.formats.writing import STANDARD_OUTPUT, written_format
from annotation.ledger import Ledger
from annotation.problems import UserError
from annotation.report import Report
from annotation.word_vectors import Vectors, word_vectors
from annotation.words import find_words

CONSIDERED = 100_000
"""Of a larger archive so many of the worthiest reports are compared: memory has an end."""
UNCERTAINTY_FIELD = "uncertainty"

_NEAR = 0.4
"""Near-duplicates have a higher cosine: only those above are compared shingle by shingle. A Jaccard
of 0.7 leaves 0.82 of each side in common; by weights of 1/2 and 1 that is a cosine of 0.53."""
_COMPARED = 10
"""So many of them at most: a near-duplicate is not behind ten others that are nearer."""
_LABELLED_AT_ONCE = 64
"""Rows of a product with all texts: 26 MB for each 100,000 texts."""

Progress = Callable[[Iterable[int], int], Iterable[int]]
"""Wraps the places of the queue as they are filled, of so many, to show how far it is."""
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Picked:
    """A place in the queue."""

    index: int
    """Of the candidate."""
    similarity: float
    """Cosine to the nearest report that was annotated or picked before."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What was picked, first the worthiest, and what was passed over."""

    picked: list[Picked] = field(default_factory=list)
    near_duplicates: list[int] = field(default_factory=list)
    """Candidates that came up and were nearly the same as one that is annotated or picked."""


@dataclass(slots=True)
class QueueAccount:
    """What became of the reports that a queue was picked from."""

    reports: int = 0
    labelled: int = 0
    """Reports among them that are annotated already."""
    unpredicted: int = 0
    """Reports without a prediction that says how uncertain it is."""
    wordless: int = 0
    """Reports without a word to mark."""
    considered: int = 0
    near_duplicates: int = 0
    picked: int = 0
    wanted: int = 0

    def describe(self) -> list[str]:
        """The account, a line for each thing that happened."""
        lines = [f"{self.picked:,} of {self.reports:,} reports are in the queue"]
        for count, told in (
            (self.labelled, "annotated already"),
            (self.unpredicted, "without a prediction: left out"),
            (self.wordless, "without a word: left out"),
            (self.near_duplicates, "nearly the same as an annotated or picked one: passed over"),
        ):
            if count:
                lines.append(f"{count:,} {told}")
        rest = self.reports - self.labelled - self.unpredicted - self.wordless - self.considered
        if rest:
            lines.append(f"the {self.considered:,} worthiest were compared, {rest:,} not")
        if self.picked < self.wanted:
            lines.append(f"asked for {self.wanted:,}: there are no more that differ")
        return lines


def worth_of(text: str, uncertainty: float) -> float:
    """What annotating a report is worth by itself; nothing where it has no word to mark."""
    return _worth(len(find_words(text)), uncertainty)


def _worth(words: int, uncertainty: float) -> float:
    return uncertainty * math.sqrt(words)


def pick_queue(
    texts: Sequence[str],
    worths: Sequence[float],
    labelled: Sequence[str],
    count: int,
    progress: Progress = lambda places, total: places,
) -> Queue:
    """Pick up to `count` of `texts`, which differ from each other and from `labelled` texts.

    `worths` are those of `worth_of`. Deterministic: of two equally worthy texts the first is taken.
    """
    queue = Queue()
    everything = [*texts, *labelled]
    if not texts:
        return queue
    vectors = word_vectors(everything)
    # By column, so that a product costs only what its two sides have in common.
    by_column = vectors.T.tocsr()
    nearest = _nearest(vectors[len(texts) :], by_column)
    is_known = np.arange(len(everything)) >= len(texts)
    is_waiting = ~is_known
    worth = np.zeros(len(everything), np.float32)
    worth[: len(texts)] = worths

    def places() -> Iterator[int]:
        while len(queue.picked) < count and is_waiting.any():
            index = int(np.where(is_waiting, worth * (1 - nearest), -1).argmax())
            is_waiting[index] = False
            cosines = _cosines(vectors[index], by_column)[0]
            near = _nearest_of(cosines, is_known)
            if near and near_duplicates_among([texts[index]], [everything[i] for i in near]):
                queue.near_duplicates.append(index)
                continue
            queue.picked.append(Picked(index, float(nearest[index])))
            is_known[index] = True
            np.maximum(nearest, cosines, out=nearest)
            yield len(queue.picked)

    for _ in progress(places(), count):
        pass
    return queue


def _nearest(labelled: Vectors, by_column: Vectors) -> Floats:
    """Of each text the cosine to the nearest labelled one; 0 where there is none."""
    nearest: Floats = np.zeros(by_column.shape[1], np.float32)
    for start in range(0, labelled.shape[0], _LABELLED_AT_ONCE):
        cosines = _cosines(labelled[start : start + _LABELLED_AT_ONCE], by_column)
        np.maximum(nearest, cosines.max(axis=0), out=nearest)
    return nearest


def _cosines(rows: Vectors, by_column: Vectors) -> Floats:
    """Of each of `rows`, few, and each text; rounding makes none of them more than 1."""
    cosines: Floats = (rows @ by_column).toarray()
    return np.minimum(cosines, 1, out=cosines)


def _nearest_of(cosines: Floats, is_known: npt.NDArray[np.bool_]) -> list[int]:
    """The known texts that a text may be a near-duplicate of, the nearest first."""
    near = np.flatnonzero(is_known & (cosines >= _NEAR))
    order = np.argsort(-cosines[near], kind="stable")[:_COMPARED]
    return [int(i) for i in near[order]]


def queue_files(
    reports: Sequence[str | Path],
    predictions: str | Path,
    labelled: Sequence[str | Path],
    output: str | Path,
    count: int,
    options: ReadOptions,
    ledger: Ledger,
    progress: Progress = lambda places, total: places,
) -> QueueAccount:
    """Write the next `count` reports to annotate to `output`, and their predictions beside it.

    Reports whose id is in `labelled`, annotated or only on their way, are left out. What is written
    carries `uncertainty`, the worthiest first; the record of the run that predicted goes along.
    Raises UserError where nothing is left to pick from, and for a count below 1.
    """
    if count < 1:
        raise UserError(f"--count {count}: expected 1 or more")
    if written_format(output) != "jsonl":
        raise UserError(f"{output}: a queue is written as JSONL; expected a name in .jsonl")
    options = replace(options, with_spans=False)
    records, labelled_records = read_records(reports, options), read_records(labelled, options)
    uncertainties = read_uncertainties(predictions, ledger)
    texts_of_labelled = {report.id: report.text for report in ledger.sort(labelled_records)}
    account = QueueAccount(wanted=count)

    def eligible() -> Iterator[tuple[float, Report]]:
        for report in ledger.sort(records):
            account.reports += 1
            if report.id in texts_of_labelled:
                account.labelled += 1
            elif report.id not in uncertainties:
                account.unpredicted += 1
            elif not (words := len(find_words(report.text))):
                account.wordless += 1
            else:
                yield _worth(words, uncertainties[report.id]), report

    worthiest = heapq.nlargest(CONSIDERED, eligible(), key=lambda pair: pair[0])
    candidates = [report for _, report in worthiest]
    account.considered = len(candidates)
    if not candidates:
        raise UserError(
            f"nothing to pick from: of {account.reports} reports {account.labelled} are annotated "
            f"already, {account.unpredicted} have no prediction in {predictions}, "
            f"{account.wordless} have no word; are the ids of the reports those of the predictions?"
        )
    queue = pick_queue(
        [report.text for report in candidates],
        [worth for worth, _ in worthiest],
        list(texts_of_labelled.values()),
        count,
        progress,
    )
    account.picked, account.near_duplicates = len(queue.picked), len(queue.near_duplicates)
    picked = [
        replace(report, fields={**report.fields, UNCERTAINTY_FIELD: uncertainties[report.id]})
        for report in (candidates[one.index] for one in queue.picked)
    ]
    write_reports(picked, output, "jsonl", ledger)
    if str(output) != STANDARD_OUTPUT:
        beside = predictions_beside(output)
        copy_predictions(predictions, {one.id for one in picked}, beside)
        _copy_run(predictions, beside)
    return account


def _copy_run(predictions: str | Path, copied: Path) -> None:
    """Let the record of the run, which says which model it was, go with its predictions."""
    run, beside = Path(f"{predictions}.run.json"), Path(f"{copied}.run.json")
    if run.is_file():
        with open_output_bytes(beside) as stream:
            stream.write(run.read_bytes())
    else:
        beside.unlink(missing_ok=True)
