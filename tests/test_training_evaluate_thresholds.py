import csv
import json
from pathlib import Path

import numpy as np
import pytest

from annotation.report import Report, Span
from annotation.scoring import Counts
from training.evaluate import evaluate, evaluate_predictions
from training.evaluation.calibration import ScoredSpans
from training.evaluation.thresholds import CUTS, Threshold, find_thresholds

SPANS = ScoredSpans(np.array([0.2, 0.5, 0.5, 0.8, 0.95]), np.array([0, 1, 0, 1, 1], bool))


def test_the_spans_that_each_cut_keeps_are_counted_by_hand() -> None:
    found = find_thresholds(SPANS, 6, (0.0, 0.5, 0.51, 0.8, 0.99))
    assert found == [
        Threshold(0.0, Counts(3, 5, 6)),
        Threshold(0.5, Counts(3, 4, 6)),
        Threshold(0.51, Counts(2, 2, 6)),
        Threshold(0.8, Counts(2, 2, 6)),
        Threshold(0.99, Counts(0, 0, 6)),
    ]
    assert found[1].to_row() == {
        "score_at_least": 0.5,
        "kept": 4,
        "right": 3,
        "gold": 6,
        "precision": 0.75,
        "recall": 0.5,
        "f1": 0.6,
    }
    assert str(found[1]) == "0.5: 4 kept, precision 0.7500, recall 0.5000, F1 0.6000"
    assert found[4].to_row()["precision"] == 0, "of nothing nothing is right"


def test_cuts_rise_by_a_twentieth_and_recall_never_does() -> None:
    assert CUTS[:3] == (0.0, 0.05, 0.1)
    assert CUTS[-2:] == (0.95, 0.99)
    assert len(CUTS) == 21
    recalls = [one.counts.recall for one in find_thresholds(SPANS, 6)]
    assert recalls == sorted(recalls, reverse=True)


def test_without_scores_there_is_no_table() -> None:
    assert find_thresholds(ScoredSpans(np.zeros(0), np.zeros(0, bool), 4), 6) == []
    span = Span(0, 5, "ACTOR")
    evaluation = evaluate([Report("a", "وزارة الصحة", (span,))], {"a": (span,)})
    assert evaluation.to_json()["thresholds"] == []
    assert not [line for line in evaluation.remarks() if line.startswith("spans with a score")]


@pytest.fixture
def inputs(tmp_path: Path) -> tuple[Path, str]:
    spans = [
        {"start": 0, "end": 5, "label": "ACTOR"},
        {"start": 6, "end": 11, "label": "LOCATION"},
    ]
    rows = [{"id": name, "text": "وزارة الصحة", "spans": spans} for name in "ab"]
    found = [{"id": name, "spans": [s | {"score": 0.85} for s in spans[:1]]} for name in "a"]
    found.append({"id": "b", "spans": [spans[0] | {"score": 0.4}, spans[1] | {"label": "COUNT"}]})
    gold, predictions = tmp_path / "gold.jsonl", tmp_path / "found.jsonl"
    for path, lines in ((gold, rows), (predictions, found)):
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return predictions, str(gold)


def test_an_evaluation_writes_the_table_and_tells_three_of_its_lines(
    inputs: tuple[Path, str], tmp_path: Path
) -> None:
    evaluation = evaluate_predictions(*inputs, tmp_path / "out")
    content = json.loads((tmp_path / "out" / "evaluation.json").read_text("utf-8"))
    with (tmp_path / "out" / "thresholds.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(content["thresholds"]) == len(CUTS)
    for line, row in zip(table, content["thresholds"], strict=True):
        assert {key: float(value) for key, value in line.items()} == row
    half = content["thresholds"][10]
    assert (half["score_at_least"], half["kept"], half["right"], half["gold"]) == (0.5, 1, 1, 4)
    [told] = [line for line in evaluation.remarks() if line.startswith("spans with a score")]
    assert told == (
        "spans with a score of at least 0.5: 1 kept, precision 1.0000, recall 0.2500, F1 0.4000; "
        "0.8: 1 kept, precision 1.0000, recall 0.2500, F1 0.4000; "
        "0.9: 0 kept, precision 0.0000, recall 0.0000, F1 0.0000 (more: thresholds.csv)"
    )


def test_a_span_without_a_score_is_kept_nowhere(inputs: tuple[Path, str], tmp_path: Path) -> None:
    evaluation = evaluate_predictions(*inputs, tmp_path / "out")
    assert evaluation.calibration["unscored"] == 1
    assert evaluation.thresholds[0] == Threshold(0.0, Counts(2, 2, 4))
    assert evaluation.scores.micro.predicted == 3
