"""How fast prediction is in each precision, against others' ways, for a small and a large model.

    python tests/benchmark_speed.py --model runs/embedded/model --output runs/speed

The small one is a fitted model folder. The large one has AraBERT-base's shape (12 × 768, 64,000
pieces): fitted from random weights in some minutes, since decisions of random weights are all ties.
Of each the int8 network is made with the development reports, and then all ways have their turns on
the held-out reports (`inference benchmark`), into a folder each. Exit status 1 where something that
is promised was not reached: how many times faster than transformers.pipeline a precision is, the
reference's spans, the share of the matrix rate, F1, memory.

Models that are there are not made again. `--only embedded --reports 20 --repetitions 1` shows
within minutes that all of it runs.
"""

import argparse
import copy
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertForMaskedLM, BertForTokenClassification

from annotation.formats import read_records, write_reports
from annotation.ledger import Ledger
from inference.__main__ import main as inference
from inference.int8 import INT8
from training.__main__ import main as training
from training.record import RECORD
from training.vocabulary import train_tokenizer

PROMISED = {"exact": 2.8, "fast": 5.0, "fastest": 8.0}
"""Times as fast as transformers.pipeline at its best batch size, where MKL is as it comes."""
MATRIX_SHARE = 0.75
"""Of the machine's matrix rate in float32 that `exact` reaches with the large model."""
F1_LOSS = {"fast": 0.002, "fastest": 0.003}
"""Against `exact`, at most."""
MEMORY = {"embedded": 0.6e9, "base": 1.8e9}
"""Bytes of the process, at most."""
VOCABULARY = 64_000
LEARNED_PIECES = 16_000
"""The corpus has no 64,000 pieces to learn: the table is as large, and no text reaches the rest."""
FIRST_LAYERS = 2
LAYERS = 12
FIRST_STEPS = 600
STEPS = 100


