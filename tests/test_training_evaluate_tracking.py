"""What trackers hold of an evaluation, read back from their own files and compared with it."""

import json
from pathlib import Path
from typing import Any

import pytest
from marked import report
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from annotation.formats import write_reports
from annotation.report import Report
from training.__main__ import main
from training.tracking import flatten_metrics

GOLD = [
    report("عاد إلى [L:السرو] [C:12] نازحا من [L:المرج]", "a"),
    report("قُتل [C:3] في [L:السرو] مساء أمس", "b"),
]
FOUND = [
    report("عاد إلى السرو [C:12] نازحا من [L:المرج]", "a"),
    report("قُتل [C:3] في السرو [C:مساء] أمس", "b"),
]


def evaluate_with(folder: Path, *trackers: str) -> tuple[int, Path]:
    """The exit status, and the folder of the evaluation."""
    write_reports(GOLD, folder / "gold.jsonl")
    found = [Report(one.id, one.text, one.spans) for one in FOUND]
    write_reports(found, folder / "found.jsonl", format="predictions")
    arguments = ["--predictions", str(folder / "found.jsonl")]
    arguments += ["--gold", str(folder / "gold.jsonl"), "--output", str(folder / "trial")]
    asked = [part for name in trackers for part in ("--report-to", name)]
    return main(["evaluate", *arguments, *asked]), folder / "trial"


def record_of(folder: Path) -> dict[str, Any]:
    """The record as it is sent: without the examples, which are what reports say."""
    content = json.loads((folder / "evaluation.json").read_text("utf-8"))
    assert content["error_classes"][0]["examples"][0]["context"]
    for row in content["error_classes"]:
        del row["examples"]
    assert "السرو" not in json.dumps(content, ensure_ascii=False)
    return content


def numbers_of(record: dict[str, Any]) -> dict[str, float]:
    figures = {name: record[name] for name in ("micro", "macro", "labels")}
    numbers = dict(flatten_metrics({"evaluation": figures}))
    assert numbers["evaluation/micro/matched"] == 3
    assert numbers["evaluation/labels/COUNT/recall"] == 1
    assert len(numbers) == 3 * 6 + 3, "of two labels and micro six figures each, of macro three"
    return numbers


def test_without_being_asked_nothing_is_sent(tmp_path: Path) -> None:
    status, folder = evaluate_with(tmp_path)
    assert status == 0
    assert not (folder / "tensorboard").exists()


def test_tensorboard_holds_the_figures_and_the_record(tmp_path: Path) -> None:
    status, folder = evaluate_with(tmp_path, "tensorboard")
    assert status == 0
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    record = record_of(folder)
    for name, value in numbers_of(record).items():
        [event] = events.Scalars(name)
        assert event.value == pytest.approx(value, rel=1e-6), name
    [text] = events.Tensors("record/text_summary")
    [content] = text.tensor_proto.string_val
    told = content.decode("utf-8").removeprefix("```json\n").removesuffix("\n```")
    assert json.loads(told) == record
    assert {"config", "gold", "predictions", "seed", "versions", "commit"} <= record.keys()


def test_mlflow_holds_the_figures_and_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="comes with the extra tracking")
    store = tmp_path / "store"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    status, folder = evaluate_with(tmp_path, "mlflow", "tensorboard")
    assert status == 0
    assert (folder / "tensorboard").is_dir(), "both that were asked for"
    assert mlflow.active_run() is None
    [run] = mlflow.MlflowClient(tracking_uri=store.as_uri()).search_runs(["0"])
    assert (run.info.run_name, run.info.status) == ("trial", "FINISHED")
    record = record_of(folder)
    assert run.data.metrics == numbers_of(record)
    [artifact] = store.rglob(f"{run.info.run_id}/artifacts/evaluation.json")
    assert json.loads(artifact.read_text("utf-8")) == record


def test_weights_and_biases_holds_the_figures_and_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = pytest.importorskip("wandb", reason="comes with the extra tracking")
    from test_training_tracking import wandb_records

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    status, folder = evaluate_with(tmp_path, "wandb")
    assert (status, wandb.run) == (0, None)
    [run] = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    summary, configuration = {}, {}
    for kept in wandb_records(run):
        summary |= {item.key: item.value_json for item in kept.summary.update}
        configuration |= {item.key: item.value_json for item in kept.config.update}
    record = record_of(folder)
    for key, value in numbers_of(record).items():
        assert json.loads(summary[key]) == value, key
    assert json.loads(configuration["record"]) == record


def test_a_tracker_that_refuses_costs_no_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("mlflow", reason="comes with the extra tracking")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "false")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    status, folder = evaluate_with(tmp_path, "mlflow", "tensorboard")
    assert status == 0
    assert (folder / "tensorboard").is_dir(), "the one that takes it gets it"
    [told] = [line for line in caplog.messages if "mlflow" in line]
    assert told.startswith("mlflow did not take the record (it lies in evaluation.json): Mlflow")
    assert "\n" not in told


def test_an_absent_tracker_is_one_line_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("training.tracking.find_spec", lambda name: None)
    status, folder = evaluate_with(tmp_path, "wandb", "tensorboard")
    assert status == 2
    assert capsys.readouterr().err == (
        "--report-to wandb, tensorboard: wandb not installed; call pip install 'rasd[tracking]'\n"
    )
    assert not folder.exists()
