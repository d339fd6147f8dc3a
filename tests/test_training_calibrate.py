import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import invent_reports

from annotation.files import sha256_of_file
from annotation.formats import write_reports
from annotation.report import Report, Span
from annotation.words import find_words
from inference.calibration import SIGNS, Calibration, Coefficients, SignArray, load_calibration
from inference.model_folder import model_hash
from inference.predictor import BatchPredictor
from training.__main__ import main
from training.calibrate import (
    Evidence,
    calibrate,
    describe_calibration,
    find_least_score,
    fit_calibration,
    gather_evidence,
    held_out_probabilities,
)
from training.data import AnnotatedReports
from training.evaluate import evaluate_model
from training.evaluation.calibration import ScoredSpans, calibration_error, find_reliability

TRUTH = Calibration(
    coefficients=Coefficients(score=0.6, next_word=1.2, previous_word=0.0, length=-1.5),
    intercept=0.5,
    labels={"ACTOR": -0.8, "COUNT": 1.0, "LOCATION": 0.0},
    missed_per_nat=0.2,
)


def sigmoid(sums: SignArray) -> SignArray:
    return 1 / (1 + np.exp(-sums))


def drawn(spans: int, seed: int = 1, a_report: int = 20) -> Evidence:
    """Spans that are right as often as TRUTH says, with scores that say too much."""
    draw = np.random.default_rng(seed)
    signs = draw.normal(1.0, 1.5, (spans, len(SIGNS)))
    labels = draw.choice(sorted(TRUTH.labels), spans).tolist()
    return Evidence(
        signs=signs,
        labels=labels,
        scores=sigmoid(3 + signs[:, 0]),
        right=draw.random(spans) < TRUTH.probabilities(signs, labels),
        reports=np.arange(spans) // a_report,
        gold=spans,
        missed=30,
        outside_entropy=150.0,
    )


def error(scores: SignArray, right: Any) -> float:
    found = calibration_error(find_reliability(ScoredSpans(scores, right)))
    assert found is not None
    return found


# The regression


def test_the_probabilities_that_spans_were_drawn_with_are_found_again() -> None:
    found = fit_calibration(drawn(20_000))
    fresh = drawn(500, seed=2)
    ours, true = (one.probabilities(fresh.signs, fresh.labels) for one in (found, TRUTH))
    assert np.abs(ours - true).max() < 0.04
    assert found.coefficients.next_word == pytest.approx(1.2, abs=0.1)
    assert found.coefficients.previous_word == pytest.approx(0.0, abs=0.1)
    assert found.coefficients.length == pytest.approx(-1.5, abs=0.1)
    assert found.labels["COUNT"] - found.labels["ACTOR"] == pytest.approx(1.8, abs=0.2)
    assert found.missed_per_nat == 0.2


@pytest.mark.parametrize("spans", [100, 1_000, 5_000])
def test_probabilities_mean_more_than_scores_on_reports_that_were_held_out(spans: int) -> None:
    evidence = drawn(spans)
    probabilities = held_out_probabilities(evidence)
    before, after = error(evidence.scores, evidence.right), error(probabilities, evidence.right)
    assert before > 0.2
    assert after < max(0.03, before / 2)


def test_a_held_out_probability_knows_nothing_of_its_own_report() -> None:
    """Whatever happened in a report, its own probabilities stay the same."""
    evidence = drawn(200)
    of_first = evidence.reports == 0
    turned = replace(evidence, right=np.where(of_first, ~evidence.right, evidence.right))
    one, other = held_out_probabilities(evidence), held_out_probabilities(turned)
    assert (one[of_first] == other[of_first]).all()
    assert (one[~of_first] != other[~of_first]).any()


