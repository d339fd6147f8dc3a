"""Inputs that are wrong or odd, each through the commands that measure: what is told, and how."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.__main__ import main

TEXTS = {
    "a": "قصفت قوات السد تل الورد، فجرح ٤٥ شخصا.",
    "b": "أعلن لواء النخيل وصول 12 شاحنة إلى سهل الرمان.",
    "c": "خرجت مظاهرة في حي الزيتون مساء أمس.",
}
SPANS = {
    "a": [(5, 14, "ACTOR"), (15, 23, "LOCATION"), (30, 32, "COUNT")],
    "b": [(5, 16, "ACTOR"), (22, 30, "COUNT"), (35, 45, "LOCATION")],
    "c": [(15, 25, "LOCATION")],
}


def row(id: str, *, text: bool = True, spans: Any = None, label: str | None = None) -> str:
    """A line of gold, or of predictions where there is no text."""
    told = SPANS[id] if spans is None else spans
    content: dict[str, Any] = {"id": id}
    if text:
        content["text"] = TEXTS[id]
    if spans != "nobody":
        content["spans"] = [{"start": a, "end": b, "label": label or c} for a, b, c in told]
    return json.dumps(content, ensure_ascii=False) + "\n"


def gold_of(ids: str, **more: Any) -> str:
    return "".join(row(id, **more) for id in ids)


def found_of(ids: str, **more: Any) -> str:
    return "".join(row(id, text=False, **more) for id in ids)


class Told:
    """What a command said and left behind."""

    def __init__(
        self, folder: Path, command: str, gold: str, found: str, capsys: Any, *more: str
    ) -> None:
        (folder / "gold.jsonl").write_text(gold, "utf-8")
        (folder / "found.jsonl").write_text(found, "utf-8")
        predictions = str(folder / "found.jsonl")
        measured = ["--predictions", predictions] if command == "evaluate" else [predictions] * 2
        arguments = [*measured, "--gold", str(folder / "gold.jsonl"), *more]
        self.status = main([command, *arguments, "--output", str(folder / "out")])
        shown = capsys.readouterr()
        self.out, self.err = shown.out.splitlines(), shown.err.splitlines()
        self.folder = folder / "out"

    @property
    def content(self) -> Any:
        name = "evaluation" if (self.folder / "evaluation.json").exists() else "comparison"
        return json.loads((self.folder / f"{name}.json").read_text("utf-8"))


BOTH = pytest.mark.parametrize("command", ["evaluate", "compare"])


def test_the_inputs_of_these_tests_are_good_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    told = Told(tmp_path, "evaluate", gold_of("abc"), found_of("abc"), capsys)
    assert (told.status, told.content["micro"]["f1"], told.content["lost"]) == (0, 1, [])
    covered = [TEXTS[id][a:b] for id in "abc" for a, b, _ in SPANS[id]]
    assert covered == [
        *("قوات السد", "تل الورد", "٤٥", "لواء النخيل", "12 شاحنة", "سهل الرمان"),
        "حي الزيتون",
    ]


@BOTH
@pytest.mark.parametrize(("predicted", "missing"), [("ac", ["b"]), ("", ["a", "b", "c"])])
def test_gold_without_predictions_counts_as_missed_and_is_named(
    command: str,
    predicted: str,
    missing: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    told = Told(tmp_path, command, gold_of("abc"), found_of(predicted), capsys)
    assert told.status == 1
    named = f"gold reports without prediction: {len(missing)} ({', '.join(missing)})"
    assert sum(line.endswith(named) for line in told.out) == (1 if command == "evaluate" else 2)
    content = told.content if command == "evaluate" else told.content["first"]
    assert content["missing"] == missing
    assert content["micro"]["support"] == 7
    assert content["micro"]["matched"] == 7 - sum(len(SPANS[id]) for id in missing)


@BOTH
def test_predictions_without_gold_are_refused_by_name(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    told = Told(tmp_path, command, gold_of("a"), found_of("abc"), capsys)
    assert told.status == 2
    assert all("predictions for 2 reports that gold lacks: b, c;" in line for line in told.err)
    assert len(told.err) == (1 if command == "evaluate" else 2), "each of the two is told of"
    assert not told.folder.exists()


@BOTH
def test_other_label_sets_are_told_on_both_sides(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    told = Told(tmp_path, command, gold_of("abc"), found_of("abc", label="PER"), capsys)
    assert told.status == 0
    shown = "\n".join(told.out)
    assert "labels that gold lacks, all wrong: PER (7)" in shown
    assert "labels that nothing was predicted of, all missed: ACTOR (2), COUNT (2)" in shown
    content = told.content if command == "evaluate" else told.content["second"]
    assert (content["micro"]["matched"], content["micro"]["predicted"]) == (0, 7)


@BOTH
@pytest.mark.parametrize(
    ("gold", "logged"),
    [
        ("", []),
        (
            gold_of("ab", spans="nobody"),
            ["left out: 2 reports without annotation (the first is a)"],
        ),
    ],
)
def test_an_empty_held_out_set_is_refused(
    command: str,
    gold: str,
    logged: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = Told(tmp_path, command, gold, found_of("ab"), capsys)
    assert told.status == 2
    [line] = told.err
    assert line.endswith("gold.jsonl: no annotated report in it; expected reports with spans")
    assert caplog.messages == logged
    assert not told.folder.exists()


@BOTH
def test_held_out_reports_without_a_single_span_are_told(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    told = Told(tmp_path, command, gold_of("abc", spans=[]), found_of("abc"), capsys)
    assert told.status == 0
    [*_, line] = [line for line in told.out if "gold holds no span" in line]
    assert line.endswith(
        "gold holds no span in 3 reports: all figures are 0, whatever is predicted"
    )


@BOTH
def test_one_report_only_has_no_interval_and_it_is_said(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    told = Told(tmp_path, command, gold_of("a"), found_of("a"), capsys)
    assert told.status == 0
    assert any("one report only: no intervals" in line for line in told.out)
    content = told.content
    if command == "evaluate":
        assert content["micro"]["interval"] is None
        assert "one report gives none" in (told.folder / "evaluation.html").read_text("utf-8")
    else:
        micro = content["difference"]["micro"]["f1"]
        assert (micro["interval"], micro["p"]) == (None, None)


@BOTH
def test_of_a_repeated_id_in_gold_the_first_report_counts_and_the_other_is_told(
    command: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gold = gold_of("ab") + row("a", spans=[])
    told = Told(tmp_path, command, gold, found_of("ab"), capsys)
    assert told.status == 1
    assert caplog.messages[0] == "set aside: 1 × duplicate_id"
    assert "gold.jsonl:3 (a): duplicate_id: this id stood first in" in caplog.messages[1]
    assert (told.content["reports"], told.content["set_aside"]) == (2, 1)
    content = told.content if command == "evaluate" else told.content["first"]
    assert content["micro"]["support"] == content["micro"]["matched"] == 6


@BOTH
def test_a_repeated_id_in_predictions_is_refused_with_every_other_problem_at_once(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    overlapping = row("b", text=False, spans=[(5, 16, "ACTOR"), (10, 20, "ACTOR")])
    reversed_span = row("c", text=False, spans=[(9, 4, "ACTOR")])
    found = found_of("aa") + overlapping + reversed_span + "{\n"
    told = Told(tmp_path, command, gold_of("abc"), found, capsys)
    assert told.status == 2
    lines = [line.replace(f"{tmp_path}/", "") for line in told.err]
    assert lines[:3] == [
        "found.jsonl:2: id a stood first in line 1, expected once",
        "found.jsonl:3: span ACTOR 10–20 overlaps ACTOR 5–16",
        "found.jsonl:4: span ACTOR 9–4 is reversed",
    ]
    assert len(lines) == 4 and lines[3].startswith("found.jsonl:5: ")
    assert not told.folder.exists()


# Measured on what was learned from


def test_the_training_reports_as_gold_are_told_of_above_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "train.jsonl").write_text(gold_of("abc"), "utf-8")
    train = ["--train", str(tmp_path / "train.jsonl")]
    told = Told(tmp_path, "evaluate", gold_of("abc"), found_of("abc"), capsys, *train)
    assert told.status == 0, "nothing was set aside"
    assert told.out[0] == (
        "LEAK: all 3 reports are near-duplicates of training reports; the figures say nothing of "
        "new ones"
    )
    assert told.out[1].split()[:3] == ["precision", "recall", "F1"]
    page = (told.folder / "evaluation.html").read_text("utf-8")
    assert page.index("LEAK: all 3 reports") < page.index('class="headline"')


def test_a_baseline_measured_on_what_it_learned_from_is_told_without_being_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for name, ids in (("gold", "abc"), ("other", "ab")):
        (tmp_path / f"{name}.jsonl").write_text(gold_of(ids), "utf-8")
    for name in ("gold", "other"):
        learned = ["--train", str(tmp_path / f"{name}.jsonl"), "--only-names"]
        asked = [
            "--gold",
            str(tmp_path / "gold.jsonl"),
            "--output",
            str(tmp_path / f"{name}.out.jsonl"),
        ]
        assert main(["baseline", *learned, *asked]) == 0
        measured = ["--predictions", str(tmp_path / f"{name}.out.jsonl"), "--gold"]
        measured += [str(tmp_path / "gold.jsonl"), "--output", str(tmp_path / "out")]
        capsys.readouterr()
        assert main(["evaluate", *measured]) == 0
        first = capsys.readouterr().out.splitlines()[0]
        content = json.loads((tmp_path / "out" / "evaluation.json").read_text("utf-8"))
        if name == "gold":
            assert first.startswith(
                f"LEAK: {tmp_path / 'gold.jsonl'} is what this model was fitted"
            )
            assert content["leaks"]["fitted_on"] == {str(tmp_path / "gold.jsonl"): "train"}
        else:
            assert first.split()[:3] == ["precision", "recall", "F1"]
            assert content["leaks"]["fitted_on"] == {}


@pytest.mark.parametrize("run", ["{", "[]", '{"train": {}}'])
def test_a_record_beside_predictions_that_tells_nothing_costs_nothing(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "found.jsonl.run.json").write_text(run, "utf-8")
    told = Told(tmp_path, "evaluate", gold_of("abc"), found_of("abc"), capsys)
    assert (told.status, told.content["leaks"]["fitted_on"]) == (0, {})


def test_an_empty_training_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "train.jsonl").write_text("", "utf-8")
    train = ["--train", str(tmp_path / "train.jsonl")]
    told = Told(tmp_path, "evaluate", gold_of("abc"), found_of("abc"), capsys, *train)
    assert told.status == 2
    [line] = told.err
    assert line.endswith("train.jsonl: no annotated report in it; expected reports with spans")
