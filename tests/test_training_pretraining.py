"""Pre-training: what is learned from, in which order, and that a kill costs nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from tiny import invent_reports
from tiny_fit import launch_two, run_fit, write_inputs
from transformers import AutoModelForMaskedLM, AutoTokenizer, BertConfig, ModernBertConfig

from annotation.formats import write_reports
from annotation.problems import UserError
from annotation.report import Report
from training.__main__ import main
from training.config import read_config
from training.pretraining.config import PretrainConfig, ScheduleSection
from training.pretraining.focus import Focus
from training.pretraining.learner import MaskedLearner
from training.pretraining.masking import WordMasker
from training.pretraining.pretrain import pretrain
from training.pretraining.schedule import plan_steps
from training.pretraining.stream import Sequences, open_stream, write_stream
from training.vocabulary import train_tokenizer

CONFIG = """
[model]
vocabulary = 300
[model.config]
model_type = "{kind}"
num_hidden_layers = 1
hidden_size = 32
num_attention_heads = 2
intermediate_size = 32
max_position_embeddings = 64
[data]
files = "{texts}"
held_out = 0.1
[schedule]
pieces = {pieces}
sequence = 16
batch = [4, 8]
[optimizer]
name = "{optimizer}"
learning_rate = 5e-3
[run]
bf16 = false
log_steps = 10
evaluate_steps = 40
checkpoint_steps = 7
"""


def write_config(
    folder: Path, pieces: int = 4000, kind: str = "bert", optimizer: str = "adamw"
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    texts = folder / "texts.jsonl"
    write_reports(invent_reports(120), texts)
    file = folder / "pretrain.toml"
    settings = {"texts": texts, "pieces": pieces, "kind": kind, "optimizer": optimizer}
    file.write_text(CONFIG.format(**settings), "utf-8")
    return file


def run(file: Path, output: Path, *settings: str, init: str | None = None) -> dict[str, Any]:
    return pretrain(read_config(file, settings, PretrainConfig), output, init)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@given(
    pieces=st.integers(1, 50_000),
    small=st.integers(1, 20),
    more=st.integers(0, 40),
    multiple=st.integers(1, 4),
)
def test_the_steps_follow_each_other_and_learn_from_all_pieces(
    pieces: int, small: int, more: int, multiple: int
) -> None:
    schedule = ScheduleSection(pieces=pieces, sequence=16, batch=(small, small + more))
    steps = plan_steps(schedule, multiple)
    for before, after in pairwise(steps):
        assert after.first_sequence == before.first_sequence + before.sequences
        assert after.sequences >= before.sequences
    assert all(step.sequences % multiple == 0 for step in steps)
    assert len({step.sequences for step in steps}) <= 9, "few sizes, so that memory is used again"
    assert all(0 <= step.rate <= 1 for step in steps)
    learned = steps[-1].first_sequence + steps[-1].sequences
    assert steps[-1].first_sequence < max(pieces // 16, multiple) <= learned


def test_the_rate_rises_stays_and_falls_to_nothing() -> None:
    schedule = ScheduleSection(pieces=160_000, sequence=16, batch=(10, 10), warmup=0.1, decay=0.5)
    rates = [step.rate for step in plan_steps(schedule)]
    assert len(rates) == 1000
    assert rates[:100] == sorted(rates[:100])
    assert rates[0] < 0.001
    assert set(rates[101:499]) == {1.0}
    assert rates[499:] == sorted(rates[499:], reverse=True)
    assert rates[-1] < 0.01


def test_whole_words_are_hidden_and_special_pieces_never() -> None:
    pieces = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(50)), "##a", "##b"]
    masker = WordMasker(pieces, special=[0, 1, 2, 3], mask=3, rate=0.3)
    inner = pieces.index("##a")
    # Words of three pieces: w, ##a, ##b.
    words = np.random.default_rng(0).integers(4, 54, 2000)
    ids = np.stack([words, np.full(2000, inner), np.full(2000, inner + 1)], 1).reshape(50, 120)
    ids = np.concatenate([np.full((50, 1), 1), ids, np.full((50, 1), 2)], 1)
    masked = masker.hide(ids, np.random.default_rng(1))

    flat = ids.reshape(-1)
    assert np.array_equal(flat[masked.places], masked.pieces)
    assert not np.isin(masked.pieces, [0, 1, 2, 3]).any()
    hidden = np.zeros(len(flat), bool)
    hidden[masked.places] = True
    starts = np.flatnonzero((flat >= 4) & (flat < inner))
    assert np.array_equal(hidden[starts], hidden[starts + 1])
    assert np.array_equal(hidden[starts], hidden[starts + 2])
    assert 0.27 < hidden[starts].mean() < 0.33
    shown = masked.ids.reshape(-1)
    assert np.array_equal(shown[~hidden], flat[~hidden])
    assert 0.77 < (shown[hidden] == 3).mean() < 0.83
    assert 0.09 < (shown[hidden] == flat[hidden]).mean() < 0.13


def test_sequences_are_cut_without_padding_and_every_epoch_anew() -> None:
    stream = np.arange(1000, 1000 + 14 * 20, dtype=np.uint32)
    sequences = Sequences(stream, length=16, seed=5, before=1, after=2)
    assert sequences.per_epoch == 19
    epochs = [sequences.take(19 * epoch, 19) for epoch in range(2)]
    for epoch in epochs:
        assert (epoch[:, 0] == 1).all()
        assert (epoch[:, -1] == 2).all()
        # Each row is a stretch of the stream, and no piece stands in two rows.
        assert (np.diff(epoch[:, 1:-1], axis=1) == 1).all()
        assert len(np.unique(epoch[:, 1:-1])) == 19 * 14
    assert not np.array_equal(epochs[0], epochs[1])


def test_sequences_depend_on_their_number_alone() -> None:
    stream = np.arange(14 * 30, dtype=np.uint32)
    whole = Sequences(stream, 16, 5, 1, 2).take(0, 70)
    other = Sequences(stream, 16, 5, 1, 2)
    # Across the end of an epoch, and back.
    assert np.array_equal(other.take(25, 20), whole[25:45])
    assert np.array_equal(other.take(3, 5), whole[3:8])


def test_near_duplicates_of_what_is_measured_are_left_out_and_counted(tmp_path: Path) -> None:
    texts = [report.text for report in invent_reports(40, sentences=6)]
    tokenizer = train_tokenizer(texts, 300)
    measured = [texts[3], texts[7] + " والسلام"]
    write_stream(texts, tokenizer, tmp_path, exclude=measured, held_out=0.25)
    stream = open_stream(tmp_path)
    assert stream.counts["excluded"] == 2
    assert stream.counts["texts"] == 38
    assert len(stream.train) == stream.counts["train_pieces"]
    assert len(stream.held_out) == stream.counts["held_out_pieces"] > 0
    ends = np.concatenate([stream.train, stream.held_out]) == tokenizer.sep_token_id
    assert ends.sum() == 38
    learned = set(" ".join(tokenizer.decode(stream.train.tolist()).split("[SEP]")).split())
    assert learned


@pytest.mark.parametrize("kind", [BertConfig, ModernBertConfig])
def test_the_loss_at_hidden_pieces_is_that_of_transformers(kind: Any) -> None:
    torch.manual_seed(0)
    config = kind(
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        pad_token_id=0,
        cls_token_id=1,
        bos_token_id=1,
        sep_token_id=2,
        eos_token_id=2,
    )
    model = AutoModelForMaskedLM.from_config(config).eval()
    ids = torch.randint(4, 60, (3, 10))
    places = torch.tensor([2, 11, 12, 25])
    pieces = torch.randint(4, 60, (4,))
    labels = torch.full((30,), -100)
    labels[places] = pieces
    with torch.no_grad():
        ours = MaskedLearner(model)(ids, places, pieces)
        theirs = model(input_ids=ids, labels=labels.reshape(3, 10)).loss
    assert float(ours) == pytest.approx(float(theirs), abs=1e-5)


@pytest.mark.parametrize(("kind", "optimizer"), [("bert", "adamw"), ("modernbert", "muon")])
def test_pre_training_learns_and_leaves_an_encoder(
    tmp_path: Path, kind: str, optimizer: str
) -> None:
    record = run(write_config(tmp_path, 60_000, kind, optimizer), tmp_path / "out")
    history = record["history"]
    assert history[-1]["pieces"] >= 60_000
    losses = [entry["held_out_loss"] for entry in history if "held_out_loss" in entry]
    assert losses[-1] < losses[0] - 0.3, losses
    assert record["text"]["texts"] == 120
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    assert model.config.vocab_size == len(tokenizer)
    assert all(w.dtype == torch.float16 for w in weights(tmp_path / "out").values())
    assert json.loads((tmp_path / "out" / "pretraining.json").read_text("utf-8")) == record


def test_a_fit_starts_from_the_encoder(tmp_path: Path) -> None:
    run(write_config(tmp_path / "pre"), tmp_path / "pre" / "out")
    config = write_inputs(tmp_path / "fit")
    text = config.read_text("utf-8").split("[model.config]")[0].replace("vocabulary = 400\n", "")
    encoder = (
        f'encoder = "{tmp_path}/pre/out"\n[data]' + config.read_text("utf-8").split("[data]")[1]
    )
    config.write_text(text + encoder, "utf-8")
    record = run_fit(config, tmp_path / "fit" / "out", "trainer.max_steps=2")
    assert record["steps"] == 2
    before = weights(tmp_path / "pre" / "out")["bert.embeddings.word_embeddings.weight"].float()
    after = weights(tmp_path / "fit" / "out")["bert.embeddings.word_embeddings.weight"]
    assert after.dtype == torch.float32
    assert float((after - before).abs().max()) < 0.02


def test_pre_training_goes_on_from_an_encoder_with_its_vocabulary(tmp_path: Path) -> None:
    run(write_config(tmp_path / "a"), tmp_path / "a" / "out")
    file = write_config(tmp_path / "b", 500)
    record = run(file, tmp_path / "b" / "out", init=str(tmp_path / "a" / "out"))
    assert record["init"] == str(tmp_path / "a" / "out")
    a, b = (AutoTokenizer.from_pretrained(tmp_path / x / "out").get_vocab() for x in "ab")
    assert a == b


def test_a_killed_run_called_again_gives_the_encoder_of_an_uninterrupted_one(
    tmp_path: Path,
) -> None:
    file = write_config(tmp_path, 8_000)
    run(file, tmp_path / "whole")
    command = ["pretrain", "--config", str(file), "--output", str(tmp_path / "killed")]
    process = subprocess.Popen(
        [sys.executable, "-m", "training", *command],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )
    progress = tmp_path / "killed" / "work" / "checkpoint" / "progress.json"
    for _ in range(1200):
        if progress.is_file() or process.poll() is not None:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    assert main(command) == 0
    whole, resumed = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_folder_of_another_run_or_of_something_else_is_refused(tmp_path: Path) -> None:
    file = write_config(tmp_path, 500)
    run(file, tmp_path / "out")
    with pytest.raises(UserError, match="holds a run with other settings"):
        run(file, tmp_path / "out", "schedule.seed=14")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("لا تُمحى", "utf-8")
    with pytest.raises(UserError, match="holds something else"):
        run(file, tmp_path / "notes")
    assert (tmp_path / "notes" / "mine.txt").is_file()


def test_texts_shorter_than_a_sequence_are_told(tmp_path: Path) -> None:
    file = write_config(tmp_path)
    write_reports([Report("1", "قصير جداً")], tmp_path / "texts.jsonl")
    with pytest.raises(UserError, match="shorter than one sequence"):
        run(file, tmp_path / "out", "data.held_out=0")


def test_two_processes_learn_one_encoder(tmp_path: Path) -> None:
    """Each takes its half of every batch, so both together follow one that takes it whole."""
    file = write_config(tmp_path, 20_000)
    done = launch_two("pretrain", "--config", str(file), "--output", str(tmp_path / "two"))
    assert done.returncode == 0, done.stderr[-3000:]
    alone = run(file, tmp_path / "one")
    two = json.loads((tmp_path / "two" / "pretraining.json").read_text("utf-8"))
    assert (two["processes"], alone["processes"]) == (2, 1)
    assert all(record["history"][-1]["pieces"] >= 20_000 for record in (two, alone))
    # Other words are hidden, and the average of two halves is rounded otherwise: alike, not equal.
    ends = [record["history"][-1]["held_out_loss"] for record in (two, alone)]
    assert ends[0] == pytest.approx(ends[1], abs=0.3)


def test_focus_keeps_the_sequences_most_like_the_reports() -> None:
    """Pieces 1 to 4 are the reports' own, 5 to 9 the rest of the text's."""
    random = np.random.default_rng(0)
    like = random.integers(1, 5, 200).astype(np.uint16)
    near, far = random.integers(1, 5, (20, 14)), random.integers(5, 10, (60, 14))
    stream = np.concatenate([far[:30], near, far[30:]]).astype(np.uint16)
    focus = Focus(like, stream.reshape(-1), 10, 0.25)
    assert np.flatnonzero(focus.nearest(stream)).tolist() == list(range(30, 50))

    sequences = Sequences(stream.reshape(-1), 16, 1, 10, 11, focus)
    assert sequences.per_epoch == 20, "of the 79 that every offset leaves whole"
    for epoch in range(3):
        taken = sequences.take(epoch * 20, 20)
        assert taken.shape == (20, 16)
        # Sequences are cut somewhere else every epoch: those at the seams hold a part of both.
        assert (taken[:, 1:-1] < 5).mean() > 0.9
    again = Sequences(stream.reshape(-1), 16, 1, 10, 11, focus)
    assert (again.take(20, 20) == sequences.take(20, 20)).all()


def test_a_pretraining_with_focus_reads_a_share_of_the_texts(tmp_path: Path) -> None:
    file = write_config(tmp_path, pieces=1500)
    like = tmp_path / "like.jsonl"
    write_reports(invent_reports(5), like)
    settings = [f'data.like=["{like}"]', "schedule.focus=0.5"]
    record = run(file, tmp_path / "a", *settings)
    assert record["text"]["like_pieces"] > 100
    whole = open_stream(tmp_path / "a" / "work" / "stream")
    assert len(whole.like) == record["text"]["like_pieces"]
    with pytest.raises(UserError, match="focus"):
        run(file, tmp_path / "b", "schedule.focus=0.5")


def test_the_card_and_the_picture_tell_what_was_read_and_learned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = run(write_config(tmp_path, pieces=6000), tmp_path / "small")
    card = (tmp_path / "small" / "README.md").read_text("utf-8")
    assert "# small" in card
    assert f"{record['text']['words']:,} words" in card
    assert f"{record['history'][-1]['step']:,} steps" in card
    last = record["history"][-1]
    assert f"| {last['pieces']:,} | {last['loss']:.3f} | {last['held_out_loss']:.3f} |" in card

    drawn = tmp_path / "loss.svg"
    records = [str(tmp_path / "small" / "pretraining.json")] * 2
    assert main(["loss-curve", *records, "--output", str(drawn)]) == 0
    first = drawn.read_bytes()
    assert b"small, held out" in first or b"<svg" in first
    assert main(["loss-curve", *records, "--output", str(drawn)]) == 0
    assert drawn.read_bytes() == first, "the same figures give the same picture"

    assert main(["loss-curve", str(tmp_path / "texts.jsonl"), "--output", str(drawn)]) == 2
    assert "texts.jsonl: not a record of a pre-training" in capsys.readouterr().err


def test_without_held_out_texts_there_is_no_loss_of_them(tmp_path: Path) -> None:
    output = tmp_path / "small"
    record = run(write_config(tmp_path, pieces=2000), output, "data.held_out=0")
    assert len(record["history"]) > 1
    assert not [entry for entry in record["history"] if "held_out_loss" in entry]
    assert "NaN" not in (output / "pretraining.json").read_text("utf-8")
    last = record["history"][-1]
    card = (output / "README.md").read_text("utf-8")
    assert f"| {last['pieces']:,} | {last['loss']:.3f} | – |" in card
    drawn = tmp_path / "loss.svg"
    assert main(["loss-curve", str(output / "pretraining.json"), "--output", str(drawn)]) == 0
    assert drawn.stat().st_size > 1000


def test_texts_may_lie_in_a_folder_and_each_file_is_recorded(tmp_path: Path) -> None:
    file = write_config(tmp_path, pieces=500)
    texts = tmp_path / "archive"
    (texts / "old").mkdir(parents=True)
    write_reports(invent_reports(80)[20:], texts / "new.jsonl")
    write_reports(invent_reports(20), texts / "old" / "a.jsonl")
    record = run(file, tmp_path / "a", f'data.files="{texts}/"')
    assert sorted(record["data"]) == [f"{texts}/new.jsonl", f"{texts}/old/a.jsonl"]
    assert record["text"]["texts"] == 80
