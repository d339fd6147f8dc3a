import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_inference_calibration import EVEN, write_calibration

from annotation.__main__ import main as annotation_main
from annotation.formats import read_records, write_reports
from annotation.formats.jsonl import read_predictions
from annotation.pushed_predictions import read_pushed_predictions
from annotation.report import Report, Span
from inference.__main__ import main
from inference.calibration import SIGNS, Calibration
from inference.model_folder import model_hash
from inference.predictor import leave_out
from inference.review import ReviewList

TEXT = "أعلنت منصة راصد مقتل ستة مدنيين في تل الورد."
SURE = (Span(6, 15, "ACTOR", 0.9), Span(21, 24, "COUNT", 0.8), Span(36, 44, "LOCATION", 0.95))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def report(id: str, *spans: Span, uncertainty: float = 0.1, text: str = TEXT) -> Report:
    return Report(id, text, spans, {"source": "s", "uncertainty": uncertainty})


def review(
    predictions: list[Report], folder: Path, below: float, calibration: Calibration | None = None
) -> tuple[ReviewList, list[dict[str, Any]]]:
    listing = ReviewList(str(folder / "out.jsonl"), below)
    assert list(listing.watch(predictions, calibration)) == predictions, "all go on, in order"
    return listing, lines_of(folder / "out.jsonl.review.jsonl")


# Which reports are listed


def test_reports_with_a_span_below_the_threshold_are_listed_the_least_sure_span_first(
    tmp_path: Path,
) -> None:
    doubtful = (
        Span(6, 15, "ACTOR", 0.6),
        Span(21, 24, "COUNT", 0.2),
        Span(36, 44, "LOCATION", 0.7),
    )
    predictions = [report("sure", *SURE), report("doubtful", *doubtful), report("none")]
    listing, lines = review(predictions, tmp_path, 0.7)
    assert lines == [
        {
            "id": "doubtful",
            "text": TEXT,
            "source": "s",
            "uncertainty": 0.1,
            "doubtful": [
                {"start": 21, "end": 24, "label": "COUNT", "text": "ستة", "score": 0.2},
                {"start": 6, "end": 15, "label": "ACTOR", "text": "منصة راصد", "score": 0.6},
            ],
        }
    ]
    assert "spans" not in lines[0], "they would be taken for what a person marked"
    assert listing.counts.to_json() == {"below": 0.7, "reports": 1, "spans": 2, "without_spans": 0}
    assert listing.counts.describe(listing.path) == [
        "to look at: 1 reports, with 2 spans that score less than 0.7: "
        f"{tmp_path}/out.jsonl.review.jsonl",
        "the model is not calibrated: its scores are no probabilities, and reports without a span "
        "are not listed; see python -m training calibrate",
    ]


def test_what_was_left_out_of_the_predictions_is_listed_among_the_doubtful(
    tmp_path: Path,
) -> None:
    spans = (Span(6, 15, "ACTOR", 0.6), Span(21, 24, "COUNT", 0.2), SURE[2])
    cut = leave_out(report("r", *spans), 0.4)
    _, [line] = review([cut], tmp_path, 0.7)
    _, [uncut] = review([report("r", *spans)], tmp_path, 0.7)
    assert line == uncut
    none_left = leave_out(report("r", spans[1]), 0.4)
    assert none_left.spans == ()
    listing, [line] = review([none_left], tmp_path, 0.7, EVEN)
    assert [span["score"] for span in line["doubtful"]] == [0.2]
    assert "missed_probability" not in line
    assert listing.counts.without_spans == 0


def test_the_predictions_of_listed_reports_stand_beside_with_all_their_spans(
    tmp_path: Path,
) -> None:
    review([report("sure", *SURE), report("doubtful", *SURE)], tmp_path, 0.81)
    beside = tmp_path / "out.jsonl.review.jsonl.predictions.jsonl"
    found = read_predictions(beside)
    assert found == {"sure": SURE, "doubtful": SURE}
    assert [span.score for span in found["sure"]] == [0.9, 0.8, 0.95]
    assert "doubtful" not in lines_of(beside)[0]


@pytest.mark.parametrize(
    ("uncertainty", "listed"), [(0.0, False), (0.04, False), (0.2, True), (float("nan"), True)]
)
def test_a_report_without_a_span_is_listed_where_one_may_be_missed(
    tmp_path: Path, uncertainty: float, listed: bool
) -> None:
    """Ten words at half a missed span a nat: P(nothing missed) = exp(−5 · uncertainty)."""
    calibration = EVEN.model_copy(update={"missed_per_nat": 0.5})
    text = "واحد اثنان ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة عشرة"
    one = report("bare", uncertainty=uncertainty, text=text)
    listing, lines = review([one], tmp_path, 0.8, calibration)
    assert (len(lines), listing.counts.without_spans, listing.counts.spans) == (listed, listed, 0)
    if listed and uncertainty == 0.2:
        assert lines[0]["doubtful"] == []
        assert lines[0]["missed_probability"] == pytest.approx(1 - np.exp(-1))
        assert listing.counts.describe(listing.path) == [
            "to look at: 1 reports, with 0 spans that score less than 0.8; 1 of them have no span, "
            f"and may hide one: {tmp_path}/out.jsonl.review.jsonl"
        ]


def test_a_score_that_is_no_number_is_doubtful(tmp_path: Path) -> None:
    spans = (Span(6, 15, "ACTOR", float("nan")), Span(21, 24, "COUNT", 0.1), Span(36, 44, "X"))
    _, [line] = review([report("r", *spans)], tmp_path, 0.5)
    assert [span["label"] for span in line["doubtful"]] == ["ACTOR", "X", "COUNT"]


