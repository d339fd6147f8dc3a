import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.bundled import HOME
from annotation.files import sha256_of_file
from annotation.formats import write_reports
from annotation.problems import UserError
from annotation.report import Report, Span
from annotation.tags import spans_to_tags, tags_to_spans
from annotation.words import find_words
from inference.model_folder import model_hash
from training.__main__ import main
from training.evaluate import evaluate, evaluate_model, evaluate_predictions, untaggable

LABELS = ("ACTOR", "LOCATION", "COUNT")
SPAN_F1 = HOME.parent / "shared" / "tools" / "span_f1.py"
TEXT = "قصفت قوات السد تل الورد، فجرح ٤٥ شخصا."
GOLD = (Span(5, 14, "ACTOR"), Span(15, 23, "LOCATION"), Span(30, 32, "COUNT"))


def test_perfect_predictions_score_one_and_none_score_zero() -> None:
    gold = [Report("a", TEXT, GOLD), Report("b", TEXT, ())]
    assert evaluate(gold, {"a": GOLD, "b": ()}).scores.micro.f1 == 1
    nothing = evaluate(gold, {"a": (), "b": ()})
    assert nothing.scores.micro.to_json() == {
        "precision": 0,
        "recall": 0,
        "f1": 0,
        "support": 3,
        "predicted": 0,
        "matched": 0,
    }
    assert nothing.missing == []


def test_gold_is_never_widened_to_words() -> None:
    """What a tagger can at best say of a span inside a word counts as wrong, and is listed."""
    inside = Span(10, 14, "ACTOR")  # السد, fine
    cut = Span(16, 23, "LOCATION")  # begins behind the first letter of تل
    comma = Span(23, 24, "COUNT")  # covers no word
    gold = [Report("a", TEXT, (inside, cut, comma)), Report("b", TEXT, GOLD)]
    best = {
        report.id: tuple(tags_to_spans(words, spans_to_tags(words, report.spans or ()).tags))
        for report in gold
        for words in [find_words(report.text)]
    }
    assert best["a"] == (inside, Span(15, 23, "LOCATION"))
    evaluation = evaluate(gold, best)
    assert evaluation.lost == [("a", cut), ("a", comma)]
    micro = evaluation.scores.micro
    assert (micro.matched, micro.predicted, micro.gold) == (4, 5, 6)
    assert (evaluation.scores.labels["LOCATION"].matched, micro.recall) == (1, 4 / 6)
    assert evaluation.to_json()["lost"] == [
        {"id": "a", "start": 16, "end": 23, "label": "LOCATION"},
        {"id": "a", "start": 23, "end": 24, "label": "COUNT"},
    ]
    told = evaluation.table()[-1]
    assert told == (
        "gold that tags cannot say, counted as missed: 2 (a LOCATION 16–23; a COUNT 23–24)"
    )


@given(st.lists(st.integers(0, len(TEXT)), min_size=2, max_size=6, unique=True))
def test_untaggable_is_just_what_does_not_come_back_from_tags(places: list[int]) -> None:
    edges = sorted(places)[: len(places) // 2 * 2]
    spans = tuple(Span(a, b, "ACTOR") for a, b in zip(edges[::2], edges[1::2], strict=True))
    words = find_words(TEXT)
    back = tags_to_spans(words, spans_to_tags(words, spans).tags)
    assert untaggable(Report("r", TEXT, spans)) == [span for span in spans if span not in back]


def test_gold_without_predictions_counts_as_missed_and_is_told() -> None:
    gold = [Report(f"r{n}", TEXT, GOLD) for n in range(8)]
    evaluation = evaluate(gold, {"r1": GOLD, "r3": ()})
    assert evaluation.missing == ["r0", "r2", "r4", "r5", "r6", "r7"]
    assert evaluation.scores.micro.gold == 24
    assert evaluation.scores.micro.recall == 3 / 24
    assert evaluation.table()[-1] == "gold reports without prediction: 6 (r0, r2, r4, r5, r6)"


def test_predictions_that_gold_lacks_are_refused() -> None:
    gold = [Report("a", TEXT, GOLD)]
    with pytest.raises(UserError) as raised:
        evaluate(gold, {"a": GOLD, "z": (), "b": GOLD})
    assert str(raised.value) == (
        "predictions for 2 reports that gold lacks: b, z; expected predictions of the gold reports"
    )


# Through files and the command


@pytest.fixture(scope="module")
def gold_file(tiny_reports: list[Report], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gold with spans that no tags can say, and a label that the model does not know."""
    path = tmp_path_factory.mktemp("gold") / "gold.jsonl"
    odd = [
        Report("odd-1", TEXT, (Span(16, 23, "LOCATION"), Span(23, 24, "COUNT"))),
        Report("odd-2", TEXT, (Span(5, 14, "WEAPON"),)),
        Report("odd-3", "", ()),
    ]
    write_reports([*tiny_reports[:30], *odd], path)
    return path


@pytest.fixture(scope="module")
def evaluated(tiny_model: Path, gold_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an evaluation of the tiny model."""
    output = tmp_path_factory.mktemp("evaluated")
    evaluate_model(tiny_model, str(gold_file), output, "cpu")
    return output


def evaluation_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "evaluation.json").read_text("utf-8"))


