"""Suspects by the model of a configuration, fitted for each fold: `fold-N/model` of the output."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from annotation.formats import ReadOptions
from annotation.labels import load_labels
from annotation.report import Report
from inference.predictor import BatchPredictor
from inference.tagged_words import WordTagger
from training.config import LABELS_FROM_DATA, Config
from training.data import AnnotatedReports, read_annotated
from training.fit import fit
from training.suspects.find import FoundSuspects, SuspectSearch, search_annotations
from training.suspects.out_of_sample import FoldTagger
from training.sweep import write_fold, write_labels


def find_by_model(
    config: Config,
    sources: Sequence[str],
    output: Path,
    search: SuspectSearch,
    options: ReadOptions | None = None,
    *,
    resume: bool = False,
) -> FoundSuspects:
    """Look for likely mistakes with the configuration's own model; the seed is the fits'.

    Its training and held-out reports are not used; development reports, where it has some, pick
    the best epoch of every fit. With `resume` finished folds are not fitted anew. Raises UserError.
    """
    from_data = config.data.labels == LABELS_FROM_DATA
    labels = None if from_data else [label.name for label in load_labels(config.data.labels)]
    gold = read_annotated(sources, labels, options)
    seed = int(config.trainer_settings().get("seed", search.seed))
    tagger_of = _fit_each_fold(config, gold, output, resume)
    model = config.model_dump(mode="json", exclude_unset=True)
    return search_annotations(gold, output, replace(search, seed=seed), tagger_of, model)


def _fit_each_fold(
    config: Config, gold: AnnotatedReports, output: Path, resume: bool
) -> FoldTagger:
    options = ReadOptions(format=config.data.format, annotators=config.data.annotators)
    dev = read_annotated(config.data.dev, None, options) if config.data.dev else None
    labels = write_labels(config, gold, output)

    def fit_fold(number: int, others: Sequence[Report], held_out: Sequence[Report]) -> WordTagger:
        folder = output / f"fold-{number}"
        data = write_fold(folder, others, dev, held_out, labels)
        fit(config.model_copy(update={"data": data}), folder / "model", resume=resume)
        return BatchPredictor.from_pretrained(folder / "model")

    return fit_fold
