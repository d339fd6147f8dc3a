"""What trackers hold after a fit, read back from their own files and compared with the record."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_fit import run_fit, write_inputs

from annotation.problems import UserError
from training.tracking import check_trackers, flatten_metrics

SHORT = "trainer.num_train_epochs=4"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration with its data. Not to be changed."""
    return write_inputs(tmp_path_factory.mktemp("inputs"))


def record_of(model: Path) -> dict[str, Any]:
    return json.loads((model / "training.json").read_text("utf-8"))


def numbers_of(record: dict[str, Any]) -> dict[str, float]:
    """The record's figures by name; some are asserted by hand, so that they cannot all be gone."""
    numbers = dict(flatten_metrics(record["metrics"]))
    micro = record["metrics"]["dev"]["micro"]
    assert numbers["dev/micro/f1"] == micro["f1"] > 0
    assert (
        numbers["dev/labels/COUNT/support"]
        == record["metrics"]["dev"]["labels"]["COUNT"]["support"]
    )
    assert len(numbers) == 4 * 6 + 3, "of three labels and micro six figures each, of macro three"
    return numbers


def test_metrics_get_names_by_their_place() -> None:
    metrics = {"dev": {"micro": {"f1": 0.5, "interval": None}, "labels": {"A": {"support": 3}}}}
    assert dict(flatten_metrics(metrics)) == {"dev/micro/f1": 0.5, "dev/labels/A/support": 3}


def test_tensorboard_holds_the_curve_and_the_record(config: Path, tmp_path: Path) -> None:
    run_fit(config, tmp_path / "model", SHORT)
    record = record_of(tmp_path / "model")
    events = EventAccumulator(str(tmp_path / "model" / "tensorboard"))
    events.Reload()
    for name, value in numbers_of(record).items():
        [event] = events.Scalars(name)
        assert event.step == record["best_step"]
        assert event.value == pytest.approx(value, rel=1e-6), name
    curve = [(event.step, event.value) for event in events.Scalars("eval/f1")]
    expected = [(entry["step"], entry["eval_f1"]) for entry in record["history"]]
    assert [step for step, _ in curve] == [step for step, _ in expected] == [5, 10, 15, 20]
    assert [f1 for _, f1 in curve] == pytest.approx([f1 for _, f1 in expected], rel=1e-6)
    [text] = events.Tensors("record/text_summary")
    [content] = text.tensor_proto.string_val
    told = content.decode("utf-8").removeprefix("```json\n").removesuffix("\n```")
    assert json.loads(told) == record
    assert {"config", "data", "seed", "versions", "commit", "metrics"} <= record.keys()


def test_mlflow_holds_the_curve_and_the_record_of_each_fit(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="comes with the extra tracking")
    store = tmp_path / "store"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    for name in ("one", "two"):
        run_fit(
            config, tmp_path / name, SHORT, "trainer.report_to=mlflow", f"trainer.run_name={name}"
        )
    assert mlflow.active_run() is None
    client = mlflow.MlflowClient(tracking_uri=store.as_uri())
    runs = {run.info.run_name: run for run in client.search_runs(["0"])}
    assert runs.keys() == {"one", "two"}
    for name, run in runs.items():
        record = record_of(tmp_path / name)
        assert run.info.status == "FINISHED"
        for key, value in numbers_of(record).items():
            assert run.data.metrics[key] == value, key
        curve = client.get_metric_history(run.info.run_id, "eval_f1")
        assert [(one.step, one.value) for one in curve] == [
            (entry["step"], entry["eval_f1"]) for entry in record["history"]
        ]
        [artifact] = store.rglob(f"{run.info.run_id}/artifacts/training.json")
        assert json.loads(artifact.read_text("utf-8")) == record


def test_what_a_tracker_refuses_is_one_line(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow", reason="comes with the extra tracking")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "false")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    with pytest.raises(UserError) as raised:
        run_fit(config, tmp_path / "model", SHORT, "trainer.report_to=mlflow")
    assert str(raised.value).startswith(
        "trainer.report_to: mlflow could not begin: MlflowException: "
    )
    assert "\n" not in str(raised.value)


def test_weights_and_biases_holds_the_record_of_each_fit(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = pytest.importorskip("wandb", reason="comes with the extra tracking")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    for name in ("one", "two"):
        run_fit(config, tmp_path / name, SHORT, "trainer.report_to=wandb")
        assert wandb.run is None, "the run is ended: the next fit begins its own"
    # Names have the second that a run began in, which two runs may share.
    runs = sorted(
        (tmp_path / "wandb").glob("offline-run-*/*.wandb"), key=lambda run: run.stat().st_mtime_ns
    )
    assert len(runs) == 2
    for run, name in zip(runs, ("one", "two"), strict=True):
        record = record_of(tmp_path / name)
        summary, configuration, curve = {}, {}, []
        for kept in wandb_records(run):
            summary |= {item.key: item.value_json for item in kept.summary.update}
            configuration |= {item.key: item.value_json for item in kept.config.update}
            step = {item.nested_key[0]: item.value_json for item in kept.history.item}
            if "eval/f1" in step:
                curve.append((json.loads(step["train/global_step"]), json.loads(step["eval/f1"])))
        for key, value in numbers_of(record).items():
            assert json.loads(summary[key]) == value, key
        assert json.loads(configuration["record"]) == record
        assert curve == [(entry["step"], entry["eval_f1"]) for entry in record["history"]]


def wandb_records(file: Path) -> Iterator[Any]:
    """The records of a run's file: LevelDB's log format behind seven bytes of its own."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, joined = file.read_bytes(), 7, b""
    while place + 7 <= len(content):
        if (left := 32768 - place % 32768) < 7:
            place += left
            continue
        length, kind = struct.unpack_from("<HB", content, place + 4)
        joined += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # a whole record, or the end of one
            record = Record()
            record.ParseFromString(joined)
            yield record
            joined = b""


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        ("mlflow", "mlflow"),
        (["wandb"], "wandb"),
        (["tensorboard", "wandb", "mlflow"], "mlflow and wandb"),
    ],
)
def test_an_absent_tracker_is_one_line_with_the_install_command(
    asked: Any, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.tracking.find_spec", lambda name: None)
    with pytest.raises(UserError) as raised:
        check_trackers(asked)
    named = asked if isinstance(asked, str) else ", ".join(asked)
    assert str(raised.value) == (
        f"trainer.report_to = {named}: {missing} not installed; call pip install 'rasd[tracking]'"
    )


@pytest.mark.parametrize("asked", [None, "none", "tensorboard", ["tensorboard"], "all", []])
def test_trackers_that_are_there_are_not_complained_of(
    asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.tracking.find_spec", lambda name: None)
    check_trackers(asked)


def test_an_absent_tracker_is_told_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.tracking.find_spec", lambda name: None)
    config = write_inputs(tmp_path)
    (tmp_path / "train.jsonl").unlink()
    with pytest.raises(UserError, match="mlflow not installed; call pip install"):
        run_fit(config, tmp_path / "model", SHORT, "trainer.report_to=mlflow")
    assert not (tmp_path / "model").exists()