def test_an_evaluation_has_figures_and_origin(
    evaluated: Path, tiny_model: Path, gold_file: Path
) -> None:
    evaluation = evaluation_of(evaluated)
    assert evaluation["mode"] == "strict"
    assert set(evaluation["micro"]) == {
        "precision",
        "recall",
        "f1",
        "support",
        "predicted",
        "matched",
        "interval",
    }
    low, high = evaluation["micro"]["interval"]
    assert 0 < low < evaluation["micro"]["f1"] < high <= 1
    assert evaluation["micro"]["f1"] > 0.8, "the tiny model finds spans"
    assert set(evaluation["macro"]) == {"precision", "recall", "f1"}
    assert list(evaluation["labels"]) == ["ACTOR", "COUNT", "LOCATION", "WEAPON"]
    assert evaluation["labels"]["WEAPON"]["support"] == 1
    assert [lost["id"] for lost in evaluation["lost"]] == ["odd-1", "odd-1"]
    assert evaluation["missing"] == []
    assert evaluation["model"] == model_hash(tiny_model)
    assert evaluation["precision"] == "exact"
    assert evaluation["gold"] == {str(gold_file): sha256_of_file(gold_file)}
    assert (evaluation["reports"], evaluation["set_aside"]) == (33, 0)
    assert {"versions", "commit"} <= evaluation.keys()


def test_predictions_are_written_in_the_order_of_gold(evaluated: Path, gold_file: Path) -> None:
    def ids(path: Path) -> list[str]:
        return [json.loads(line)["id"] for line in path.read_text("utf-8").splitlines()]

    assert ids(evaluated / "predictions.jsonl") == ids(gold_file)


def test_a_model_and_its_predictions_have_the_same_figures(
    evaluated: Path, gold_file: Path, tmp_path: Path
) -> None:
    evaluate_predictions(evaluated / "predictions.jsonl", str(gold_file), tmp_path)
    by_model, by_file = evaluation_of(evaluated), evaluation_of(tmp_path)
    for key in ("mode", "micro", "macro", "labels", "lost", "missing", "gold", "reports"):
        assert by_model[key] == by_file[key], key
    assert "model" not in by_file
    predictions = evaluated / "predictions.jsonl"
    assert by_file["predictions"] == {str(predictions): sha256_of_file(predictions)}


def test_macro_figures_agree_where_a_label_is_nowhere(tiny_model: Path, tmp_path: Path) -> None:
    """The model knows COUNT; neither this gold nor what it finds there has one."""
    gold = tmp_path / "gold.jsonl"
    text = "اندلعت اشتباكات بين لواء النخيل وجيش الساحل قرب تل الورد."
    write_reports([Report("a", text, (Span(20, 31, "ACTOR"), Span(48, 56, "LOCATION")))], gold)
    by_model = evaluate_model(tiny_model, str(gold), tmp_path, "cpu").to_json()
    assert by_model["labels"]["COUNT"]["predicted"] == 0
    by_file = evaluate_predictions(tmp_path / "predictions.jsonl", str(gold), tmp_path).to_json()
    assert by_model["macro"] == by_file["macro"]
    assert by_model["micro"] == by_file["micro"]


@pytest.mark.skipif(not SPAN_F1.is_file(), reason="the independent scorer lies beside the project")
def test_an_independent_scorer_agrees(evaluated: Path, gold_file: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SPAN_F1), str(gold_file), str(evaluated / "predictions.jsonl")],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = {
        name: (p, r, f1, int(count))
        for _, name, p, r, f1, count in map(str.split, done.stdout.splitlines()[1:])
    }
    evaluation = evaluation_of(evaluated)
    for name, row in [*evaluation["labels"].items(), ("micro", evaluation["micro"])]:
        figures = tuple(f"{row[key]:.4f}" for key in ("precision", "recall", "f1"))
        assert rows.pop(name) == (*figures, row["support"])
    assert rows == {}


