import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny import invent_reports

from annotation.files import sha256_of_file
from annotation.formats import write_reports
from annotation.report import Report, Span
from annotation.scoring import score_reports
from training.__main__ import main
from training.evaluate import evaluate
from training.evaluation.leaks import find_leaks, fitted_on

OLD = "أعلنت وزارة الصحة مقتل 12 مدنيا وجرح ثلاثة آخرين قرب حي الزيتون مساء أمس وفق بيان لها"
NEAR = OLD.replace("أعلنت", "قالت")
OTHER = "دخلت دورية من لواء النخيل إلى سهل الرمان صباح اليوم ثم عادت بعد ساعتين إلى معبر الصفصاف"


def reports(*texts: str, name: str = "g") -> list[Report]:
    """Each with its second and third word as an ACTOR."""
    made = []
    for number, text in enumerate(texts):
        words = text.split(" ")
        start = len(words[0]) + 1
        end = start + len(words[1]) + 1 + len(words[2])
        made.append(Report(f"{name}{number}", text, (Span(start, end, "ACTOR"),)))
    return made


def test_near_duplicates_of_training_reports_are_named() -> None:
    leaks = find_leaks(reports(OTHER, NEAR, OLD), reports(OLD, name="t"))
    assert [(leak.id, leak.train_id) for leak in leaks] == [("g1", "t0"), ("g2", "t0")]
    assert leaks[1].similarity == 1
    assert 0.7 <= leaks[0].similarity < 1
    assert str(leaks[1]) == "g2 ~ t0 1.00"


def test_the_score_is_given_with_and_without_what_leaked() -> None:
    gold = reports(
        OTHER, NEAR, OLD, OTHER[:20][::-1] + " حادثة أخرى لم يعرف أحد سببها بعد", name="g"
    )
    found = {"g0": (), "g1": gold[1].spans, "g2": gold[2].spans, "g3": gold[3].spans}
    evaluation = evaluate(gold, found, training=reports(OLD, name="t"))
    told = evaluation.to_json()
    assert (told["micro"]["matched"], told["micro"]["support"]) == (3, 4)
    assert told["leaks"]["checked"] is True
    assert [leak["id"] for leak in told["leaks"]["near_duplicates"]] == ["g1", "g2"]
    without = told["leaks"]["without"]["micro"]
    expected = score_reports([(gold[0].spans, ()), (gold[3].spans, gold[3].spans)]).micro
    assert {key: without[key] for key in expected.to_json()} == expected.to_json()
    first, second = evaluation.warnings()
    assert first.startswith("LEAK: near-duplicates of training reports: 2 of 4 reports (g1 ~ t0")
    assert second == "without them micro F1 is 0.6667; below are the figures with them"


def test_without_a_leak_there_is_no_warning_and_it_is_said_that_it_was_looked_for() -> None:
    evaluation = evaluate(reports(OTHER), {"g0": ()}, training=reports(OLD))
    assert evaluation.warnings() == []
    assert evaluation.remarks()[-1] == "near-duplicates of training reports: none among 1 reports"
    assert evaluation.to_json()["leaks"] == {
        "checked": True,
        "message": "none among 1 reports",
        "fitted_on": {},
        "near_duplicates": [],
        "without": None,
    }


def test_without_training_reports_it_says_not_checked() -> None:
    evaluation = evaluate(reports(OTHER), {"g0": ()})
    leaks = evaluation.to_json()["leaks"]
    assert (leaks["checked"], leaks["near_duplicates"], leaks["without"]) == (False, [], None)
    assert leaks["message"].startswith("not checked")
    assert evaluation.to_json()["slices_left_out"]["seen"] == (
        "needs the training reports: --train FILE"
    )


def test_where_all_leaked_there_is_nothing_left_to_measure() -> None:
    gold = reports(OLD, NEAR)
    evaluation = evaluate(gold, {r.id: r.spans or () for r in gold}, training=gold)
    [warning] = evaluation.warnings()
    assert warning.startswith("LEAK: all 2 reports are near-duplicates of training reports")
    assert evaluation.to_json()["leaks"]["without"] is None


def test_many_leaks_are_named_in_part() -> None:
    gold = invent_reports(9)
    evaluation = evaluate([*gold, *reports(OTHER)], {}, training=gold)
    first = evaluation.warnings()[0]
    assert "9 of 10 reports" in first
    assert first.count(" ~ ") == 5
    assert first.endswith(" …)")
    assert len(evaluation.to_json()["leaks"]["near_duplicates"]) == 9


def test_the_record_tells_what_a_model_was_fitted_on() -> None:
    record = {"data": {"train": {"files": {"x": "1"}}, "dev": {"files": {"y": "2", "z": "3"}}}}
    assert fitted_on(record, {"a": "1", "b": "3", "c": "4"}) == {"a": "train", "b": "dev"}
    assert fitted_on({}, {"a": "1"}) == {}


# Through the command


