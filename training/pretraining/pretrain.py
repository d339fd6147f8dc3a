"""Pre-train an encoder on texts: from a configuration to a folder that fitting can start from."""

import json
import logging
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from torch.nn.parallel import DistributedDataParallel
from transformers import AutoModelForMaskedLM, set_seed

from annotation.bundled import find_file
from annotation.files import sha256_of_file, write_json
from annotation.formats import ReadOptions, read_records
from annotation.formats.source import find_sources
from annotation.ledger import Ledger
from annotation.problems import UserError
from inference.arabert import with_arabert_treatment
from inference.model_folder import load_tokenizer
from inference.provenance import commit, versions
from training.encoder import encoder_config, not_loadable
from training.hardware import bf16_is_fast, this_process
from training.hub import find_encoder
from training.pretraining.card import write_encoder_card
from training.pretraining.config import PretrainConfig
from training.pretraining.focus import Focus
from training.pretraining.learner import (
    MaskedLearner,
    Optimizers,
    load_checkpoint,
    save_checkpoint,
)
from training.pretraining.masking import WordMasker
from training.pretraining.schedule import Step, plan_steps
from training.pretraining.speed import measured_matrix_rate, operations_per_piece
from training.pretraining.stream import (
    Sequences,
    TextStream,
    is_whole,
    iterate_texts,
    open_stream,
    write_stream,
)
from training.vocabulary import train_tokenizer

log = logging.getLogger(__name__)

RECORD = "pretraining.json"
WORK = "work"
"""In the output folder: tokenizer, stream and checkpoint, for the next call."""
HELD_OUT_SEQUENCES = 512
VOCABULARY_TEXTS = 200_000
"""The vocabulary is trained on so many texts, the first."""


def pretrain(config: PretrainConfig, output: Path, init: str | None = None) -> dict[str, Any]:
    """Pre-train into `output`, going on where an earlier call of the same configuration stopped.

    `init` is a hub name or folder of an encoder to go on from, with its own vocabulary. Gives the
    record (`pretraining.json`). Raises UserError.
    """
    bf16 = bf16_is_fast() if config.run.bf16 is None else config.run.bf16
    process = this_process()
    work = output / WORK
    with process.main_process_first():
        if process.is_main_process:
            _prepare(config, output, init)
            _prepare_texts(config, work, init)
    tokenizer = load_tokenizer(work / "tokenizer")
    stream = open_stream(work / "stream")
    set_seed(config.schedule.seed)
    learner = MaskedLearner(_start_model(config, tokenizer, init))
    optimizers = Optimizers(learner, config.optimizer)
    run = _Run(config, process, bf16, learner, optimizers, tokenizer, stream, work)
    history = run.learn()
    record = {
        "config": config.model_dump(mode="json", exclude_unset=True),
        "init": init,
        "data": {
            source.name: sha256_of_file(source.path)
            for source in find_sources(config.data.files, None)[0]
            if source.path
        },
        "text": stream.counts,
        "parameters": sum(p.numel() for p in learner.parameters()),
        "history": history,
        "seconds": round(sum(entry["seconds"] for entry in history), 1),
        "device": str(process.device),
        "processes": process.num_processes,
        "bf16": bf16,
        "versions": versions(),
        "commit": commit(),
    }
    if process.is_main_process:
        # Half the size, and no loss that fine-tuning would notice: fp16 holds weights to 3 digits.
        learner.model.half().save_pretrained(output)
        tokenizer.model_max_length = getattr(learner.model.config, "max_position_embeddings", 512)
        tokenizer.save_pretrained(output)
        write_encoder_card(output, record)
        write_json(record, output / RECORD)
    process.wait_for_everyone()
    return record


def _prepare(config: PretrainConfig, output: Path, init: str | None) -> None:
    """See that `output` is new, or that of a run with the same settings."""
    file = output / WORK / "settings.json"
    settings = {"config": config.model_dump(mode="json", exclude={"run"}), "init": init}
    if file.is_file():
        if json.loads(file.read_text("utf-8")) != json.loads(json.dumps(settings)):
            raise UserError(
                f"{output}: holds a run with other settings; call it as before to go on, "
                "or name a new folder"
            )
    elif output.exists() and any(output.iterdir()):
        raise UserError(f"{output}: holds something else; expected a new or empty folder")
    else:
        write_json(settings, file)


def _prepare_texts(config: PretrainConfig, work: Path, init: str | None) -> None:
    """Make the tokenizer and the stream of pieces, once."""
    if is_whole(work / "stream"):
        return

    def texts(files: list[str], ledger: Ledger) -> Iterator[str]:
        options = ReadOptions(with_spans=False)
        records = read_records([find_file(file) for file in files], options)
        return iterate_texts(ledger.sort(records))

    if init is not None:
        tokenizer = with_arabert_treatment(load_tokenizer(find_encoder(init)), init)
    else:
        log.info("training a vocabulary of %d pieces", config.model.vocabulary)
        # Read once for the vocabulary and once for the stream: what is wrong is told of the second.
        sample = islice(texts(config.data.files, Ledger()), VOCABULARY_TEXTS)
        tokenizer = train_tokenizer(list(sample), config.model.vocabulary)
    tokenizer.save_pretrained(work / "tokenizer")
    ledger = Ledger()
    write_stream(
        texts(config.data.files, ledger),
        tokenizer,
        work / "stream",
        exclude=list(texts(config.data.exclude, ledger)) if config.data.exclude else [],
        held_out=config.data.held_out,
        like=list(texts(config.data.like, ledger)) if config.data.like else [],
    )
    for line in ledger.summary():
        log.warning(line)


