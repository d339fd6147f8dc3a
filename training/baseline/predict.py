"""Files in and out: fit a baseline on some reports, and predict others with it."""

import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from annotation.files import write_json
from annotation.formats import ReadOptions, write_reports
from annotation.formats.writing import STANDARD_OUTPUT, written_format
from inference.provenance import commit, versions
from inference.tagged_words import WordTagger
from training.baseline.crf import CrfTagger, import_crfsuite
from training.baseline.dictionary import NameTagger
from training.data import read_annotated


def predict_baseline(
    train: Sequence[str],
    gold: str,
    output: str,
    options: ReadOptions | None = None,
    *,
    only_names: bool = False,
) -> dict[str, Any]:
    """Fit on the files `train`, predict the texts of `gold` into `output`; gives `OUT.run.json`.

    Predictions stand in the order of the gold reports, in the form of `inference predict`.
    Raises UserError.
    """
    started = time.perf_counter()
    output_format = written_format(output, predictions=True)
    if not only_names:
        import_crfsuite()  # What is missing is told before anything is read.
    learned = read_annotated(train, None, options)
    asked = read_annotated([gold], None, options)
    tagger: WordTagger = (
        NameTagger(learned.reports) if only_names else CrfTagger.fit(learned.reports)
    )
    tagged = tagger.tag_words(asked.reports)
    predicted = (words.on(report) for report, words in zip(asked.reports, tagged, strict=True))
    written = write_reports(predicted, output, output_format)
    crfsuite = {} if only_names else {"python-crfsuite": version("python-crfsuite")}
    run = {
        "model": None,
        "baseline": "names" if only_names else "crf",
        "train": learned.hashes,
        "training_reports": len(learned.reports),
        "inputs": asked.hashes,
        "predicted": written,
        "set_aside": learned.set_aside + asked.set_aside,
        "seconds": round(time.perf_counter() - started, 1),
        "versions": {**versions(), **crfsuite},
        "commit": commit(),
    }
    if output != STANDARD_OUTPUT:
        write_json(run, Path(f"{output}.run.json"))
    return run
