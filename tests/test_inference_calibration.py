import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import TAGS
from transformers import AutoModelForTokenClassification

from annotation.files import sha256_of_file
from annotation.problems import UserError
from annotation.report import Report, Span
from annotation.words import Word
from inference.__main__ import main as inference_main
from inference.calibration import (
    SIGNS,
    Calibration,
    Coefficients,
    load_calibration,
    span_signs,
)
from inference.model_folder import model_hash
from inference.predictor import BatchPredictor, leave_out
from inference.tagged_words import TaggedWords, word_array

NAMES = ["O", "B-X", "I-X", "B-Y", "I-Y"]
GIVEN: dict[str, Any] = {
    "coefficients": {"score": 0.5, "next_word": 1.0, "previous_word": 0.25, "length": -2.0},
    "intercept": -1.0,
    "labels": {"ACTOR": -0.5, "COUNT": 0.5},
    "missed_per_nat": 0.5,
}
EVEN = Calibration(
    coefficients=Coefficients(score=0, next_word=0, previous_word=0, length=0),
    intercept=0,
    labels={},
    missed_per_nat=0,
)


def log_odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def tagged_words(rows: list[list[float]], path: list[int]) -> TaggedWords:
    """Of probabilities of NAMES a word and the tags chosen, for words of one letter."""
    places = word_array([Word(2 * n, 2 * n + 1) for n in range(len(path))])
    with np.errstate(divide="ignore"):
        log_probs = np.log(np.array(rows, np.float32).reshape(-1, len(NAMES)))
    return TaggedWords(places, log_probs, np.array(path, np.int64), NAMES)


def write_calibration(folder: Path, **changes: Any) -> Path:
    """A calibration of the folder's weights; what is changed to None is left out."""
    weights = sha256_of_file(folder / "model.safetensors")
    content = {"model_weights": weights, **GIVEN, **changes}
    path = folder / "calibration.json"
    kept = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(kept), "utf-8")
    return path


@pytest.fixture
def model(random_model: Path, tmp_path: Path) -> Path:
    """A folder to change."""
    return Path(shutil.copytree(random_model, tmp_path / "model"))


# What speaks for a span


def test_signs_are_those_worked_out_by_hand() -> None:
    rows = [
        [0.90, 0.04, 0.02, 0.02, 0.02],  # O
        [0.10, 0.80, 0.05, 0.03, 0.02],  # B-X
        [0.20, 0.05, 0.70, 0.03, 0.02],  # I-X
        [0.50, 0.03, 0.30, 0.07, 0.10],  # O, which might go on
        [0.25, 0.05, 0.05, 0.60, 0.05],  # B-Y, the last word
    ]
    signs = span_signs(tagged_words(rows, [0, 1, 2, 0, 3]))
    certain = log_odds(0.999)
    assert SIGNS == ("score", "next_word", "previous_word", "length")
    assert signs == pytest.approx(
        np.array(
            [
                [log_odds(0.7), log_odds(1 - 0.3), log_odds(0.9), np.log(2)],
                [log_odds(0.6), certain, log_odds(0.5), 0],
            ]
        ),
        abs=1e-5,
    )


def test_a_word_that_may_go_on_with_the_label_of_the_span_alone_is_a_sign() -> None:
    rows = [[0.1, 0.8, 0.04, 0.03, 0.03], [0.4, 0.05, 0.05, 0.05, 0.45]]
    [sign] = span_signs(tagged_words(rows, [1, 0]))
    assert sign[1] == pytest.approx(log_odds(0.95), abs=1e-5)
    assert sign[2] == pytest.approx(log_odds(0.999)), "nothing stands before it"


def test_a_report_without_spans_or_words_has_no_signs() -> None:
    assert span_signs(tagged_words([[0.9, 0.1, 0, 0, 0]], [0])).shape == (0, 4)
    assert span_signs(tagged_words([], [])).shape == (0, 4)


def test_reports_end_to_end_have_the_signs_of_each_alone() -> None:
    rows = [[0.1, 0.6, 0.2, 0.05, 0.05], [0.2, 0.1, 0.6, 0.05, 0.05], [0.2, 0.1, 0.1, 0.5, 0.1]]
    paths = [[1, 2, 3], [], [3], [1, 3]]
    alone = [tagged_words(rows[: len(path)], path) for path in paths]
    all_rows = [row for path in paths for row in rows[: len(path)]]
    together = replace(
        tagged_words(all_rows, [tag for path in paths for tag in path]),
        ends=np.cumsum([len(path) for path in paths]),
    )
    expected = np.concatenate([span_signs(words) for words in alone])
    assert expected.shape == (5, 4)
    assert (span_signs(together) == expected).all()
    scores = Calibration(**GIVEN).scores(together)
    assert scores.tolist() == [
        score for words in alone for score in Calibration(**GIVEN).scores(words).tolist()
    ]
    spans = [span for words in alone for span in words.spans]
    assert [(s.start, s.label) for s in spans] == [
        (2 * start, label) for start, label in ((0, "X"), (2, "Y"), (0, "Y"), (0, "X"), (1, "Y"))
    ]


