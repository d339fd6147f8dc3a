import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny import invent_reports
from tiny_fit import run_fit, write_inputs

from annotation.files import sha256_of_file
from annotation.formats import write_reports
from inference.calibration import Calibration
from inference.model_folder import model_hash
from inference.predictor import BatchPredictor
from training.evaluate import evaluate_model

SETTINGS = ("trainer.num_train_epochs=5", 'trainer.report_to=["none"]')


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration with development reports in which every second ACTOR is not marked."""
    dev = [
        replace(r, spans=tuple(s for s in r.spans or () if i % 2 or s.label != "ACTOR"))
        for i, r in enumerate(invent_reports(80, seed=9, sentences=2))
    ]
    return write_inputs(tmp_path_factory.mktemp("inputs"), dev=dev)


@pytest.fixture(scope="module")
def fitted(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was fitted with development reports. Not to be changed."""
    output = tmp_path_factory.mktemp("fitted") / "model"
    run_fit(inputs, output, *SETTINGS)
    return output


def record_of(model: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((model / "training.json").read_text("utf-8"))
    return record


def test_a_fit_calibrates_on_the_development_reports(
    fitted: Path, inputs: Path, tmp_path: Path
) -> None:
    record, dev = record_of(fitted), inputs.with_name("dev.jsonl")
    calibration = record["calibration"]
    assert calibration["calibrated"] is True
    assert calibration["gold"] == {str(dev): sha256_of_file(dev)}
    micro = record["metrics"]["dev"]["micro"]
    again = evaluate_model(fitted, str(dev), tmp_path, "cpu").scores.micro
    assert (again.predicted, again.matched) == (micro["predicted"], micro["matched"])
    assert micro["predicted"] < calibration["spans"], "unlikely ones are left out"
    everything = evaluate_model(fitted, str(dev), tmp_path, "cpu", least_score=0).scores.micro
    assert (calibration["spans"], calibration["right"]) == (
        everything.predicted,
        everything.matched,
    )
    before, after = calibration["before"], calibration["after"]
    assert before["expected_calibration_error"] > 0.1
    assert after["expected_calibration_error"] < before["expected_calibration_error"] - 0.05
    assert after["brier_score"] < before["brier_score"]
    assert record["model"] == model_hash(fitted)
    card = (fitted / "README.md").read_text("utf-8")
    error = after["expected_calibration_error"]
    assert f"{error:.4f} after; F1 " in card
    assert "(on held-out folds); a score is the probability" in card


def test_the_predictor_of_a_fitted_model_gives_probabilities(fitted: Path) -> None:
    predictor = BatchPredictor.from_pretrained(fitted, device="cpu")
    assert isinstance(predictor.calibration, Calibration)
    found = list(predictor.predict(invent_reports(30, seed=77, sentences=2)))
    scores: dict[str, list[float]] = {"ACTOR": [], "LOCATION": []}
    for report in found:
        given = [(span.label, span.score or 0) for span in report.spans or ()]
        left_out = [(span["label"], span["score"]) for span in report.fields.get("left_out", ())]
        assert all(score < predictor.least_score for _, score in left_out)
        assert all(score >= predictor.least_score for _, score in given)
        for label, score in given + left_out:
            if label in scores:
                scores[label].append(score)
    actor, location = (sum(of) / len(of) for of in scores.values())
    assert 0.3 < actor < 0.7, "half of them were not marked"
    assert location > 0.8


def test_without_development_reports_scores_stay_as_they_are_and_no_old_file_is_left(
    fitted: Path, inputs: Path, tmp_path: Path
) -> None:
    output = Path(shutil.copytree(fitted, tmp_path / "model"))
    assert (output / "calibration.json").is_file()
    write_reports(invent_reports(8, sentences=1), inputs.with_name("few.jsonl"))
    for dev, reason in (
        ("[]", "no development reports"),
        (f'["{inputs.with_name("few.jsonl")}"]', "expected 50 or more, in 5 or more"),
    ):
        settings = (*SETTINGS, "trainer.num_train_epochs=1", f"data.dev={dev}")
        record = run_fit(inputs, output, *settings)
        assert not (output / "calibration.json").exists()
        assert record["calibration"]["calibrated"] is False
        assert record["calibration"]["reason"].endswith(reason)
        assert BatchPredictor.from_pretrained(output, device="cpu").calibration is None
        card = (output / "README.md").read_text("utf-8")
        assert "a score is the lowest tag probability among a span's words" in card
