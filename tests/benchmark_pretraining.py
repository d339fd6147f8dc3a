"""How fast pre-training is against the same model in plain eager bfloat16, measured in turn.

    python tests/benchmark_pretraining.py --config configs/pretrain.toml

Plain is what one would write first: every piece predicted, the library's own loss, AdamW. Ours are
the learner and the optimisers of `training pretrain`, eager and compiled. Each turn takes some
steps of every way; told are medians over the turns, and their ratios.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from transformers import AutoModelForMaskedLM

from inference.matrix_rate import measured_matrix_rate
from training.config import read_config
from training.encoder import encoder_config
from training.hardware import bf16_is_fast
from training.pretraining.config import PretrainConfig
from training.pretraining.learner import MaskedLearner, Optimizers
from training.pretraining.masking import Masked, WordMasker
from training.pretraining.speed import operations_per_piece
from training.vocabulary import SPECIAL, train_tokenizer

TURNS = 5
STEPS = 4


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", default="configs/pretrain.toml")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    arguments = parser.parse_args()
    config = read_config(arguments.config, arguments.set, PretrainConfig)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    batches = list(make_batches(config))
    ways = {
        "plain, eager": plain(config, device),
        "ours, AdamW, eager": ours(config, device, "adamw", compiled=False),
        "ours, AdamW, compiled": ours(config, device, "adamw", compiled=True),
        "ours, Muon, compiled": ours(config, device, "muon", compiled=True),
    }
    for step in ways.values():  # Kernels are built and graphs compiled outside of the clock.
        step(batches[0])
        step(batches[1])
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, step in ways.items():
            started = time.perf_counter()
            for batch in batches[:STEPS]:
                step(batch)
            if device.type == "cuda":
                torch.cuda.synchronize()
            pieces = sum(batch.ids.size for batch in batches[:STEPS])
            rates[name].append(pieces / (time.perf_counter() - started))
    base = statistics.median(rates["plain, eager"])
    dtype = torch.bfloat16 if bf16_is_fast() else torch.float32
    peak = measured_matrix_rate(device, dtype)
    schedule = config.schedule
    model = new_model(config)
    operations = operations_per_piece(model, schedule.sequence, schedule.masked)
    print(
        f"{device}, {torch.get_num_threads()} threads, {dtype}, {peak / 1e12:.2f} TFLOP/s at most"
    )
    print(f"{schedule.batch[0]} sequences of {schedule.sequence}")
    print(f"{'':26}{'pieces/s':>10}{'ratio':>8}{'of matrix rate':>16}")
    for name, measured in rates.items():
        rate = statistics.median(measured)
        print(f"{name:26}{rate:10.0f}{rate / base:8.2f}{rate * operations / peak:16.2f}")


def new_model(config: PretrainConfig) -> torch.nn.Module:
    """The configured encoder with random weights, and as large a vocabulary."""
    tokenizer = train_tokenizer(["نص"], 100)
    tokenizer.add_tokens(
        [f"w{number}" for number in range(config.model.vocabulary - len(tokenizer))]
    )
    torch.manual_seed(13)
    shape = encoder_config(config.model.config, tokenizer)
    return AutoModelForMaskedLM.from_config(shape, dtype=torch.float32)


def make_batches(config: PretrainConfig) -> list[Masked]:
    """Batches of random pieces with hidden words."""
    size = config.model.vocabulary
    masker = WordMasker(
        [f"w{n}" for n in range(size)], range(len(SPECIAL)), 4, config.schedule.masked
    )
    random = np.random.default_rng(13)
    shape = (config.schedule.batch[0], config.schedule.sequence)
    return [masker.hide(random.integers(len(SPECIAL), size, shape), random) for _ in range(STEPS)]


def plain(config: PretrainConfig, device: torch.device) -> Callable[[Masked], None]:
    """A step of the model as the library gives it."""
    model = new_model(config).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)

    def step(batch: Masked) -> None:
        labels = np.full(batch.ids.size, -100)
        labels[batch.places] = batch.pieces
        ids = torch.from_numpy(batch.ids).to(device)
        target = torch.from_numpy(labels.reshape(batch.ids.shape)).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16_is_fast()):
            loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=target).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def ours(
    config: PretrainConfig, device: torch.device, optimizer: str, *, compiled: bool
) -> Callable[[Masked], None]:
    """A step of `training pretrain`."""
    learner = MaskedLearner(new_model(config)).to(device).train()
    settings = config.optimizer.model_copy(update={"name": optimizer})
    optimizers = Optimizers(learner, settings)
    run = torch.compile(learner) if compiled else learner

    def step(batch: Masked) -> None:
        tensors = [torch.from_numpy(array).to(device) for array in batch]
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16_is_fast()):
            loss = run(*tensors)
        loss.backward()
        optimizers.step(0.01)

    return step


if __name__ == "__main__":
    main()