def test_the_command_prints_a_table_and_ends_with_nought(
    tiny_model: Path, gold_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    arguments = ["evaluate", "--model", str(tiny_model), "--gold", str(gold_file)]
    assert main([*arguments, "--device", "cpu", "--output", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["precision", "recall", "F1", "interval", "gold"]
    assert [line.split()[0] for line in lines[1:6]] == [*sorted((*LABELS, "WEAPON")), "micro"]
    assert lines[5].split()[-1] == str(evaluation_of(tmp_path)["micro"]["support"])
    assert lines[6].startswith("gold that tags cannot say, counted as missed: 2 (odd-1 LOCATION")
    assert lines[7] == "labels that nothing was predicted of, all missed: WEAPON (1)"
    assert lines[8].startswith("micro F1 when less has to be right: boundary 0.")
    assert lines[9].startswith("most frequent of ")
    assert lines[10].startswith("calibration error of the scores of ")
    assert lines[11].startswith("F1 by source: (no source) ")
    assert lines[-1] == (
        "near-duplicates of training reports: not checked, no training reports were given "
        "(--train FILE)"
    )


@pytest.mark.parametrize(
    ("gold", "predictions", "status", "told"),
    [
        ("ab", "ab", 0, "micro"),
        ("ab", "a", 1, "gold reports without prediction: 1 (b)"),
        ("ab", "", 1, "gold reports without prediction: 2 (a, b)"),
        ("a", "ab", 2, "predictions for 1 reports that gold lacks: b;"),
        ("ab!", "ab", 1, "micro"),
        ("ab?", "ab", 1, "micro"),
        ("ab", "ab!", 2, "found.jsonl:3: "),
        ("ab", "aa", 2, "found.jsonl:2: id a stood first in line 1, expected once"),
        ("", "", 2, "gold.jsonl: no annotated report in it; expected reports with spans"),
    ],
)
def test_the_command_says_what_is_wrong_with_its_inputs(
    gold: str,
    predictions: str,
    status: int,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    """`a` and `b` are reports, `!` is a broken line, `?` a report that nobody annotated."""
    span = {"start": 5, "end": 14, "label": "ACTOR"}

    def lines(names: str, **more: Any) -> str:
        good = [json.dumps({"id": n, "spans": [span], **more}) for n in names if n.isalpha()]
        bare = ['{"id": "c", "text": "لا شيء"}'] * names.count("?")
        return "".join(line + "\n" for line in [*good, *bare, *["{"] * names.count("!")])

    (tmp_path / "gold.jsonl").write_text(lines(gold, text=TEXT), encoding="utf-8")
    (tmp_path / "found.jsonl").write_text(lines(predictions), encoding="utf-8")
    arguments = ["--predictions", str(tmp_path / "found.jsonl")]
    arguments += ["--gold", str(tmp_path / "gold.jsonl"), "--output", str(tmp_path / "out")]
    assert main(["evaluate", *arguments]) == status
    shown = capsys.readouterr()
    assert told in (shown.err if status == 2 else shown.out)
    assert "Traceback" not in shown.err
    for made in ("evaluation.json", "evaluation.html"):
        assert (tmp_path / "out" / made).exists() == (status != 2)


@pytest.mark.parametrize("which", ["--model", "--predictions", "--gold"])
def test_a_missing_input_is_one_line(
    which: str, tiny_model: Path, gold_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    measured = "--predictions" if which == "--predictions" else "--model"
    given = {measured: str(tiny_model), "--gold": str(gold_file), which: str(tmp_path / "none")}
    arguments = [part for pair in given.items() for part in pair]
    assert main(["evaluate", *arguments, "--output", str(tmp_path / "out")]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{tmp_path / 'none'}: no such ")


def test_an_output_that_is_a_file_is_one_line(
    evaluated: Path, gold_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "file").write_text("keep me")
    arguments = ["--predictions", str(evaluated / "predictions.jsonl"), "--gold", str(gold_file)]
    assert main(["evaluate", *arguments, "--output", str(tmp_path / "file")]) == 2
    assert str(tmp_path / "file") in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "keep me"


# The table at the end of a run


@pytest.fixture
def run_folder(evaluated: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "training.json").write_text('{"seconds": 90}', encoding="utf-8")
    (folder / "model" / "model.safetensors").write_bytes(b"0" * 3_000_000)
    for name in ("evaluation.json", "predictions.jsonl"):
        (folder / name).write_bytes((evaluated / name).read_bytes())
    return folder


def test_the_summary_says_what_was_made_where_and_how_good(
    run_folder: Path, evaluated: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["summary", str(run_folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:12].strip() for line in lines] == [
        "model",
        "evaluation",
        "predictions",
        "F1 ACTOR",
        "F1 COUNT",
        "F1 LOCATION",
        "F1 WEAPON",
        "F1 micro",
    ]
    assert lines[0].split() == ["model", f"{run_folder}/model", "3", "MB,", "1.5", "minutes"]
    assert f"{run_folder}/evaluation.json" in lines[1]
    assert lines[1].endswith("33 held-out reports")
    micro = evaluation_of(evaluated)["micro"]
    assert lines[2].endswith(f"{micro['predicted']} spans of 33 reports")
    assert lines[-1].split()[2] == f"{micro['f1']:.4f}"
    assert lines[-1].endswith(f"({micro['support']} gold)")


@pytest.mark.parametrize("missing", ["model/training.json", "evaluation.json", "predictions.jsonl"])
def test_the_summary_of_an_incomplete_run_names_what_is_missing(
    missing: str, run_folder: Path, capsys: pytest.CaptureFixture
) -> None:
    (run_folder / missing).unlink()
    assert main(["summary", str(run_folder)]) == 2
    assert capsys.readouterr().err == (
        f"{run_folder}: not a whole run, {run_folder / missing} missing; call make run\n"
    )


def test_the_summary_of_no_run_names_all_three(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["summary", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.count("none/") == 3
