import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import invent_reports
from tiny_fit import (
    KILL_AT,
    KILLED,
    STEPS_AN_EPOCH,
    Cut,
    cut_off_at,
    launch_two,
    run_fit,
    weights,
    write_inputs,
)
from transformers import AutoModelForTokenClassification, AutoTokenizer

from annotation.files import sha256_of_file
from annotation.formats import write_reports
from annotation.problems import UserError
from annotation.report import Report, Span
from inference.model_folder import MODEL_FILES, load_model, load_outline, model_hash
from inference.predictor import BatchPredictor
from training.__main__ import main
from training.evaluate import evaluate_model

EPOCHS = "trainer.num_train_epochs=3"
SHORT = "trainer.num_train_epochs=1"
QUIET = 'trainer.report_to=["none"]'
BY_STEPS = (
    EPOCHS,
    QUIET,
    "trainer.eval_strategy=steps",
    "trainer.eval_steps=3",
    "trainer.save_strategy=steps",
)
"""Checkpoints at steps 3, 6, 9, …, so two of three inside an epoch of five steps."""


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration with its data. Not to be changed."""
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="session")
def fitted(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was fitted with all defaults, in 25 steps. Not to be changed."""
    output = tmp_path_factory.mktemp("fitted") / "model"
    run_fit(config, output, "trainer.num_train_epochs=5")
    return output