@pytest.fixture
def files(tmp_path: Path) -> Path:
    gold = reports(OTHER, NEAR)
    write_reports(gold, tmp_path / "gold.jsonl")
    write_reports(reports(OLD, name="t"), tmp_path / "train.jsonl")
    write_reports(gold, tmp_path / "found.jsonl", format="predictions")
    return tmp_path


def evaluated(folder: Path, *more: str) -> tuple[int, dict[str, Any]]:
    given = {"--predictions": "found.jsonl", "--gold": "gold.jsonl", "--output": "out"}
    arguments = [part for key, name in given.items() for part in (key, str(folder / name))]
    status = main(["evaluate", *arguments, *more])
    return status, json.loads((folder / "out" / "evaluation.json").read_text("utf-8"))


def test_a_leak_stands_above_the_figures(files: Path, capsys: pytest.CaptureFixture) -> None:
    status, told = evaluated(files, "--train", str(files / "train.jsonl"))
    assert status == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("LEAK: near-duplicates of training reports: 1 of 2 reports (g1 ~ t0")
    assert lines[1].startswith("without them micro F1 is 1.0000")
    assert lines[2].split()[0] == "precision"
    train = files / "train.jsonl"
    assert told["training"] == {str(train): sha256_of_file(train)}
    assert "seen" in told["slices"]


def test_a_training_report_that_cannot_be_read_is_told_by_the_status(files: Path) -> None:
    with (files / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write("{\n")
    status, told = evaluated(files, "--train", str(files / "train.jsonl"))
    assert (status, told["training_set_aside"], told["leaks"]["checked"]) == (1, 1, True)


def test_a_training_file_that_is_not_there_is_one_line(
    files: Path, capsys: pytest.CaptureFixture
) -> None:
    arguments = ["--predictions", str(files / "found.jsonl"), "--gold", str(files / "gold.jsonl")]
    given = [*arguments, "--output", str(files / "out"), "--train", str(files / "none.jsonl")]
    assert main(["evaluate", *given]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line == f"{files / 'none.jsonl'}: no such file or folder"


@pytest.mark.parametrize(
    ("part", "told"),
    [("train", "is what this model was fitted on"), ("dev", "model's best epoch was picked on")],
)
def test_a_model_measured_on_its_own_reports_is_told_without_being_asked(
    part: str, told: str, random_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for file in random_model.iterdir():
        (model / file.name).symlink_to(file)
    gold = tmp_path / "gold.jsonl"
    write_reports(invent_reports(3), gold)
    record = {"data": {part: {"files": {"elsewhere.jsonl": sha256_of_file(gold)}}}}
    (model / "training.json").write_text(json.dumps(record), "utf-8")
    arguments = ["--model", str(model), "--gold", str(gold), "--output", str(tmp_path / "out")]
    assert main(["evaluate", *arguments, "--device", "cpu"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"LEAK: {gold} ")
    assert told in first
    evaluation = json.loads((tmp_path / "out" / "evaluation.json").read_text("utf-8"))
    assert evaluation["leaks"]["fitted_on"] == {str(gold): part}
    assert "position" in evaluation["slices"]


# What does not fit together


def remarks(gold: Sequence[Report], *spans: Span) -> list[str]:
    return evaluate(gold, {gold[0].id: spans}).remarks()


def test_other_label_sets_are_told_with_their_counts() -> None:
    gold = reports(OLD, NEAR, OTHER)
    told = remarks(gold, Span(0, 5, "GROUP"), Span(6, 11, "GROUP"), Span(12, 17, "PLACE"))
    assert "labels that gold lacks, all wrong: GROUP (2), PLACE (1)" in told
    assert "labels that nothing was predicted of, all missed: ACTOR (3)" in told


def test_gold_without_a_span_is_told() -> None:
    gold = [Report("a", OLD, ()), Report("b", OTHER, ())]
    told = remarks(gold, Span(0, 5, "ACTOR"))
    assert told[0] == "gold holds no span in 2 reports: all figures are 0, whatever is predicted"


def test_predictions_of_another_text_are_told_and_count_as_wrong(
    files: Path, capsys: pytest.CaptureFixture
) -> None:
    lines = [
        {"id": "g0", "spans": [{"start": 0, "end": 4, "label": "ACTOR", "text": "قالت"}]},
        {"id": "g1", "spans": [{"start": len(NEAR), "end": len(NEAR) + 3, "label": "ACTOR"}]},
    ]
    (files / "found.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines), "utf-8")
    status, told = evaluated(files)
    assert status == 1
    assert [(one["id"], one["start"]) for one in told["misplaced"]] == [
        ("g0", 0),
        ("g1", len(NEAR)),
    ]
    assert (told["micro"]["matched"], told["micro"]["predicted"]) == (0, 2)
    shown = capsys.readouterr().out
    assert "predictions that do not fit the text: 2 (g0 ACTOR 0–4; g1 ACTOR " in shown