def test_certainty_beyond_a_thousandth_is_no_more_certain() -> None:
    """What rounding makes of it differs with the engine."""
    sure, surer = (span_signs(tagged_words([[1 - p, p, 0, 0, 0]], [1])) for p in (0.9995, 1.0))
    assert (sure == surer).all()
    assert np.isfinite(surer).all()


def test_a_probability_is_that_of_a_logistic_regression() -> None:
    calibration = Calibration(**GIVEN)
    signs = np.array([[2.0, 1.0, 4.0, 0.0], [2.0, 1.0, 4.0, 0.0], [0.0, 0.0, 0.0, np.log(2)]])
    found = calibration.probabilities(signs, ["ACTOR", "LOCATION", "COUNT"])
    sums = [-1 + 1 + 1 + 1 - 0.5, -1 + 1 + 1 + 1, -1 - 2 * np.log(2) + 0.5]
    assert found == pytest.approx([1 / (1 + np.exp(-one)) for one in sums])


@given(st.floats(0, 1e4), st.floats(0, 1e4))
def test_more_entropy_never_hides_less(one: float, other: float) -> None:
    calibration = Calibration(**GIVEN)
    low, high = sorted((one, other))
    assert 0 <= calibration.nothing_missed(high) <= calibration.nothing_missed(low) <= 1
    assert calibration.nothing_missed(0) == 1
    assert calibration.nothing_missed(np.log(2) / 0.5) == pytest.approx(0.5)


# In the predictor


def test_calibration_changes_scores_and_nothing_else(
    tiny_model: Path, tiny_reports: list[Report]
) -> None:
    plain = list(BatchPredictor.from_pretrained(tiny_model, device="cpu").predict(tiny_reports))
    calibrated = BatchPredictor.from_pretrained(tiny_model, device="cpu")
    calibrated.calibration = Calibration(**GIVEN)
    found = list(calibrated.predict(tiny_reports))
    assert found == plain, "spans are equal whatever their scores"
    pairs = [
        (one.score, other.score)
        for a, b in zip(plain, found, strict=True)
        for one, other in zip(a.spans or (), b.spans or (), strict=True)
    ]
    assert len(pairs) > 100
    assert all(0 < new < 1 and new != old for old, new in pairs)
    assert [report.fields for report in plain] == [report.fields for report in found]


def test_the_sure_and_the_unsure_keep_their_places_in_a_report(tiny_model: Path) -> None:
    """The first of two labels is made unlikely by the calibration, the other likely."""
    predictor = BatchPredictor.from_pretrained(tiny_model, device="cpu")
    predictor.calibration = EVEN.model_copy(update={"labels": {"ACTOR": -3.0, "COUNT": 3.0}})
    [found] = predictor.predict([Report("r", "أعلنت منصة راصد مقتل ستة مدنيين في تل الورد.")])
    assert [(span.label, round(span.score or 0, 4)) for span in found.spans or ()] == [
        ("ACTOR", 0.0474),
        ("COUNT", 0.9526),
        ("LOCATION", 0.5),
    ]


# Spans that are worth giving

SENTENCE = "أعلنت منصة راصد مقتل ستة مدنيين في تل الورد."


def test_what_scores_too_low_is_left_out_and_told(tiny_model: Path) -> None:
    predictor = BatchPredictor.from_pretrained(tiny_model, device="cpu", least_score=0.1)
    predictor.calibration = EVEN.model_copy(update={"labels": {"ACTOR": -3.0, "COUNT": 3.0}})
    sure, doubted = predictor.predict([Report("a", "في تل الورد."), Report("b", SENTENCE)])
    assert list(sure.fields) == ["uncertainty"]
    assert [span.label for span in doubted.spans or ()] == ["COUNT", "LOCATION"]
    [left_out] = doubted.fields["left_out"]
    assert left_out.pop("score") == pytest.approx(0.0474, abs=1e-4)
    assert left_out == {"start": 6, "end": 15, "label": "ACTOR", "text": "منصة راصد"}


def test_a_score_that_is_just_enough_and_one_that_is_no_number_are_given() -> None:
    scores = (0.4, 0.3999, float("nan"), None)
    spans = tuple(Span(2 * n, 2 * n + 1, "X", score) for n, score in enumerate(scores))
    found = leave_out(Report("r", "a b c d", spans, {"source": "s"}), 0.4)
    assert found.spans == (spans[0], *spans[2:])
    assert found.fields == {
        "source": "s",
        "left_out": [{"start": 2, "end": 3, "label": "X", "text": "b", "score": 0.3999}],
    }