@pytest.mark.parametrize(("right", "expected"), [(True, 61 / 62), (False, 1 / 62)])
def test_spans_that_are_all_right_or_all_wrong_are_not_taken_for_certain(
    right: bool, expected: float
) -> None:
    """Nothing tells them apart; 60 of 60 is a probability of 61 / 62 (the rule of succession)."""
    evidence = replace(drawn(60), right=np.full(60, right))
    found = fit_calibration(evidence)
    probabilities = found.probabilities(evidence.signs, evidence.labels)
    assert probabilities == pytest.approx(np.full(60, expected), abs=1e-3)


def test_a_label_that_the_reports_did_not_hold_stands_between_the_others() -> None:
    found = fit_calibration(drawn(5_000))
    signs = np.ones((1, len(SIGNS)))
    low, new, high = (found.probabilities(signs, [x])[0] for x in ("ACTOR", "WEAPON", "COUNT"))
    assert low < new < high


def test_one_label_alone_is_fitted_too() -> None:
    evidence = replace(drawn(400), labels=["ACTOR"] * 400)
    found = fit_calibration(evidence)
    assert list(found.labels) == ["ACTOR"]
    assert error(found.probabilities(evidence.signs, evidence.labels), evidence.right) < 0.06


# How probable a span has to be


@pytest.mark.parametrize(
    ("probabilities", "right", "gold", "found"),
    [
        # Of the two surest 2 × 2 of 2 + 3, of all 2 × 2 of 4 + 3.
        ([0.1, 0.9, 0.8, 0.2], [0, 1, 1, 0], 3, (0.4, 4 / 7, 4 / 5)),
        # The last one is right: all of them are best, and none scores less than 3/8 and is wrong.
        ([0.9, 0.8, 0.45, 0.4], [1, 1, 0, 1], 4, (0.0, 3 / 4, 3 / 4)),
        # No score tells the two apart: the first alone is no choice.
        ([0.5, 0.5, 0.1], [1, 0, 0], 1, (1 / 3, 1 / 2, 2 / 3)),
        ([0.9, 0.9], [0, 0], 5, (0.0, 0.0, 0.0)),
    ],
)
def test_a_span_is_worth_giving_from_half_of_the_best_f1(
    probabilities: list[float], right: list[int], gold: int, found: tuple[float, float, float]
) -> None:
    assert find_least_score(np.array(probabilities), np.array(right, bool), gold) == pytest.approx(
        found
    )


@pytest.mark.parametrize("missed", [0, 1_000, 10_000])
def test_no_other_score_to_cut_at_gives_a_much_better_f1(missed: int) -> None:
    evidence = drawn(20_000)
    gold = int(evidence.right.sum()) + missed
    probabilities = held_out_probabilities(evidence)
    least, of_all, of_worth = find_least_score(probabilities, evidence.right, gold)
    kept = [probabilities >= cut for cut in np.arange(0, 1, 0.01)]
    best = max(2 * evidence.right[one].sum() / (one.sum() + gold) for one in kept)
    assert least == pytest.approx(best / 2, abs=0.005)
    assert best - 0.002 < of_worth <= best + 0.001
    assert of_worth >= of_all


# With a model


def flawed(reports: list[Report]) -> list[Report]:
    """Gold in which the ACTORs of every fourth report alone are marked: what is found is wrong."""
    return [
        replace(r, spans=tuple(s for s in r.spans or () if i % 4 == 0 or s.label != "ACTOR"))
        for i, r in enumerate(reports)
    ]


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gold") / "gold.jsonl"
    write_reports(flawed(invent_reports(120, seed=21)), path)
    return path


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A folder to change."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def test_evidence_is_what_the_predictor_finds_report_by_report(tiny_model: Path) -> None:
    predictor = BatchPredictor.from_pretrained(tiny_model, device="cpu")
    reports = flawed(invent_reports(12, seed=21))
    evidence = gather_evidence(predictor, reports)
    assert predictor.calibration is None, "the predictor is as it was"
    found = list(predictor.predict(reports))
    spans = [(i, span) for i, report in enumerate(found) for span in report.spans or ()]
    assert evidence.reports.tolist() == [i for i, _ in spans]
    assert evidence.labels == [span.label for _, span in spans]
    assert evidence.scores.tolist() == [span.score for _, span in spans]
    assert evidence.right.tolist() == [span in (reports[i].spans or ()) for i, span in spans]
    assert 0 < evidence.right.sum() < len(spans)
    assert evidence.signs.shape == (len(spans), len(SIGNS))
    lowest = np.clip(evidence.scores, 0.001, 0.999)
    assert evidence.signs[:, 0] == pytest.approx(np.log(lowest / (1 - lowest)), abs=1e-3)
    words = [len(find_words(found[i].text[span.start : span.end])) for i, span in spans]
    assert np.exp(evidence.signs[:, 3]) == pytest.approx(words)


