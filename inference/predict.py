"""Predict files: reports in, predictions out, an account of both beside them."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from annotation.files import sha256_of_file, write_json
from annotation.formats import ReadOptions, read_records, write_reports
from annotation.formats.writing import STANDARD_OUTPUT, written_format
from annotation.ledger import Ledger
from annotation.report import Report
from inference.facts import FactReader, check_output, holds_rows, write_facts_of
from inference.predictor import LEFT_OUT, BatchPredictor
from inference.provenance import commit, versions
from inference.review import ReviewList, forget_review

Progress = Callable[[Iterator[Report]], Iterable[Report]]
"""Wraps the stream of predictions, to show how far it is."""


def predict_files(
    predictor: BatchPredictor,
    sources: Sequence[str],
    output: str,
    options: ReadOptions,
    *,
    output_format: str | None = None,
    progress: Progress = iter,
    model: str | None = None,
    review: ReviewList | None = None,
    facts: FactReader | None = None,
) -> Ledger:
    """Predict every report of `sources` into `output` (`-`: standard output), in their order.

    Beside a file come `OUT.rejected.jsonl`, if something was set aside, `OUT.run.json`, with
    `model`, the hash of the model folder, and what `review` lists. With `facts` what is written are
    the facts of the spans, as `python -m inference facts` writes them. Raises UserError before
    anything is written.
    """
    started = time.perf_counter()
    if facts is not None:
        check_output(output)
    else:
        output_format = output_format or written_format(output, predictions=True)
    records = read_records(sources, options)
    left_out = _LeftOut()
    with Ledger.beside(output) as ledger:
        predictions = left_out.count(predictor.predict(ledger.sort(records), ledger.enter))
        if review is not None:
            predictions = review.watch(predictions, predictor.calibration)
        if facts is not None:
            written = write_facts_of(progress(predictions), facts, output, ledger)
        else:
            written = write_reports(progress(predictions), output, output_format, ledger)
    if output != STANDARD_OUTPUT:
        run = {
            "model": model,
            "precision": predictor.engine.precision,
            "calibrated": predictor.calibration is not None,
            "least_score": predictor.least_score,
            "left_out": left_out.spans,
            "inputs": {s: sha256_of_file(Path(s)) for s in sources if Path(s).is_file()},
            "reports": ledger.reports,
            "rows" if facts is not None and holds_rows(output) else "predicted": written,
            "rejected": dict(ledger.rejections),
            "repaired": dict(ledger.repairs),
            "seconds": round(time.perf_counter() - started, 1),
            "versions": versions(),
            "commit": commit(),
        }
        if review is None:
            forget_review(output)
        else:
            run["review"] = review.counts.to_json()
            # Whoever pushes the list's predictions has to know the model that they are of.
            write_json(run, review.run_path)
        write_json(run, Path(f"{output}.run.json"))
    return ledger


class _LeftOut:
    """Counts the spans that were left out of predictions, while these pass by."""

    def __init__(self) -> None:
        self.spans = 0

    def count(self, predictions: Iterable[Report]) -> Iterator[Report]:
        for report in predictions:
            self.spans += len(report.fields.get(LEFT_OUT, ()))
            yield report