@pytest.fixture(scope="session")
def uninterrupted(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a run with checkpoints inside epochs. Not to be changed."""
    output = tmp_path_factory.mktemp("uninterrupted") / "model"
    run_fit(config, output, *BY_STEPS)
    return output


def record_of(model: Path) -> dict[str, Any]:
    return json.loads((model / "training.json").read_text("utf-8"))


def refusal(*arguments: Any, **more: Any) -> str:
    with pytest.raises(UserError) as raised:
        run_fit(*arguments, **more)
    return str(raised.value)


# What a fit leaves behind


def test_a_fit_leaves_a_model_folder_and_nothing_else(fitted: Path) -> None:
    calibration = ["calibration.json"] if record_of(fitted)["calibration"]["calibrated"] else []
    assert sorted(path.name for path in fitted.iterdir()) == sorted(
        [*MODEL_FILES, *calibration, "README.md", "tensorboard", "training.json"]
    )


def test_a_fit_learns(fitted: Path) -> None:
    assert record_of(fitted)["metrics"]["dev"]["micro"]["f1"] > 0.9


def test_the_record_says_how_the_model_was_made(fitted: Path, config: Path) -> None:
    record = record_of(fitted)
    train, dev = (config.with_name(f"{name}.jsonl") for name in ("train", "dev"))
    assert record["labels"] == ["ACTOR", "LOCATION", "COUNT"]
    assert record["data"] == {
        "train": {"files": {str(train): sha256_of_file(train)}, "reports": 40, "set_aside": 0},
        "dev": {"files": {str(dev): sha256_of_file(dev)}, "reports": 20, "set_aside": 0},
    }
    assert record["config"]["model"]["config"]["hidden_size"] == 64
    assert record["config"]["trainer"]["num_train_epochs"] == 5, "with what --set put over it"
    assert record["seed"] == 13
    assert (record["steps"], record["epochs"]) == (5 * STEPS_AN_EPOCH, 5)
    assert record["model"] == model_hash(fitted)
    assert record["init"] is None
    assert (record["processes"], record["seconds"] > 0) == (1, True)
    assert record["versions"]["torch"] == torch.__version__
    assert {"python", "rasd", "transformers"} <= record["versions"].keys()
    assert "commit" in record
    steps = [entry["step"] for entry in record["history"]]
    assert steps == [STEPS_AN_EPOCH * n for n in range(1, 6)]
    best = max(record["history"], key=lambda entry: entry["eval_f1"])
    assert record["best_step"] == best["step"]
    of_all = record["calibration"]["f1"]["of_all"]
    assert of_all == pytest.approx(best["eval_f1"]), "the best one is kept"
    assert record["metrics"]["dev"]["micro"]["f1"] > of_all, "unlikely spans are left out of it"


def test_the_folder_loads_without_rasd_and_reads_alike(fitted: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(fitted)
    model = AutoModelForTokenClassification.from_pretrained(fitted)
    settings = json.loads((fitted / "tokenizer_config.json").read_text("utf-8"))
    assert settings["tokenizer_class"] == "TokenizersBackend"
    assert tokenizer.model_max_length == 64
    assert model.config.id2label[1] == "B-ACTOR"
    assert model.config.label2id["I-COUNT"] == 6
    predictor = BatchPredictor.from_pretrained(fitted, device="cpu")
    for report in invent_reports(5, seed=99, sentences=2):
        ids = tokenizer(report.text)["input_ids"]
        assert ids == predictor._tokenizer(report.text)["input_ids"]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids])).logits[0].numpy()
        [served] = predictor.engine.run([torch.tensor(ids).numpy()])
        assert np.allclose(logits, served, atol=1e-5)


def test_the_card_has_the_figures_of_the_record(fitted: Path) -> None:
    card = (fitted / "README.md").read_text("utf-8")
    record = record_of(fitted)
    assert card.startswith("---\nlanguage: ar\n")
    scores = record["metrics"]["dev"]
    for name, row in [*scores["labels"].items(), ("micro", scores["micro"])]:
        figures = " | ".join(f"{row[key]:.4f}" for key in ("precision", "recall", "f1"))
        assert f"| {name} | {figures} | {row['support']} |" in card
    assert f"| train | 40 | {next(iter(record['data']['train']['files']))} |" in card
    assert "25 steps (5.0 epochs)" in card


def test_no_report_text_reaches_trackers_or_the_record(fitted: Path, config: Path) -> None:
    words = {word for report in invent_reports(60, sentences=2) for word in report.text.split()}
    words = {word for word in words if not word.isascii()}
    assert len(words) > 50
    events = list((fitted / "tensorboard").iterdir())
    assert len(events) == 2, "the curve and the record"
    logged = b"".join(file.read_bytes() for file in events)
    assert b"eval/f1" in logged
    record = (fitted / "training.json").read_text("utf-8")
    card = (fitted / "README.md").read_text("utf-8")
    for word in words:
        assert word.encode() not in logged, word
        assert json.dumps(word)[1:-1].encode() not in logged, word
        assert word not in record
        assert word not in card


def test_no_report_text_is_logged(
    config: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        run_fit(config, tmp_path / "model", SHORT, "trainer.logging_steps=1")
    shown = caplog.text + "".join(capfd.readouterr())
    assert "loss" in shown
    assert not [c for c in shown if "\u0600" <= c <= "\u06ff"]


def test_each_fit_of_a_process_has_its_own_tensorboard_folder(
    fitted: Path, config: Path, tmp_path: Path
) -> None:
    run_fit(config, tmp_path / "other", SHORT)
    assert len(list((tmp_path / "other" / "tensorboard").iterdir())) == 2
    assert len(list((fitted / "tensorboard").iterdir())) == 2
    assert "TENSORBOARD_LOGGING_DIR" not in os.environ


def test_without_trackers_there_are_no_events(config: Path, tmp_path: Path) -> None:
    run_fit(config, tmp_path / "model", SHORT, QUIET)
    assert not (tmp_path / "model" / "tensorboard").exists()


@pytest.mark.parametrize("tracker", ["nosuch", "comet_ml"])
def test_a_tracker_that_is_not_there_is_one_line(
    tracker: str, config: Path, tmp_path: Path
) -> None:
    line = refusal(config, tmp_path / "model", f"trainer.report_to={tracker}")
    assert line.startswith(f"trainer.report_to = {tracker}: ")
    assert "pip install 'rasd[tracking]'" in line
    assert "\n" not in line


def test_a_setting_that_trainer_arguments_refuse_is_one_line(config: Path, tmp_path: Path) -> None:
    line = refusal(config, tmp_path / "model", "trainer.eval_strategy=sometimes")
    assert line.startswith("trainer: sometimes is not a valid IntervalStrategy, please select one")
    assert "\n" not in line


@pytest.mark.parametrize("name", ["loss", "f1_WEAPON", "eval_f2"])
def test_a_figure_to_pick_the_best_epoch_by_that_is_none_is_one_line(
    name: str, config: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    output.mkdir()
    (output / "training.json").write_text("{}")
    line = refusal(config, output, f"trainer.metric_for_best_model={name}")
    assert line == (
        f"trainer.metric_for_best_model = {name}: no such figure of the development reports; "
        "expected one of precision, recall, f1, f1_ACTOR, f1_LOCATION, f1_COUNT"
    )
    assert (output / "training.json").read_text() == "{}", "what was there is left alone"


@pytest.mark.parametrize("name", ["recall", "eval_precision", "f1_COUNT"])
def test_the_best_epoch_can_be_picked_by_each_figure(
    name: str, config: Path, tmp_path: Path
) -> None:
    """COUNT is in no development report: its F1 is 0 there, and still a figure."""
    bare = [
        Report(f"r{n}", r.text, tuple(s for s in r.spans or () if s.label != "COUNT"))
        for n, r in enumerate(invent_reports(5, seed=3, sentences=1))
    ]
    inputs = write_inputs(tmp_path / "inputs", dev=bare)
    setting = f"trainer.metric_for_best_model={name}"
    record = run_fit(inputs, tmp_path / "model", SHORT, QUIET, setting, "trainer.learning_rate=0")
    assert record["history"][0][f"eval_{name.removeprefix('eval_')}"] == 0


def test_early_stopping_without_evaluations_is_one_line(config: Path, tmp_path: Path) -> None:
    line = refusal(config, tmp_path / "m", "fit.patience=2", "trainer.eval_strategy=no")
    assert line == (
        "fit.patience = 2: there is nothing to wait for with trainer.eval_strategy = no; "
        "expected epoch or steps"
    )


def test_without_evaluations_the_last_step_is_kept(config: Path, tmp_path: Path) -> None:
    record = run_fit(config, tmp_path / "model", SHORT, QUIET, "trainer.eval_strategy=no")
    assert record["history"] == []
    assert set(record["metrics"]) == {"dev"}, "it is measured at the end all the same"


def test_held_out_reports_are_measured_once_at_the_end(config: Path, tmp_path: Path) -> None:
    held_out = tmp_path / "held.jsonl"
    write_reports(invent_reports(10, seed=3, sentences=2), held_out)
    record = run_fit(config, tmp_path / "model", EPOCHS, QUIET, f"data.held_out={held_out}")
    assert set(record["metrics"]) == {"dev", "held_out"}
    evaluation = evaluate_model(tmp_path / "model", str(held_out), tmp_path / "e", "cpu")
    measured = evaluation.to_json()["micro"] | {"interval": None}
    assert record["metrics"]["held_out"]["micro"] == measured
    assert all("held_out" not in key for entry in record["history"] for key in entry)


def test_without_development_reports_the_last_step_is_kept(config: Path, tmp_path: Path) -> None:
    record = run_fit(config, tmp_path / "model", SHORT, QUIET, "data.dev=[]", "fit.patience=1")
    assert record["metrics"] == {}
    assert record["history"] == []
    assert record["best_step"] == record["steps"] == STEPS_AN_EPOCH
    assert "Nothing was: no development" in (tmp_path / "model" / "README.md").read_text("utf-8")


# The same again


def test_the_same_seed_gives_the_same_weights_and_another_one_others(
    fitted: Path, config: Path, tmp_path: Path
) -> None:
    run_fit(config, tmp_path / "again", "trainer.num_train_epochs=5", QUIET)
    assert weights(tmp_path / "again") == weights(fitted)
    run_fit(config, tmp_path / "other", "trainer.num_train_epochs=5", QUIET, "trainer.seed=14")
    assert weights(tmp_path / "other") != weights(fitted)


def test_a_run_killed_inside_an_epoch_and_resumed_gives_the_same_model(
    config: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    overrides = [part for setting in BY_STEPS for part in ("--set", setting)]
    program = KILL_AT.format(tests=str(Path(__file__).parent), step=8)
    arguments = ["fit", "--config", str(config), "--output", str(output), *overrides]
    killed = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, check=False
    )
    assert killed.returncode == KILLED, killed.stderr
    checkpoints = output / "checkpoints"
    assert {path.name for path in checkpoints.iterdir()} == {
        "checkpoint-3",
        "checkpoint-6",
        "settings.json",
    }
    assert not (output / "training.json").exists()
    # A last checkpoint that was being written when the power went.
    half = checkpoints / "checkpoint-8"
    shutil.copytree(checkpoints / "checkpoint-3", half)
    (half / "trainer_state.json").unlink()
    cut_short = checkpoints / "checkpoint-7"
    shutil.copytree(checkpoints / "checkpoint-3", cut_short)
    state = (cut_short / "trainer_state.json").read_text("utf-8")
    (cut_short / "trainer_state.json").write_text(state[: len(state) // 2], encoding="utf-8")

    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.fit._train", _note_checkpoint(seen))
        run_fit(config, output, *BY_STEPS, resume=True)
    assert seen == ["checkpoint-6"], "step 6 is the second of the second epoch"
    assert weights(output) == weights(uninterrupted)
    resumed, whole = record_of(output), record_of(uninterrupted)
    for key in ("steps", "best_step", "metrics", "config", "data", "labels"):
        assert resumed[key] == whole[key], key
    figures = [[(e["step"], e["eval_f1"]) for e in r["history"]] for r in (resumed, whole)]
    assert figures[0] == figures[1]
    assert not checkpoints.exists()


def _note_checkpoint(seen: list[str]) -> Any:
    from training.fit import _train

    def train(trainer: Any, checkpoint: Path | None) -> None:
        seen.append(checkpoint.name if checkpoint else "none")
        _train(trainer, checkpoint)

    return train


@pytest.mark.parametrize("step", [2, STEPS_AN_EPOCH, 2 * STEPS_AN_EPOCH + 1])
def test_a_run_cut_off_anywhere_gives_the_same_model(
    step: int, config: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    with cut_off_at(step), pytest.raises(Cut):
        run_fit(config, tmp_path / "model", *BY_STEPS)
    run_fit(config, tmp_path / "model", *BY_STEPS, resume=True)
    assert weights(tmp_path / "model") == weights(uninterrupted)


def test_a_run_without_resume_starts_anew(
    config: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    with cut_off_at(8), pytest.raises(Cut):
        run_fit(config, tmp_path / "model", *BY_STEPS, "trainer.seed=99")
    run_fit(config, tmp_path / "model", *BY_STEPS)
    assert weights(tmp_path / "model") == weights(uninterrupted)
    assert not (tmp_path / "model" / "checkpoints").exists()


def test_a_run_is_not_resumed_as_another_one(config: Path, tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "inputs")
    output = tmp_path / "model"
    labels = tmp_path / "labels.toml"
    labels.write_text("".join(f'[[label]]\nname = "{n}"\n' for n in ("ACTOR", "LOCATION", "COUNT")))
    same = (SHORT, QUIET, f"data.labels={labels}")
    with cut_off_at(3), pytest.raises(Cut):
        run_fit(inputs, output, *same)
    start, end = f"{output}: cannot resume, ", " changed since the run began; call it as before"
    told = refusal(inputs, output, *same, "trainer.learning_rate=1e-3", resume=True)
    assert told.startswith(f"{start}config{end}")
    labels.write_text(labels.read_text() + '[[label]]\nname = "WEAPON"\n')
    assert refusal(inputs, output, *same, resume=True).startswith(f"{start}labels{end}")
    write_inputs(tmp_path / "inputs", dev=invent_reports(5, seed=1))
    told = refusal(inputs, output, *same, resume=True)
    assert told.startswith(f"{start}labels and data{end}")
    assert (output / "checkpoints" / "settings.json").is_file(), "what was there is left alone"


def test_a_finished_run_is_not_fitted_again_by_resume(
    fitted: Path, config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = {path: path.stat().st_mtime_ns for path in fitted.rglob("*")}
    with caplog.at_level(logging.INFO):
        record = run_fit(config, fitted, "trainer.num_train_epochs=5", resume=True)
    assert record == record_of(fitted)
    [told] = [line for line in caplog.messages if str(fitted) in line]
    assert told == f"{fitted} is finished already; without --resume it is fitted anew"
    assert {path: path.stat().st_mtime_ns for path in fitted.rglob("*")} == before
    told = refusal(config, fitted, "trainer.num_train_epochs=6", resume=True)
    assert told.startswith(f"{fitted}: cannot resume, config changed since the run began")


def test_resume_with_nothing_there_just_begins(
    config: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    run_fit(config, tmp_path / "model", *BY_STEPS, resume=True)
    assert weights(tmp_path / "model") == weights(uninterrupted)


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_with_other_things_in_it_is_left_alone(
    resume: bool, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").mkdir()
    for name in ("letters.txt", "checkpoints/mine.txt", "config.json"):
        (tmp_path / name).write_text("keep me")
    told = refusal(config, tmp_path, SHORT, resume=resume)
    assert told.startswith(f"{tmp_path}: holds something that is not a fitted model; expected a ne")
    kept = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*.*")}
    assert kept == dict.fromkeys(("letters.txt", "checkpoints/mine.txt", "config.json"), "keep me")


def test_an_output_that_is_a_file_is_left_alone(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("keep me")
    told = refusal(config, tmp_path / "file", SHORT)
    assert told.startswith(f"{tmp_path / 'file'}: holds something that is not a fitted model")
    assert (tmp_path / "file").read_text() == "keep me"


# Early stopping: with a learning rate of nothing, no evaluation is better than the first


STUCK = (
    "trainer.num_train_epochs=9",
    QUIET,
    "trainer.learning_rate=0",
    "fit.patience=2",
)


def test_fitting_stops_when_the_development_figure_no_longer_rises(
    config: Path, tmp_path: Path
) -> None:
    record = run_fit(config, tmp_path / "model", *STUCK)
    assert record["steps"] == 3 * STEPS_AN_EPOCH, "the best evaluation and two more"
    assert record["best_step"] == STEPS_AN_EPOCH


@pytest.mark.parametrize(
    "step", [2 * STEPS_AN_EPOCH + 2, None], ids=["before its last epoch", "behind its last step"]
)
def test_early_stopping_counts_on_after_a_resume(
    step: int | None, config: Path, tmp_path: Path
) -> None:
    with cut_off_at(step), pytest.raises(Cut):
        run_fit(config, tmp_path / "model", *STUCK)
    record = run_fit(config, tmp_path / "model", *STUCK, resume=True)
    assert record["steps"] == 3 * STEPS_AN_EPOCH
    assert record["best_step"] == STEPS_AN_EPOCH
    assert [entry["step"] for entry in record["history"]] == [5, 10, 15]


def test_a_run_cut_off_behind_its_last_step_gives_the_same_model(
    config: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    with cut_off_at(None), pytest.raises(Cut):
        run_fit(config, tmp_path / "model", *BY_STEPS)
    run_fit(config, tmp_path / "model", *BY_STEPS, resume=True)
    assert weights(tmp_path / "model") == weights(uninterrupted)


# Spans and lines


@pytest.mark.parametrize("breaks", [False, True])
def test_spans_go_over_line_ends_only_where_some_did_in_training(
    tmp_path: Path, breaks: bool
) -> None:
    """In hard-wrapped texts they may."""
    between = "\n" if breaks else " "
    text = f"أعلنت منصة{between}راصد مقتل ستة مدنيين في تل الورد."
    reports = [Report(f"r{n}", text, (Span(6, 15, "ACTOR"),)) for n in range(8)]
    settings = ("trainer.max_steps=1", "data.dev=[]", QUIET)
    run_fit(write_inputs(tmp_path / "inputs", reports), tmp_path / "model", *settings)
    assert load_model(tmp_path / "model", "cpu").crosses_lines is breaks
    assert load_outline(tmp_path / "model").crosses_lines is breaks


# Going on from an earlier model


def test_an_earlier_model_goes_on_with_a_label_more(
    fitted: Path, config: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.toml"
    names = ("WEAPON", "ACTOR", "LOCATION", "COUNT")
    labels.write_text("".join(f'[[label]]\nname = "{name}"\n' for name in names))
    new = [
        Report(
            f"new-{n}",
            "أطلقت صواريخ على تل الورد",
            (Span(6, 12, "WEAPON"), Span(17, 25, "LOCATION")),
        )
        for n in range(8)
    ]
    old = invent_reports(60, sentences=2)
    inputs = write_inputs(tmp_path / "inputs", [*old[:40], *new], [*old[40:], new[0]])
    settings = (f"data.labels={labels}", "trainer.num_train_epochs=8", QUIET)
    record = run_fit(inputs, tmp_path / "model", *settings, init=fitted)
    assert record["init"] == model_hash(fitted)
    assert record["labels"] == list(names)
    assert record["history"][0]["eval_f1_ACTOR"] > 0.9, "it begins with what it knew"
    predictor = BatchPredictor.from_pretrained(tmp_path / "model", device="cpu")
    assert predictor.labels == list(names)
    [found] = predictor.predict([Report("r", new[0].text)])
    assert Span(6, 12, "WEAPON") in (found.spans or ())
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert f"Encoder: an earlier model ({model_hash(fitted)[:12]}…)" in card


def test_a_run_is_not_resumed_from_another_beginning(
    fitted: Path, config: Path, tmp_path: Path
) -> None:
    with cut_off_at(3), pytest.raises(Cut):
        run_fit(config, tmp_path / "model", SHORT, QUIET)
    told = refusal(config, tmp_path / "model", SHORT, QUIET, resume=True, init=fitted)
    assert told.startswith(f"{tmp_path / 'model'}: cannot resume, init changed since the run began")


# Data that cannot be fitted on


def test_unknown_labels_are_all_told_with_count_and_place(tmp_path: Path) -> None:
    bad = [
        Report("a", "تل الورد", (Span(0, 2, "PLACE"), Span(3, 8, "ACTOR"))),
        Report("b", "تل الورد", (Span(0, 8, "PLACE"),)),
        Report("c", "تل الورد", (Span(3, 8, "Actor"),)),
    ]
    inputs = write_inputs(tmp_path, train=bad)
    lines = refusal(inputs, tmp_path / "model").splitlines()
    train = tmp_path / "train.jsonl"
    end = "expected one of ACTOR, LOCATION, COUNT. Mend the data, or add it to the labels file"
    assert lines == [
        f"{train}: label Actor: 1 spans, the first in c 3–8; {end}",
        f"{train}: label PLACE: 2 spans, the first in a 0–2; {end}",
    ]
    assert not (tmp_path / "model").exists()


def test_reports_that_nobody_annotated_are_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reports = invent_reports(8, sentences=1)
    blank = [Report(f"blank-{n}", "تل الورد") for n in range(3)]
    record = run_fit(write_inputs(tmp_path, train=[*reports, *blank]), tmp_path / "m", SHORT, QUIET)
    assert "left out: 3 reports without annotation (the first is blank-0)" in caplog.messages
    assert (record["data"]["train"]["reports"], record["data"]["train"]["set_aside"]) == (8, 3)


def test_no_annotated_report_at_all_is_one_line(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path, train=[Report("a", "تل الورد")])
    told = refusal(inputs, tmp_path / "model")
    assert told == (
        f"{tmp_path}/train.jsonl: no annotated report in it; expected reports with spans"
    )


def test_all_missing_files_are_told_at_once(config: Path, tmp_path: Path) -> None:
    lines = refusal(
        config, tmp_path / "m", 'data.train=["no-a.jsonl"]', "data.held_out=no-b.jsonl"
    ).splitlines()
    assert lines == [f"no-{x}.jsonl: no such file or folder" for x in "ab"]


def test_the_command_tells_what_was_set_aside(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    train = config.with_name("train.jsonl").read_text("utf-8")
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": 1\n' + train, encoding="utf-8")
    arguments = ["fit", "--config", str(config), "--output", str(tmp_path / "model")]
    arguments += ["--set", SHORT, "--set", QUIET]
    assert main([*arguments, "--set", f"data.train={broken}"]) == 1
    assert record_of(tmp_path / "model")["data"]["train"]["set_aside"] == 1
    assert main(arguments) == 0
    assert f"{tmp_path / 'model'}: dev F1 0." in capsys.readouterr().err
    assert main([*arguments, "--set", "fit.patience=0"]) == 2


# The loss, and several processes


def logged_losses(output: Path) -> list[float]:
    [state] = (output / "checkpoints").glob("checkpoint-*/trainer_state.json")
    return [e["loss"] for e in json.loads(state.read_text("utf-8"))["log_history"] if "loss" in e]


@pytest.mark.parametrize(("batch", "accumulated"), [(8, 1), (2, 4)])
def test_the_first_loss_is_that_of_a_guess_however_a_step_is_made_up(
    batch: int, accumulated: int, config: Path, tmp_path: Path
) -> None:
    """A mean over words: a guess among seven tags costs ln 7 = 1.95, and not four times that."""
    settings = [QUIET, SHORT, "trainer.logging_steps=1", "trainer.logging_strategy=steps"]
    settings += [f"trainer.per_device_train_batch_size={batch}", "data.dev=[]"]
    settings += [
        f"trainer.gradient_accumulation_steps={accumulated}",
        "trainer.save_strategy=steps",
    ]
    with cut_off_at(2), pytest.raises(Cut):
        run_fit(
            config, tmp_path / "model", *settings, "trainer.save_steps=1", "trainer.learning_rate=0"
        )
    [loss] = logged_losses(tmp_path / "model")
    assert 1.7 < loss < 2.3


def test_two_processes_give_a_model_of_the_same_quality(
    fitted: Path, config: Path, tmp_path: Path
) -> None:
    settings = ["trainer.num_train_epochs=5", "trainer.per_device_train_batch_size=4"]
    where = ["--config", str(config), "--output", str(tmp_path / "model")]
    done = launch_two("fit", *where, *(f"--set={setting}" for setting in settings))
    assert done.returncode == 0, done.stderr[-3000:]
    record, alone = record_of(tmp_path / "model"), record_of(fitted)
    assert (record["processes"], alone["processes"]) == (2, 1)
    assert record["steps"] == alone["steps"]
    f1, f1_alone = (r["metrics"]["dev"]["micro"]["f1"] for r in (record, alone))
    assert f1 == pytest.approx(f1_alone, abs=0.06)
    assert done.stderr.count("dev F1") == 1, "one process speaks"
