"""The int8 network of a model: made, measured, stored, and refused where it does not fit."""

import json
import logging
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from tiny import invent_reports

from annotation.files import sha256_of_file
from annotation.formats import write_reports
from annotation.problems import UserError
from inference.__main__ import main
from inference.int8 import INT8, RECORD
from inference.model_folder import model_hash
from inference.openvino_engine import openvino_is_installed
from inference.predictor import BatchPredictor
from inference.prepare import choose_windows, prepare_int8

if not openvino_is_installed() or find_spec("nncf") is None:
    pytest.skip("needs pip install 'rasd[openvino]'", allow_module_level=True)

Printed = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("dev") / "dev.jsonl"
    write_reports(invent_reports(110, seed=50), file)
    return file


@pytest.fixture(scope="module")
def prepared(tiny_model: Path, dev: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the fitted model with its int8 network. Not to be changed."""
    folder = tmp_path_factory.mktemp("prepared") / "model"
    shutil.copytree(tiny_model, folder)
    arguments = ["--calibration", str(dev), "--gold", str(dev)]
    assert main(["prepare", "--model", str(folder), "--precision", "fastest", *arguments]) == 0
    return folder


def test_the_network_has_a_record_of_its_own(prepared: Path, dev: Path) -> None:
    record = json.loads((prepared / INT8 / RECORD).read_text("utf-8"))
    assert record["model"] == model_hash(prepared)
    assert record["calibration"] == record["gold"] == {str(dev): sha256_of_file(dev)}
    # A window a report: they are short.
    assert record["windows"] == 110
    assert record["f1"]["exact"] > 0.97
    assert record["f1"]["fastest"] >= record["f1"]["exact"] - 0.003
    assert record["loss_allowed"] is False
    assert {"openvino", "nncf", "torch", "rasd"} <= record["versions"].keys()
    assert record["files"] == {
        name: sha256_of_file(prepared / INT8 / name) for name in ("network.xml", "network.bin")
    }
    assert not list(prepared.glob("*.part"))


def test_fastest_runs_in_int8_and_finds_what_exact_finds(prepared: Path) -> None:
    fastest = BatchPredictor.from_pretrained(prepared, device="cpu", precision="fastest")
    exact = BatchPredictor.from_pretrained(prepared, device="cpu")
    assert fastest.engine.precision == "fastest"
    assert "FakeQuantize" in (prepared / INT8 / "network.xml").read_text("utf-8")
    reports = invent_reports(30, seed=51)
    pairs = list(zip(exact.predict(reports), fastest.predict(reports), strict=True))
    same = sum(len(set(one.spans or ()) & set(two.spans or ())) for one, two in pairs)
    either = sum(len(set(one.spans or ()) | set(two.spans or ())) for one, two in pairs)
    assert either > 100
    assert same >= 0.98 * either
    # Another network indeed: its scores are not the same numbers.
    assert any(
        a.score != b.score
        for one, two in pairs
        for a, b in zip(one.spans or (), two.spans or (), strict=False)
    )


def test_predict_records_the_precision(prepared: Path, dev: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    arguments = ["--model", str(prepared), str(dev), "--output", str(output), "--device", "cpu"]
    assert main(["predict", *arguments, "--precision", "fastest"]) == 0
    run = json.loads((tmp_path / "out.jsonl.run.json").read_text("utf-8"))
    assert (run["precision"], run["predicted"]) == ("fastest", 110)


def test_evaluate_takes_and_records_the_precision(
    prepared: Path, dev: Path, tmp_path: Path
) -> None:
    from training.__main__ import main as training

    arguments = ["--gold", str(dev), "--output", str(tmp_path), "--device", "cpu"]
    model = ["--model", str(prepared), "--precision", "fastest"]
    assert training(["evaluate", *model, *arguments]) == 0
    evaluation = json.loads((tmp_path / "evaluation.json").read_text("utf-8"))
    assert evaluation["precision"] == "fastest"
    record = json.loads((prepared / INT8 / RECORD).read_text("utf-8"))
    assert evaluation["micro"]["f1"] == pytest.approx(record["f1"]["fastest"])


def test_a_model_folder_goes_on_loading_by_itself(prepared: Path, tiny_model: Path) -> None:
    assert model_hash(prepared) == model_hash(tiny_model)
    assert BatchPredictor.from_pretrained(prepared, device="cpu").engine.precision == "exact"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("weights", "made from another model than"),
        ("network", "the network is not the one that int8.json names"),
        ("cut", "its record or its network cannot be read"),
        ("record", "its record or its network cannot be read"),
        ("gone", "has no int8 network"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(
    damage: str, told: str, prepared: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(prepared, folder)
    match damage:
        case "weights":
            with (folder / "tokenizer_config.json").open("a") as file:
                file.write(" ")
        case "network":
            with (folder / INT8 / "network.bin").open("ab") as file:
                file.write(b"\0")
        case "cut":
            (folder / INT8 / "network.bin").unlink()
        case "record":
            (folder / INT8 / RECORD).write_text("{}", "utf-8")
        case "gone":
            (folder / INT8 / RECORD).unlink()
    with pytest.raises(UserError) as refused:
        BatchPredictor.from_pretrained(folder, device="cpu", precision="fastest")
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert f"inference prepare --model {folder}" in str(refused.value)


def test_a_loss_is_refused_unless_it_is_asked_for(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    folder, few = tmp_path / "model", tmp_path / "few.jsonl"
    shutil.copytree(tiny_model, folder)
    write_reports(invent_reports(6, seed=50), few)
    # Everything is too much of a loss here, even none.
    monkeypatch.setattr("inference.prepare.LARGEST_LOSS", -2.0)
    command = ["prepare", "--model", str(folder), "--calibration", str(few), "--gold", str(few)]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert "nothing was stored" in told
    assert "--allow-loss" in told
    assert not (folder / INT8).exists()
    assert main([*command, "--allow-loss"]) == 0
    record = json.loads((folder / INT8 / RECORD).read_text("utf-8"))
    assert record["loss_allowed"] is True


def test_without_gold_the_loss_is_not_measured(
    tiny_model: Path, tmp_path: Path, capsys: Printed, caplog: pytest.LogCaptureFixture
) -> None:
    folder, few = tmp_path / "model", tmp_path / "few.jsonl"
    shutil.copytree(tiny_model, folder)
    write_reports(invent_reports(3, seed=50), few)
    caplog.set_level(logging.WARNING)
    prepared = prepare_int8(folder, [str(few)])
    assert prepared.record["f1"] is None
    assert prepared.lines() == [
        "int8 network made with 3 windows; what it loses was not measured (--gold FILE measures it)"
    ]
    assert "3 windows for calibration: expected 100 or more" in caplog.messages
    assert capsys.readouterr().out == ""


def test_calibration_without_text_and_gold_without_spans_are_told(
    tiny_model: Path, tmp_path: Path, dev: Path
) -> None:
    blank = tmp_path / "blank.jsonl"
    blank.write_text('{"id": "a", "text": " "}\n', "utf-8")
    with pytest.raises(UserError, match=r"blank\.jsonl: no text in it"):
        prepare_int8(tiny_model, [str(blank)])
    with pytest.raises(UserError, match=r"blank\.jsonl: no annotated report"):
        prepare_int8(tiny_model, [str(dev)], [str(blank)])
    assert not (tiny_model / INT8).exists()


def test_calibration_windows_are_drawn_from_all_texts_and_always_the_same(
    tiny_model: Path,
) -> None:
    from inference.model_folder import load_model

    loaded = load_model(tiny_model, "cpu")
    texts = [report.text for report in invent_reports(400, seed=8)]
    windows = choose_windows(loaded, texts)
    assert len(windows) == 300
    assert [w.tolist() for w in choose_windows(loaded, texts)] == [w.tolist() for w in windows]
    assert all(len(window) <= loaded.window_size for window in windows)
    halves = [choose_windows(loaded, texts[:200]), choose_windows(loaded, texts[200:])]
    drawn = {tuple(window) for window in windows}
    for half in halves:
        assert len(drawn & {tuple(window) for window in half}) > 100
