import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotation.files import sha256_of_file
from annotation.formats import write_reports
from annotation.problems import UserError
from annotation.report import Report, Span
from training.__main__ import main
from training.compare import compare
from training.evaluate import evaluate
from training.evaluation.bootstrap import Resampling

TEXT = "أعلنت وزارة الصحة مقتل 12 مدنيا في حي الزيتون"
ACTOR, COUNT, PLACE = Span(6, 17, "ACTOR"), Span(23, 25, "COUNT"), Span(35, 45, "LOCATION")
GOLD = (ACTOR, COUNT, PLACE)
Found = dict[str, tuple[Span, ...]]


def gold_of(count: int) -> list[Report]:
    return [Report(f"r{number}", TEXT, GOLD) for number in range(count)]


def every(gold: list[Report], *spans: Span) -> Found:
    return {report.id: spans for report in gold}


def test_what_the_one_gets_right_and_the_other_wrong_is_listed_both_ways() -> None:
    gold = gold_of(2)
    longer, wrong = Span(23, 31, "COUNT"), Span(0, 5, "ACTOR")
    first = {"r0": (ACTOR, COUNT), "r1": (wrong, ACTOR)}
    second = {"r0": (wrong, ACTOR, longer, PLACE), "r1": (wrong, Span(6, 17, "LOCATION"))}
    told = compare(gold, first, second).to_json()

    def brief(advantages: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        return [
            (one["id"], one["class"], *((one[k] or {}).get("start") for k in ("gold", "predicted")))
            for one in advantages
        ]

    assert brief(told["only_first_right"]["found"]) == [
        ("r0", "boundary", 23, 23),
        ("r1", "label", 6, 6),
    ]
    # The wrong span of r1 is both's: nobody is better there.
    assert brief(told["only_first_right"]["avoided"]) == [("r0", "spurious", None, 0)]
    assert brief(told["only_second_right"]["found"]) == [("r0", "missed", 35, None)]
    assert told["only_second_right"]["avoided"] == []
    assert told["only_first_right"]["found"][0]["gold"] == {
        "start": 23,
        "end": 25,
        "label": "COUNT",
        "text": "12",
    }
    assert told["only_first_right"]["found"][0]["predicted"]["text"] == "12 مدنيا"


def test_a_wrong_partner_of_gold_that_both_miss_is_an_error_of_its_own() -> None:
    """Neither finds COUNT; the second one's try at it is a wrong span that the first avoids."""
    gold = gold_of(1)
    told = compare(gold, every(gold, ACTOR), every(gold, ACTOR, Span(23, 31, "COUNT"))).to_json()
    assert told["only_first_right"]["found"] == []
    [avoided] = told["only_first_right"]["avoided"]
    assert (avoided["class"], avoided["predicted"]["text"]) == ("boundary", "12 مدنيا")


def test_the_difference_is_second_minus_first_in_every_figure() -> None:
    gold = gold_of(4)
    told = compare(
        gold, every(gold, ACTOR, Span(0, 5, "ACTOR")), every(gold, ACTOR, COUNT)
    ).to_json()
    assert told["difference"]["of"] == "second minus first"
    micro = told["difference"]["micro"]
    assert micro["precision"]["value"] == pytest.approx(1 - 1 / 2)
    assert micro["recall"]["value"] == pytest.approx(2 / 3 - 1 / 3)
    assert micro["f1"]["value"] == pytest.approx(4 / 5 - 2 / 5)
    assert told["difference"]["labels"]["COUNT"]["f1"]["value"] == 1
    assert told["difference"]["labels"]["LOCATION"]["f1"]["value"] == 0
    assert told["difference"]["macro"]["f1"]["value"] == pytest.approx(
        (1 + 1 + 0) / 3 - (2 / 3) / 3
    )
    assert told["first"]["micro"]["f1"] == pytest.approx(2 / 5)
    assert told["second"]["micro"]["f1"] == pytest.approx(4 / 5)


def test_each_side_has_the_figures_and_intervals_that_it_has_alone() -> None:
    gold = gold_of(12)
    first = {f"r{n}": GOLD[: n % 4] for n in range(12)}
    second = {f"r{n}": GOLD[: n % 3] for n in range(12)}
    comparison = compare(gold, first, second).to_json()
    for name, found in (("first", first), ("second", second)):
        alone = evaluate(gold, found).to_json()
        for key in ("micro", "macro", "labels"):
            assert comparison[name][key] == alone[key], (name, key)


def test_a_clear_difference_is_sure_and_a_chance_one_is_not() -> None:
    gold = gold_of(40)
    strong = {f"r{n}": GOLD if n % 4 else (ACTOR,) for n in range(40)}
    weak = {f"r{n}": (ACTOR,) if n % 4 else GOLD for n in range(40)}
    clear = compare(gold, weak, strong).to_json()["difference"]["micro"]["f1"]
    assert clear["value"] > 0.2
    assert 0 < clear["interval"][0] < clear["value"] < clear["interval"][1]
    assert 1 / 2001 <= clear["p"] < 0.005, "hardly a resample is as far away"
    # As often the one is better as the other.
    one = {f"r{n}": GOLD if n % 2 else (ACTOR,) for n in range(40)}
    other = {f"r{n}": (ACTOR,) if n % 2 else GOLD for n in range(40)}
    chance = compare(gold, one, other).to_json()["difference"]["micro"]["f1"]
    assert chance["value"] == 0
    assert chance["interval"][0] < 0 < chance["interval"][1]
    assert chance["p"] == 1


def test_pairing_makes_a_small_but_constant_difference_sure() -> None:
    """Reports differ far more than the two: unpaired, the intervals of both overlap widely."""
    draw = np.random.default_rng(4)
    gold, first, second = [], {}, {}
    for number in range(60):
        found = int(draw.integers(0, 11))
        spans = tuple(Span(n * 5, n * 5 + 4, "ACTOR") for n in range(12))
        gold.append(Report(f"r{number}", "كلمة " * 12, spans))
        first[f"r{number}"], second[f"r{number}"] = spans[:found], spans[: found + 1]
    told = compare(gold, first, second).to_json()
    low_of_second, high_of_first = (
        told["second"]["micro"]["interval"][0],
        told["first"]["micro"]["interval"][1],
    )
    assert low_of_second < high_of_first
    assert told["difference"]["micro"]["f1"]["interval"][0] > 0
    assert told["difference"]["micro"]["f1"]["p"] < 0.01


def test_the_same_predictions_twice_differ_in_nothing() -> None:
    gold = gold_of(5)
    found = {f"r{n}": GOLD[: n % 4] for n in range(5)}
    comparison = compare(gold, found, found)
    f1 = comparison.to_json()["difference"]["micro"]["f1"]
    assert f1 == {"value": 0, "interval": None, "p": 1}
    lines = comparison.table()
    assert lines[-2:] == [
        "right in the first only: 0 gold spans, and 0 wrong ones avoided",
        "right in the second only: 0 gold spans, and 0 wrong ones avoided",
    ]


def test_one_report_only_has_neither_interval_nor_p_and_that_is_said() -> None:
    gold = gold_of(1)
    comparison = compare(gold, every(gold, ACTOR), every(gold, ACTOR, COUNT))
    f1 = comparison.to_json()["difference"]["micro"]["f1"]
    assert (f1["interval"], f1["p"]) == (None, None)
    assert f1["value"] == pytest.approx(4 / 5 - 1 / 2)
    assert sum("one report only: no intervals" in line for line in comparison.table()) == 2


def test_the_seed_decides_the_resamples() -> None:
    gold = gold_of(9)
    first = {f"r{n}": GOLD[: n % 4] for n in range(9)}
    second = {f"r{n}": GOLD[: n % 3] for n in range(9)}

    def interval(seed: int) -> Any:
        told = compare(gold, first, second, Resampling(200, seed)).to_json()
        return told["difference"]["micro"]["f1"]["interval"]

    assert interval(1) == interval(1)
    assert interval(1) != interval(2)


def test_ids_that_gold_lacks_are_refused_for_both_at_once() -> None:
    gold = gold_of(2)
    with pytest.raises(UserError) as raised:
        compare(gold, {"z": ()}, {"r0": (), "x": (), "y": ()})
    assert str(raised.value).splitlines() == [
        "first: predictions for 1 reports that gold lacks: z; expected predictions of the gold "
        "reports",
        "second: predictions for 2 reports that gold lacks: x, y; expected predictions of the "
        "gold reports",
    ]


# Through the command


@pytest.fixture
def files(tmp_path: Path) -> Path:
    gold = gold_of(6)
    write_reports(gold, tmp_path / "gold.jsonl")
    for name, skip in (("one", 2), ("two", 3)):
        found = [
            Report(r.id, TEXT, GOLD if number % skip else (ACTOR,)) for number, r in enumerate(gold)
        ]
        write_reports(found, tmp_path / f"{name}.jsonl", format="predictions")
    return tmp_path


def run(folder: Path, first: str = "one.jsonl", second: str = "two.jsonl") -> int:
    given = ["--gold", str(folder / "gold.jsonl"), "--output", str(folder / "out")]
    return main(["compare", str(folder / first), str(folder / second), *given])


def test_the_command_prints_a_table_and_writes_everything(
    files: Path, capsys: pytest.CaptureFixture
) -> None:
    assert run(files) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["F1", "first", "second", "difference", "interval", "p"]
    assert [line.split()[0] for line in lines[1:6]] == [
        "ACTOR",
        "COUNT",
        "LOCATION",
        "micro",
        "macro",
    ]
    told = json.loads((files / "out" / "comparison.json").read_text("utf-8"))
    micro = lines[4].split()
    assert micro[1:4] == [
        f"{told['first']['micro']['f1']:.4f}",
        f"{told['second']['micro']['f1']:.4f}",
        f"{told['difference']['micro']['f1']['value']:+.4f}",
    ]
    assert micro[-1] == f"{told['difference']['micro']['f1']['p']:.4f}"
    # 2 and 4 are poor in the first alone, 3 in the second alone: two spans each.
    assert lines[6] == (
        "right in the first only: 2 gold spans, and 0 wrong ones avoided "
        "(the second's errors: missed 2)"
    )
    assert lines[7] == "  r3: missed: gold COUNT 23–25 12, predicted –"
    assert lines[9].startswith("right in the second only: 4 gold spans")
    assert told["predictions"] == [
        {"name": name, "file": str(path), "sha256": sha256_of_file(path)}
        for name, path in (("first", files / "one.jsonl"), ("second", files / "two.jsonl"))
    ]
    assert told["bootstrap"]["reports"] == told["reports"] == 6
    assert {"versions", "commit"} <= told.keys()


def test_a_report_that_one_has_not_predicted_is_missed_by_it_and_told(
    files: Path, capsys: pytest.CaptureFixture
) -> None:
    lines = (files / "two.jsonl").read_text("utf-8").splitlines(keepends=True)
    (files / "two.jsonl").write_text("".join(lines[:-1]), "utf-8")
    assert run(files) == 1
    told = json.loads((files / "out" / "comparison.json").read_text("utf-8"))
    assert (told["first"]["missing"], told["second"]["missing"]) == ([], ["r5"])
    assert told["second"]["micro"]["support"] == told["first"]["micro"]["support"] == 18
    assert "second: gold reports without prediction: 1 (r5)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("{\n", "one.jsonl:7: "),
        ('{"id": "r0", "spans": []}\n', "one.jsonl:7: id r0 stood first in line 1, expected once"),
        ('{"id": "new", "spans": []}\n', "first: predictions for 1 reports that gold lacks: new;"),
    ],
)
def test_bad_predictions_are_one_line_and_nothing_is_written(
    broken: str, told: str, files: Path, capsys: pytest.CaptureFixture
) -> None:
    with (files / "one.jsonl").open("a", encoding="utf-8") as file:
        file.write(broken)
    assert run(files) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert told in line
    assert not (files / "out").exists()


def test_a_missing_file_is_one_line(files: Path, capsys: pytest.CaptureFixture) -> None:
    assert run(files, second="none.jsonl") == 2
    assert capsys.readouterr().err == f"{files / 'none.jsonl'}: no such file\n"