def main() -> int:
    """Make the models, measure, print, and say whether what is promised was reached."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a fitted model folder")
    parser.add_argument("--train", default="runs/corpus/train.jsonl")
    parser.add_argument("--dev", default="runs/corpus/dev.jsonl")
    parser.add_argument("--texts", default="runs/corpus/held_out.jsonl")
    parser.add_argument(
        "--output", type=Path, required=True, help="a folder for models and figures"
    )
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--reports", type=int, help="the first of the held-out ones (default: all)")
    parser.add_argument("--only", choices=sorted(MEMORY), help="one of the models (default: both)")
    parser.add_argument(
        "--first-steps", type=int, default=FIRST_STEPS, help="of the large model's first layers"
    )
    parser.add_argument("--steps", type=int, default=STEPS, help="of all its layers")
    arguments = parser.parse_args()
    models = {name: arguments.output / f"{name}-model" for name in ("embedded", "base")}
    if arguments.only:
        models = {arguments.only: models[arguments.only]}
    if "embedded" in models and not models["embedded"].is_dir():
        # A copy: the int8 network goes into the folder.
        partial = arguments.output / "embedded-model.part"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(arguments.model, partial)
        partial.rename(models["embedded"])
    if "base" in models and not (models["base"] / RECORD).is_file():
        fit_large(models["base"], arguments.train, arguments.first_steps, arguments.steps)
    texts = first_reports(arguments)
    reached = True
    for name, model in models.items():
        print(f"\n## {name}\n", flush=True)
        reached &= measure(name, model, texts, arguments)
    return 0 if reached else 1


def first_reports(arguments: argparse.Namespace) -> str:
    """The file of the reports to measure with."""
    if arguments.reports is None:
        return str(arguments.texts)
    texts = arguments.output / "texts.jsonl"
    with Ledger() as ledger:
        write_reports(
            islice(ledger.sort(read_records([arguments.texts])), arguments.reports), texts
        )
    return str(texts)


def fit_large(folder: Path, train: str, first_steps: int, steps: int) -> None:
    """A model of AraBERT-base's shape, fitted from random weights.

    Two layers are fitted for `first_steps`, then stacked six times and fitted together for `steps`
    (Gong et al. 2019): twelve from the beginning would take hours to decide anything.
    """
    encoder, shallow = folder.with_name("base-encoder"), folder.with_name("base-shallow")
    stacked = folder.with_name("base-stacked")
    with Ledger() as ledger:
        texts = [report.text for report in ledger.sort(read_records([train]))]
    tokenizer = train_tokenizer(texts, LEARNED_PIECES)
    tokenizer.model_max_length = 512
    torch.manual_seed(13)
    config = BertConfig(
        vocab_size=VOCABULARY, num_hidden_layers=FIRST_LAYERS, pad_token_id=tokenizer.pad_token_id
    )
    BertForMaskedLM(config).save_pretrained(encoder)
    tokenizer.save_pretrained(encoder)
    fit(encoder, train, [f"max_steps = {first_steps}", "learning_rate = 3e-4"], shallow)
    stack(shallow, stacked)
    tokenizer.save_pretrained(stacked)
    fit(encoder, train, [f"max_steps = {steps}", "learning_rate = 1e-4"], folder, stacked)


def fit(
    encoder: Path, train: str, settings: Sequence[str], folder: Path, init: Path | None = None
) -> None:
    """Fit a model into `folder`, from `encoder` or from the earlier model `init`."""
    config = folder.with_suffix(".toml")
    config.write_text(
        f'[model]\nencoder = "{encoder}"\nwindow = 512\n[data]\ntrain = "{train}"\n[trainer]\n'
        'per_device_train_batch_size = 4\nwarmup_steps = 0.1\nsave_strategy = "no"\n'
        'report_to = "none"\nseed = 13\n' + "\n".join(settings),
        encoding="utf-8",
    )
    earlier = ["--init", str(init)] if init else []
    if training(["fit", "--config", str(config), "--output", str(folder), *earlier]) == 2:
        raise SystemExit("the large model could not be fitted")


def stack(shallow: Path, folder: Path) -> None:
    """A model with the layers of `shallow` over and over, as many as AraBERT-base has."""
    model = BertForTokenClassification.from_pretrained(shallow)
    layers = model.bert.encoder.layer
    model.bert.encoder.layer = torch.nn.ModuleList(
        copy.deepcopy(layers[number % len(layers)]) for number in range(LAYERS)
    )
    model.config.num_hidden_layers = LAYERS
    model.save_pretrained(folder)


def measure(name: str, model: Path, texts: str, arguments: argparse.Namespace) -> bool:
    """Make the int8 network, let all ways have their turns, and say whether all was reached."""
    output = arguments.output / name
    if not (model / INT8).is_dir():
        prepare = ["prepare", "--model", str(model), "--calibration", arguments.dev]
        # What it loses is in the table: here it may lose what it likes.
        if inference([*prepare, "--gold", arguments.dev, "--allow-loss"]) == 2:
            raise SystemExit("the int8 network could not be made")
    command = ["benchmark", "--model", str(model), texts, "--output", str(output)]
    if inference([*command, "--repetitions", str(arguments.repetitions)]) == 2:
        raise SystemExit("nothing could be measured")
    content = json.loads((output / "benchmark.json").read_text("utf-8"))
    print()
    held = [told(line, reached) for line, reached in promises(name, content)]
    return all(held)


def told(line: str, reached: bool) -> bool:
    """Print what was measured of something promised, and whether that was reached."""
    print(line if reached else f"{line}: NOT REACHED", flush=True)
    return reached


def promises(model: str, content: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """What is promised beside what was measured, a line each, and whether it was reached."""
    ways = {way["name"]: way for way in content["ways"]}
    for name in (*PROMISED, "pipeline", "reference"):
        if name not in ways:
            yield f"{name:8} was not measured: {content['left_out'].get(name)}", False
    for name, least in PROMISED.items():
        if name in ways and "pipeline" in ways:
            ratio = ways[name]["pieces_per_second"] / ways["pipeline"]["pieces_per_second"]
            yield f"{name:8} {ratio:.2f} × the pipeline, promised {least}", ratio >= least
    if {"exact", "reference"} <= ways.keys():
        same = ways["exact"]["same_reports"]
        yield f"exact    the reference's spans in {100 * same:.2f} % of reports", same == 1
    for name in [name for name in PROMISED if name in ways]:
        memory = ways[name]["peak_memory"]
        line = f"{name:8} {memory / 1e6:.0f} MB, promised {MEMORY[model] / 1e6:.0f}"
        yield line, memory <= MEMORY[model]
    if model == "base" and "exact" in ways:
        share = ways["exact"]["operations_per_second"] / content["matrix_rates"]["fp32"]
        line = f"exact    {share:.2f} of the matrix rate, promised {MATRIX_SHARE}"
        yield line, share >= MATRIX_SHARE
    for name, most in F1_LOSS.items():
        if {"exact", name} <= ways.keys() and ways["exact"]["f1"] is not None:
            loss = ways["exact"]["f1"] - ways[name]["f1"]
            line = f"{name:8} {100 * loss:.2f} points of F1 less than exact, promised {100 * most}"
            yield line, loss <= most


if __name__ == "__main__":
    sys.exit(main())