def _start_model(config: PretrainConfig, tokenizer: Any, init: str | None) -> Any:
    if init is None:
        shape = encoder_config(config.model.config, tokenizer)
        return AutoModelForMaskedLM.from_config(shape, dtype=torch.float32)
    try:
        return AutoModelForMaskedLM.from_pretrained(
            find_encoder(init), trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError) as error:
        raise UserError(not_loadable(init, error)) from None


class _Run:
    """The steps of one pre-training, from its checkpoint to its end."""

    def __init__(
        self,
        config: PretrainConfig,
        process: PartialState,
        bf16: bool,
        learner: MaskedLearner,
        optimizers: Optimizers,
        tokenizer: Any,
        stream: TextStream,
        work: Path,
    ) -> None:
        self._config = config
        self._process = process
        self._bf16 = bf16
        self._plain = learner
        self._optimizers = optimizers
        self._checkpoint = work / "checkpoint"
        schedule = config.schedule
        cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
        focus = (
            Focus(stream.like, stream.train, len(tokenizer), schedule.focus)
            if len(stream.like)
            else None
        )
        frame = (schedule.sequence, schedule.seed, cls, sep, focus)
        self._train = Sequences(stream.train, *frame)
        self._held_out = Sequences(stream.held_out, *frame)
        if self._train.per_epoch < 1:
            raise UserError("the texts are shorter than one sequence; expected more text")
        self._masker = WordMasker(
            tokenizer.convert_ids_to_tokens(range(len(tokenizer))),
            tokenizer.all_special_ids,
            tokenizer.mask_token_id,
            schedule.masked,
        )
        dtype = torch.bfloat16 if bf16 else torch.float32
        self._operations = operations_per_piece(
            learner.model, schedule.sequence, schedule.masked
        ) / measured_matrix_rate(process.device, dtype)

    def learn(self) -> list[dict[str, Any]]:
        """All steps that are still to be done; the history of all."""
        run, schedule = self._config.run, self._config.schedule
        self._plain.to(self._process.device)
        done = load_checkpoint(self._checkpoint, self._plain, self._optimizers) or {}
        history: list[dict[str, Any]] = done.get("history", [])
        learner: Any = (
            DistributedDataParallel(self._plain) if self._process.num_processes > 1 else self._plain
        )
        if run.compile:
            if self._process.device.type == "cpu":
                # Compiled, plain attention is a third faster there than the fused kernel, whose
                # backward pass takes as long as all matrix products together.
                self._plain.model.set_attn_implementation("eager")
            learner = torch.compile(learner)
        steps = plan_steps(schedule, self._process.num_processes)
        losses = [torch.tensor(loss) for loss in done.get("losses", [])]
        started, sequences = time.perf_counter(), 0
        for step in steps[done.get("step", 0) :]:
            losses.append(self._step(learner, step))
            sequences += step.sequences
            number, last = step.number + 1, step.number + 1 == len(steps)
            evaluate = number % run.evaluate_steps == 0 or last
            if number % run.log_steps == 0 or evaluate:
                # Reading a loss waits for the device: only here, not at every step.
                mean = float(torch.stack(losses).mean())
                seconds = time.perf_counter() - started
                entry = self._entry(step, mean, sequences * schedule.sequence, seconds)
                if evaluate and (held_out := self.held_out_loss(learner)) is not None:
                    entry["held_out_loss"] = round(held_out, 4)
                history.append(entry)
                if self._process.is_main_process:
                    log.info(" ".join(f"{key} {value:g}" for key, value in entry.items()))
                losses, started, sequences = [], time.perf_counter(), 0
            if number % run.checkpoint_steps == 0 or last:
                self._save(number, history, [float(loss) for loss in losses])
        return history

    def _step(self, learner: Any, step: Step) -> torch.Tensor:
        share = step.sequences // self._process.num_processes
        rank = self._process.process_index
        ids = self._train.take(step.first_sequence + rank * share, share)
        random = np.random.default_rng([self._config.schedule.seed, step.number, rank])
        loss = self._loss(learner, ids, random)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizers.step(step.rate)
        return loss.detach()

    def _loss(self, learner: Any, ids: Any, random: np.random.Generator) -> torch.Tensor:
        masked = self._masker.hide(ids, random)
        device = self._process.device
        tensors = (torch.from_numpy(array).to(device) for array in masked)
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bf16):
            return learner(*tensors)  # type: ignore[no-any-return]

    def held_out_loss(self, learner: Any) -> float | None:
        """Mean loss over the first held-out sequences, with the same words hidden every time.

        None where no text, or less than a sequence, is held out.
        """
        count = min(self._held_out.per_epoch, HELD_OUT_SEQUENCES)
        if count < 1:
            return None
        losses = []
        training = learner.training
        learner.eval()
        with torch.no_grad():
            for first in range(0, count, 64):
                ids = self._held_out.take(first, min(64, count - first))
                losses.append(float(self._loss(learner, ids, np.random.default_rng(first))))
        learner.train(training)
        return sum(losses) / len(losses)

    def _entry(self, step: Step, loss: float, pieces: int, seconds: float) -> dict[str, Any]:
        rate = pieces / seconds
        schedule = self._config.schedule
        return {
            "step": step.number + 1,
            "pieces": (step.first_sequence + step.sequences) * schedule.sequence,
            "loss": round(loss, 4),
            "rate": round(step.rate, 4),
            "pieces_per_second": round(rate),
            "of_matrix_rate": round(rate * self._operations / self._process.num_processes, 3),
            "seconds": round(seconds, 2),
        }

    def _save(self, step: int, history: list[dict[str, Any]], losses: list[float]) -> None:
        if self._process.is_main_process:
            progress = {"step": step, "history": history, "losses": losses}
            save_checkpoint(self._checkpoint, self._plain, self._optimizers, progress)
        self._process.wait_for_everyone()