def test_the_least_score_is_the_calibration_s_unless_one_is_given(model: Path) -> None:
    def least(**arguments: Any) -> float:
        return BatchPredictor.from_pretrained(model, device="cpu", **arguments).least_score

    assert least() == 0
    write_calibration(model)
    assert least() == 0, "a calibration without one leaves nothing out"
    write_calibration(model, least_score=0.42)
    assert least() == 0.42
    assert least(least_score=0) == 0
    assert least(least_score=0.9) == 0.9
    assert least(calibrated=False) == 0
    for wrong in (-0.1, 1.01, float("nan")):
        with pytest.raises(UserError, match=rf"^--least-score {wrong:g}: expected 0 to 1$"):
            least(least_score=wrong)


def test_a_run_counts_what_it_leaves_out_and_gives_it_on_demand(
    model: Path, tmp_path: Path
) -> None:
    write_calibration(model, labels={}, intercept=-99, least_score=0.42)
    (tmp_path / "in.txt").write_text(SENTENCE * 3, "utf-8")
    output = tmp_path / "out.jsonl"
    arguments = ["predict", "--model", str(model), str(tmp_path / "in.txt")]
    arguments += ["--device", "cpu", "--output", str(output)]
    given = []
    for more in ([], ["--least-score", "0"]):
        assert inference_main(arguments + more) == 0
        [line] = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
        run = json.loads((tmp_path / "out.jsonl.run.json").read_text("utf-8"))
        given.append((line, run))
    (without, run), (everything, run_of_all) = given
    assert without["spans"] == []
    assert without["left_out"] == everything["spans"]
    assert everything["spans"]
    assert "left_out" not in everything
    assert (run["least_score"], run["left_out"]) == (0.42, len(everything["spans"]))
    assert (run_of_all["least_score"], run_of_all["left_out"]) == (0, 0)


# The file


def test_a_folder_with_a_calibration_is_used_and_one_without_is_as_before(model: Path) -> None:
    before = model_hash(model)
    assert load_calibration(model) is None
    assert BatchPredictor.from_pretrained(model, device="cpu").calibration is None
    write_calibration(model, spans=812, before={"brier_score": 0.2})
    found = BatchPredictor.from_pretrained(model, device="cpu").calibration
    assert isinstance(found, Calibration)
    assert {key: found.model_dump()[key] for key in GIVEN} == GIVEN
    assert model_hash(model) == before, "its spans are those of the same model"
    plain = BatchPredictor.from_pretrained(model, device="cpu", calibrated=False)
    assert plain.calibration is None


def test_transformers_loads_the_folder_and_other_weights_are_not_calibrated(
    model: Path, tmp_path: Path
) -> None:
    write_calibration(model)
    loaded = AutoModelForTokenClassification.from_pretrained(model)
    assert loaded.config.id2label == dict(enumerate(TAGS))
    loaded.half().save_pretrained(tmp_path / "half")
    assert load_calibration(tmp_path / "half") is None
    loaded.save_pretrained(model)
    with pytest.raises(UserError) as raised:
        load_calibration(model)
    assert str(raised.value) == (
        f"{model}/calibration.json: was fitted for other weights than those of model.safetensors; "
        "fit it anew with python -m training calibrate, or remove the file"
    )


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda file: file.write_text("{"), ": Invalid JSON: "),
        (lambda file: file.write_bytes(b"\xff\xfe"), ": Invalid JSON: "),
        (lambda file: file.write_text("[]"), "calibration.json: : Input should be an object"),
        (lambda file: write_calibration(file.parent, intercept=None), "intercept: missing; "),
        (lambda file: write_calibration(file.parent, intercept="x"), "intercept: Input should be"),
        (lambda file: write_calibration(file.parent, missed_per_nat=-1), "missed_per_nat: Input"),
        (
            lambda file: write_calibration(file.parent, coefficients={"score": 1.0, "width": 2.0}),
            "coefficients.width: no such key",
        ),
        (
            lambda file: file.write_text(file.read_text().replace("-1.0", "NaN")),
            "intercept: Input should be a finite number",
        ),
    ],
)
def test_a_damaged_calibration_is_told_in_lines_that_say_what_to_do(
    model: Path, damage: Callable[[Path], Any], told: str
) -> None:
    damage(write_calibration(model))
    with pytest.raises(UserError) as raised:
        BatchPredictor.from_pretrained(model, device="cpu")
    lines = str(raised.value).splitlines()
    assert any(told in line for line in lines), lines
    for line in lines:
        assert line.startswith(f"{model}/calibration.json: ")
        assert line.endswith("fit it anew with python -m training calibrate, or remove the file")


def test_the_record_of_a_run_says_whether_scores_are_calibrated(
    model: Path, tmp_path: Path
) -> None:
    (tmp_path / "in.txt").write_text("قالت منصة راصد", "utf-8")
    output = tmp_path / "out.jsonl"
    arguments = ["predict", "--model", str(model), str(tmp_path / "in.txt")]
    arguments += ["--device", "cpu", "--output", str(output)]
    for calibrated in (False, True):
        if calibrated:
            write_calibration(model)
        assert inference_main(arguments) == 0
        run = json.loads((tmp_path / "out.jsonl.run.json").read_text("utf-8"))
        assert run["calibrated"] is calibrated
        assert run["model"] == model_hash(model)
