"""How fast prediction is in each precision, against others' ways, for a small and a large model.

    python tests/benchmark_speed.py --model runs/embedded/model --output runs/speed

The small one is a fitted model folder. The large one has AraBERT-base's shape (12 × 768, 64,000
pieces): random weights, fitted for some steps, since decisions of random weights are all ties. Of
each the int8 network is made with the development reports, and then all ways have their turns on
the held-out reports (`inference benchmark`), into a folder each. Exit status 1 where a precision is
not as many times faster than transformers.pipeline as is promised, or where `exact` has other
spans than the reference.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertForMaskedLM

from annotation.formats import read_records
from annotation.ledger import Ledger
from inference.__main__ import main as inference
from inference.int8 import INT8
from training.__main__ import main as training
from training.vocabulary import train_tokenizer

PROMISED = {"exact": 2.8, "fast": 5.0, "fastest": 8.0}
"""Times as fast as transformers.pipeline at its best batch size, where MKL is as it comes."""
VOCABULARY = 64_000
LEARNED_PIECES = 16_000
"""The corpus has no 64,000 pieces to learn: the table is as large, and no text reaches the rest."""
STEPS = 120


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
    parser.add_argument("--steps", type=int, default=STEPS, help="of the large model's fitting")
    arguments = parser.parse_args()
    small = arguments.output / "embedded-model"
    if not small.is_dir():
        # A copy: the int8 network goes into the folder.
        shutil.copytree(arguments.model, small)
    large = arguments.output / "base-model"
    if not large.is_dir():
        fit_large(large, arguments.train, arguments.steps)
    reached = True
    for name, model in (("embedded", small), ("base", large)):
        print(f"\n## {name}\n", flush=True)
        reached &= measure(model, arguments.output / name, arguments)
    return 0 if reached else 1


def fit_large(folder: Path, train: str, steps: int) -> None:
    """A model of AraBERT-base's shape with random weights, fitted for some steps."""
    encoder = folder.with_name("base-encoder")
    with Ledger() as ledger:
        texts = [report.text for report in ledger.sort(read_records([train]))]
    tokenizer = train_tokenizer(texts, LEARNED_PIECES)
    tokenizer.model_max_length = 512
    torch.manual_seed(13)
    config = BertConfig(vocab_size=VOCABULARY, pad_token_id=tokenizer.pad_token_id)
    BertForMaskedLM(config).save_pretrained(encoder)
    tokenizer.save_pretrained(encoder)
    settings = folder.with_name("base.toml")
    settings.write_text(
        f'[model]\nencoder = "{encoder}"\nwindow = 512\n[data]\ntrain = "{train}"\n'
        f"[trainer]\nmax_steps = {steps}\nper_device_train_batch_size = 4\nlearning_rate = 1e-4\n"
        'warmup_steps = 0.2\nsave_strategy = "no"\nreport_to = "none"\nseed = 13\n',
        encoding="utf-8",
    )
    if training(["fit", "--config", str(settings), "--output", str(folder)]) == 2:
        raise SystemExit("the large model could not be fitted")


def measure(model: Path, output: Path, arguments: argparse.Namespace) -> bool:
    """Make the int8 network, let all ways have their turns, and hold them against PROMISED."""
    if not (model / INT8).is_dir():
        prepare = ["prepare", "--model", str(model), "--calibration", arguments.dev]
        # What it loses is in the table: here it may lose what it likes.
        if inference([*prepare, "--gold", arguments.dev, "--allow-loss"]) == 2:
            raise SystemExit("the int8 network could not be made")
    command = ["benchmark", "--model", str(model), arguments.texts, "--output", str(output)]
    if inference([*command, "--repetitions", str(arguments.repetitions)]) == 2:
        raise SystemExit("nothing could be measured")
    content = json.loads((output / "benchmark.json").read_text("utf-8"))
    return told(content["ways"])


def told(ways: Sequence[dict[str, Any]]) -> bool:
    """Print what is promised beside what was measured; whether all of it was reached."""
    by_name = {way["name"]: way for way in ways}
    pipeline = by_name["pipeline"]["pieces_per_second"]
    reached = True
    print()
    for name, least in PROMISED.items():
        ratio = by_name[name]["pieces_per_second"] / pipeline if name in by_name else 0.0
        reached &= ratio >= least
        print(f"{name:8} {ratio:5.2f} × the pipeline, promised {least}")
    same = by_name["exact"]["same_reports"]
    print(f"exact    the reference's spans in {100 * same:.2f} % of reports")
    return reached and same == 1


if __name__ == "__main__":
    sys.exit(main())