def test_with_a_threshold_of_one_all_is_listed_that_is_not_certain(tmp_path: Path) -> None:
    certain = report("certain", Span(6, 15, "ACTOR", 1.0))
    listing, lines = review([report("sure", *SURE), certain], tmp_path, 1.0)
    assert [line["id"] for line in lines] == ["sure"]
    assert listing.counts.spans == 3


def test_nothing_to_look_at_is_an_empty_list(tmp_path: Path) -> None:
    _, lines = review([report("sure", *SURE)], tmp_path, 0.5)
    assert lines == []
    assert (tmp_path / "out.jsonl.review.jsonl.predictions.jsonl").read_bytes() == b""


def test_a_run_that_is_broken_off_leaves_no_half_a_list(tmp_path: Path) -> None:
    stream = ReviewList(str(tmp_path / "out.jsonl"), 0.99).watch([report("a", *SURE)] * 3, None)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


# Through the command


@pytest.fixture(scope="module")
def model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fitted model, calibrated to doubt each ACTOR, and each report without a span."""
    folder = Path(shutil.copytree(tiny_model, tmp_path_factory.mktemp("doubting") / "model"))
    write_calibration(
        folder,
        coefficients=dict.fromkeys(SIGNS, 0.0),
        intercept=0.0,
        labels={"ACTOR": -2.0, "LOCATION": 2.0, "COUNT": 2.0},
        missed_per_nat=1e6,
    )
    return folder


def predict(model: Path, source: Path, output: Path | str, *more: str) -> int:
    arguments = ["predict", "--model", str(model), str(source), "--output", str(output)]
    return main([*arguments, "--device", "cpu", *more])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    reports = [
        Report("actor", "قالت منصة راصد", fields={"source": "s1"}),
        Report("place", "دخلت دورية إلى تل الورد", fields={"source": "s2"}),
        Report("bare", "استعاد السكان المياه والكهرباء بعد انقطاع طــويل."),
        Report("empty", ""),
    ]
    write_reports(reports, tmp_path / "in.jsonl")
    return tmp_path / "in.jsonl"


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
def test_a_run_lists_what_a_person_should_look_at(
    model: Path, source: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / name
    assert predict(model, source, output, "--review-below", "0.5") == 0
    path = tmp_path / f"{name}.review.jsonl"
    actor, bare = lines_of(path)
    assert (actor["id"], actor["source"]) == ("actor", "s1")
    [doubtful] = actor["doubtful"]
    assert (doubtful["text"], doubtful["label"]) == ("منصة راصد", "ACTOR")
    assert doubtful["score"] == pytest.approx(1 / (1 + np.e**2))
    assert (bare["id"], bare["doubtful"], bare["missed_probability"] > 0.5) == ("bare", [], True)
    assert capsys.readouterr().err == (
        "to look at: 2 reports, with 1 spans that score less than 0.5; 1 of them have no span, and "
        f"may hide one: {path}\n"
    )
    run = json.loads((tmp_path / f"{name}.run.json").read_text("utf-8"))
    assert run["review"] == {"below": 0.5, "reports": 2, "spans": 1, "without_spans": 1}
    assert (run["predicted"], run["calibrated"]) == (4, True)


def test_the_list_can_be_pushed_and_queued(model: Path, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    assert predict(model, source, output, "--review-below", "0.5") == 0
    listed = tmp_path / "out.jsonl.review.jsonl"
    beside = tmp_path / "out.jsonl.review.jsonl.predictions.jsonl"
    read = [record for record in read_records([listed]) if isinstance(record, Report)]
    assert [(report.id, report.spans) for report in read] == [("actor", None), ("bare", None)]
    pushed = read_pushed_predictions(beside)
    assert pushed.model_version == model_hash(model)[:12]
    assert {id: len(spans) for id, spans in pushed.spans.items()} == {"actor": 1, "bare": 0}
    queued = tmp_path / "queue.jsonl"
    arguments = ["queue", "--reports", str(listed), "--predictions", str(beside)]
    assert annotation_main([*arguments, "--count", "2", "--output", str(queued)]) == 0
    assert {line["id"] for line in lines_of(queued)} == {"actor", "bare"}


def test_a_later_run_without_it_leaves_no_list_of_other_predictions(
    model: Path, source: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    assert predict(model, source, output, "--review-below", "0.5") == 0
    assert len(list(tmp_path.glob("out.jsonl.review.jsonl*"))) == 3
    assert predict(model, source, output) == 0
    assert list(tmp_path.glob("out.jsonl.review.jsonl*")) == []
    assert "review" not in json.loads((tmp_path / "out.jsonl.run.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("output", "below", "lines"),
    [
        ("out.jsonl", "0", ["--review-below 0: expected more than 0, and 1 at most"]),
        ("out.jsonl", "1.5", ["--review-below 1.5: expected more than 0, and 1 at most"]),
        ("out.jsonl", "nan", ["--review-below nan: expected more than 0, and 1 at most"]),
        (
            "-",
            "7",
            [
                "--review-below 7: expected more than 0, and 1 at most",
                "--review-below writes a list beside the output: expected --output with the name "
                "of a file",
            ],
        ),
    ],
)
def test_a_threshold_that_cannot_be_is_told_before_anything_is_done(
    source: Path,
    tmp_path: Path,
    output: str,
    below: str,
    lines: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The model is not even there: it is not loaded."""
    where = output if output == "-" else str(tmp_path / output)
    assert predict(tmp_path / "no-model", source, where, "--review-below", below) == 2
    assert capsys.readouterr().err.splitlines() == lines
    assert list(tmp_path.iterdir()) == [source]