def test_what_is_missed_is_counted_for_the_entropy_outside_of_spans(tiny_model: Path) -> None:
    """In one report gold has a span where the model finds none."""
    predictor = BatchPredictor.from_pretrained(tiny_model, device="cpu")
    [bare] = [r for r in invent_reports(30, seed=5, sentences=1) if "استعاد" in r.text][:1]
    [found] = predictor.predict([bare])
    assert found.spans == ()
    hidden = replace(bare, spans=(Span(0, 6, "ACTOR"),))
    evidence = gather_evidence(predictor, [hidden])
    assert (evidence.missed, len(evidence.right)) == (1, 0)
    words = len(bare.text.split())
    assert evidence.outside_entropy == pytest.approx(found.fields["uncertainty"] * words, rel=1e-3)


def test_the_command_calibrates_a_model_and_cuts_off_unlikely_spans(
    model: Path, gold: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (model / "training.json").write_text('{"labels": ["ACTOR"], "data": {}}', "utf-8")
    before, hash_before = evaluate_model(model, str(gold), tmp_path / "a", "cpu"), model_hash(model)
    arguments = ["calibrate", "--model", str(model), "--gold", str(gold), "--device", "cpu"]
    assert main(arguments) == 0
    told = capsys.readouterr().err

    record = json.loads((model / "training.json").read_text("utf-8"))
    assert record["labels"] == ["ACTOR"], "the rest of the record stays"
    calibration = record["calibration"]
    errors = [calibration[x]["expected_calibration_error"] for x in ("before", "after")]
    assert errors[0] > 0.1
    assert errors[1] < errors[0] / 2
    assert calibration["after"]["brier_score"] < calibration["before"]["brier_score"]
    assert told == (
        f"{model}: span scores are calibrated on {calibration['spans']} spans of 120 reports: "
        f"calibration error {errors[0]:.4f} before, {errors[1]:.4f} after; F1 "
        f"{calibration['f1']['of_all']:.4f} before, {calibration['f1']['of_worth']:.4f} after "
        f"leaving out what scores less than {calibration['least_score']:.4f} (on held-out folds)\n"
    )
    assert calibration["f1"]["of_all"] == pytest.approx(before.scores.micro.f1)
    assert calibration["f1"]["of_worth"] > calibration["f1"]["of_all"] + 0.02
    assert 0.3 < calibration["least_score"] < 0.5
    assert calibration["gold"] == {str(gold): sha256_of_file(gold)}
    assert (calibration["calibrated"], calibration["set_aside"]) == (True, 0)
    content = json.loads((model / "calibration.json").read_text("utf-8"))
    assert calibration.items() <= content.items()
    assert {"versions", "commit", "model_weights"} <= content.keys()

    worth = evaluate_model(model, str(gold), tmp_path / "c", "cpu")
    assert worth.scores.micro.f1 > before.scores.micro.f1 + 0.02
    assert worth.scores.micro.predicted < before.scores.micro.predicted
    assert worth.to_json()["least_score"] == calibration["least_score"]
    after = evaluate_model(model, str(gold), tmp_path / "b", "cpu", least_score=0)
    assert after.scores == before.scores
    assert model_hash(model) == hash_before
    assert calibration["right"] == after.scores.micro.matched
    errors = [one.calibration["expected_calibration_error"] for one in (before, after)]
    assert errors[1] < errors[0] / 2
    one, other = ((tmp_path / x / "predictions.jsonl").read_text("utf-8") for x in "ab")
    assert one != other
    said = after.to_json()
    assert (said["calibrated"], said["calibrated_on"]) == (True, [str(gold)])
    [line] = [line for line in after.remarks() if line.startswith("calibration error")]
    assert line.endswith("; calibrated on these very reports, so on others it is greater")
    said = before.to_json()
    assert (said["calibrated"], said["calibrated_on"]) == (False, [])

    again = (model / "calibration.json").read_bytes()
    assert main(arguments) == 0
    assert (model / "calibration.json").read_bytes() == again, "the same again, from raw scores"


def test_a_calibration_of_other_weights_is_replaced(model: Path, gold: Path) -> None:
    (model / "calibration.json").write_text("{}", "utf-8")
    assert main(["calibrate", "--model", str(model), "--gold", str(gold), "--device", "cpu"]) == 0
    assert isinstance(load_calibration(model), Calibration)
    assert not (model / "training.json").exists(), "there was no record to put it into"


@pytest.mark.parametrize("spans", [0, 1])
def test_too_few_spans_are_told_and_nothing_is_changed(
    model: Path, tmp_path: Path, spans: int, capsys: pytest.CaptureFixture
) -> None:
    gold = tmp_path / "few.jsonl"
    text = ("لا جديد اليوم.", "قالت منصة راصد.")[spans]
    write_reports([Report(f"r{n}", text, ()) for n in range(6)], gold)
    assert main(["calibrate", "--model", str(model), "--gold", str(gold), "--device", "cpu"]) == 2
    assert capsys.readouterr().err == (
        f"{gold}: not calibrated: the model predicts {6 * spans} spans in {6 * spans} of the 6 "
        "reports; expected 50 or more, in 5 or more\n"
    )
    assert not (model / "calibration.json").exists()


def test_reports_that_the_model_was_fitted_on_are_refused(
    model: Path, gold: Path, capsys: pytest.CaptureFixture
) -> None:
    files = {"files": {"train.jsonl": sha256_of_file(gold)}}
    record = json.dumps({"data": {"train": files}})
    (model / "training.json").write_text(record, "utf-8")
    assert main(["calibrate", "--model", str(model), "--gold", str(gold), "--device", "cpu"]) == 2
    assert capsys.readouterr().err == (
        f"{gold}: {model} was fitted on it, and is surer of it than of other reports; expected "
        "reports that it did not learn from\n"
    )
    assert (model / "training.json").read_text("utf-8") == record
    assert not (model / "calibration.json").exists()


def test_scores_that_cannot_be_bettered_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the spans are right, whatever their signs, and the scores say so."""
    evidence = drawn(600)
    even = replace(
        evidence, scores=np.full(600, 0.5), right=np.random.default_rng(4).random(600) < 0.5
    )
    monkeypatch.setattr("training.calibrate.gather_evidence", lambda *_: even)
    found = calibrate(None, AnnotatedReports([Report("r", "")] * 30, {}, 0))  # type: ignore[arg-type]
    assert found.calibration is None
    assert describe_calibration(found.record) == (
        "span scores are not calibrated: on held-out folds the probabilities were no better than "
        "the scores as they are"
    )


def test_a_model_whose_output_is_no_number_is_not_calibrated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = replace(drawn(600), outside_entropy=float("nan"))
    monkeypatch.setattr("training.calibrate.gather_evidence", lambda *_: broken)
    found = calibrate(None, AnnotatedReports([Report("r", "")] * 30, {}, 0))  # type: ignore[arg-type]
    assert (found.calibration, found.record["reason"]) == (
        None,
        "the model's output is not a number",
    )
