import json
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tiny import invent_reports
from tiny_fit import weights, write_inputs

from annotation.duplicates import near_duplicates_among
from annotation.formats import read_records
from annotation.ledger import Ledger
from annotation.problems import UserError
from annotation.report import Report, Span
from training.__main__ import main
from training.config import load_config
from training.folds import fold_reports
from training.sweep import SWEEP, describe_sweep, summarise_runs, sweep_seeds

SHORT = ("--set", "trainer.max_steps=3", "--set", 'trainer.report_to=["none"]')


def reports_of(path: Path) -> list[Report]:
    return list(Ledger().sort(read_records([path])))


def sweep_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "sweep.json").read_text("utf-8"))


# Folds


def test_folds_hold_each_report_once_and_are_of_like_size() -> None:
    reports = invent_reports(23)
    folds = fold_reports(reports, 5, seed=13)
    assert sorted(map(len, folds)) == [4, 4, 5, 5, 5]
    assert Counter(r.id for fold in folds for r in fold) == Counter(r.id for r in reports)
    for fold in folds:
        assert [r.id for r in fold] == sorted(r.id for r in fold), "in the order of the input"


def test_folds_follow_from_seed_and_ids_alone() -> None:
    reports = invent_reports(20)

    def ids(*args: Any) -> list[set[str]]:
        return [{r.id for r in fold} for fold in fold_reports(*args)]

    assert ids(reports, 4, 1) == ids(reports[::-1], 4, 1)
    assert ids(reports, 4, 1) != ids(reports, 4, 2)


def test_near_duplicates_share_a_fold() -> None:
    reports = invent_reports(12)
    copies = [Report(f"copy-{r.id}", r.text + " اليوم", r.spans) for r in reports[:6]]
    folds = fold_reports([*reports, *copies], 3, seed=1)
    for number, fold in enumerate(folds):
        others = [r.text for other in folds[:number] + folds[number + 1 :] for r in other]
        assert near_duplicates_among([r.text for r in fold], others) == []
    assert sorted(map(len, folds)) == [6, 6, 6]


@pytest.mark.parametrize("folds", [-1, 0, 1, 4])
def test_more_folds_than_reports_that_differ_are_refused(folds: int) -> None:
    reports = invent_reports(3)
    same = [*reports, Report("copy", reports[0].text, reports[0].spans)]
    with pytest.raises(UserError) as raised:
        fold_reports(same, folds, seed=1)
    assert str(raised.value).startswith(f"--folds {folds}: expected 2 to 3, as many as there are")


# Mean and spread


def run_of(f1: float, **labels: tuple[int, float]) -> dict[str, Any]:
    """The figures of a fit: micro F1, and of labels their gold and F1."""

    def figures(support: int, value: float) -> dict[str, Any]:
        return {"support": support, "precision": value, "recall": value, "f1": value}

    macro = {"precision": f1, "recall": f1, "f1": f1}
    named = {name: figures(*given) for name, given in labels.items()}
    return {"micro": figures(9, f1), "macro": macro, "labels": named}


def test_a_label_counts_only_where_there_was_some_to_be_found() -> None:
    runs = [
        run_of(0.5, ACTOR=(4, 0.6), SOUND=(2, 0.5)),
        run_of(0.7, ACTOR=(4, 0.8), SOUND=(0, 0.0)),
        run_of(0.6, ACTOR=(4, 0.1), ROUTE=(0, 0.0)),
    ]
    summary = summarise_runs(runs)
    assert summary["micro.f1"] == pytest.approx(
        {"runs": 3, "mean": 0.6, "deviation": 0.1, "least": 0.5, "greatest": 0.7}
    )
    assert summary["labels.ACTOR.f1"]["mean"] == pytest.approx(0.5)
    assert summary["labels.SOUND.recall"] == {
        "runs": 1,
        "mean": 0.5,
        "deviation": None,
        "least": 0.5,
        "greatest": 0.5,
    }
    assert summary["labels.ROUTE.f1"] == {
        "runs": 0,
        "mean": None,
        "deviation": None,
        "least": None,
        "greatest": None,
    }
    seeds = [{"seed": seed, **run} for seed, run in zip((7, 4294967295, 9), runs, strict=True)]
    swept = {"by": "seed", "measured_on": "held_out", "summary": summary, "runs": seeds}
    lines = describe_sweep({**swept, "warnings": ["LEAK: told first"]})
    assert lines[0] == "LEAK: told first"
    table = {line.split()[0]: line.split()[1:] for line in lines[2:]}
    assert lines[1].split() == ["F1", "of", "seed", "7", "4294967295", "9", "mean", "deviation"]
    assert table == {
        "micro": ["0.5000", "0.7000", "0.6000", "0.6000", "0.1000"],
        "macro": ["0.5000", "0.7000", "0.6000", "0.6000", "0.1000"],
        "ACTOR": ["0.6000", "0.8000", "0.1000", "0.5000", "0.3606"],
        "ROUTE": ["–"] * 5,
        "SOUND": ["0.5000", "–", "–", "0.5000", "–"],
    }
    assert len({len(line) for line in lines[1:]}) == 1, "aligned"


# Seeds


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reports = invent_reports(24, sentences=2)
    return write_inputs(tmp_path_factory.mktemp("inputs"), reports[:16], reports[16:])


@pytest.fixture(scope="module")
def by_seed(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("sweep") / "seeds"
    arguments = ["--config", str(config), *SHORT, "--seeds", "1,2", "--output", str(output)]
    assert main(["sweep", *arguments]) == 0
    return output


def test_each_seed_is_a_fit_of_its_own_with_its_evaluation(by_seed: Path) -> None:
    assert weights(by_seed / "seed-1" / "model") != weights(by_seed / "seed-2" / "model")
    swept = sweep_of(by_seed)
    assert (swept["by"], swept["measured_on"], swept["set_aside"]) == ("seed", "dev", 0)
    assert [run["seed"] for run in swept["runs"]] == [1, 2]
    for run in swept["runs"]:
        folder = by_seed / f"seed-{run['seed']}"
        record = json.loads((folder / "model" / "training.json").read_text("utf-8"))
        assert record["seed"] == run["seed"]
        evaluation = json.loads((folder / "evaluation.json").read_text("utf-8"))
        assert run["micro"] == evaluation["micro"]
        assert run["reports"] == 8
        assert run["model"] == record["model"] == evaluation["model"]


def test_the_summary_holds_mean_and_spread_of_every_figure(by_seed: Path) -> None:
    swept = sweep_of(by_seed)
    places = ["micro", "macro", "labels.ACTOR", "labels.COUNT", "labels.LOCATION"]
    figures = ["precision", "recall", "f1"]
    assert list(swept["summary"]) == [f"{p}.{f}" for p in places for f in figures]
    for place in ("micro", "macro"):
        values = [run[place]["f1"] for run in swept["runs"]]
        assert swept["summary"][f"{place}.f1"] == pytest.approx(
            {
                "runs": 2,
                "mean": statistics.fmean(values),
                "deviation": statistics.stdev(values),
                "least": min(values),
                "greatest": max(values),
            }
        )


def test_each_evaluation_knows_what_its_fit_has_learned_from(by_seed: Path, config: Path) -> None:
    for seed in (1, 2):
        folder = by_seed / f"seed-{seed}"
        evaluation = json.loads((folder / "evaluation.json").read_text("utf-8"))
        assert evaluation["leaks"]["checked"]
        assert "seen" in evaluation["slices"]
    assert sweep_of(by_seed)["warnings"] == []
    trained = [report.id for report in reports_of(by_seed / "train.jsonl")]
    assert trained == [report.id for report in reports_of(config.parent / "train.jsonl")]


def test_resuming_a_finished_sweep_fits_nothing_anew(
    by_seed: Path, config: Path, capsys: pytest.CaptureFixture
) -> None:
    before = sweep_of(by_seed)
    files = [by_seed / f"seed-{n}" / "model" / "model.safetensors" for n in (1, 2)]
    written = [file.stat().st_mtime_ns for file in files]
    arguments = ["--config", str(config), *SHORT, "--seeds", "1,2", "--output", str(by_seed)]
    assert main(["sweep", *arguments, "--resume"]) == 0
    assert [file.stat().st_mtime_ns for file in files] == written
    assert sweep_of(by_seed) == before
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7, "the table alone, nothing of how the loss fell"
    assert lines[0].split() == ["F1", "of", "seed", "1", "2", "mean", "deviation"]
    micro = lines[1].split()
    assert micro[0] == "micro"
    assert float(micro[3]) == pytest.approx((float(micro[1]) + float(micro[2])) / 2, abs=2e-4)
    assert lines[-1] == (
        "measured on the development reports, which picked the best epoch: too high"
    )


def test_a_sweep_that_cannot_be_is_refused_before_anything_is_fitted(
    config: Path, tmp_path: Path
) -> None:
    alone = load_config(config, ["data.dev=[]"])
    with pytest.raises(UserError) as raised:
        sweep_seeds(alone, [3, 3], tmp_path / "out")
    assert str(raised.value).splitlines() == [
        "data.held_out and data.dev name no file: nothing to measure on",
        "--seeds 3,3: expected two or more different ones, 0 or greater",
    ]
    assert not (tmp_path / "out").exists()


def test_files_that_are_not_there_are_all_named_and_an_earlier_sweep_is_kept(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    earlier = tmp_path / "out" / SWEEP
    earlier.parent.mkdir()
    earlier.write_text("{}", "utf-8")
    given = ["--set", 'data.train=["none.jsonl"]', "--set", 'data.held_out=["no.jsonl"]']
    arguments = ["--config", str(config), *given, "--seeds", "1,2"]
    assert main(["sweep", *arguments, "--output", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in told] == ["none.jsonl", "no.jsonl"]
    assert earlier.read_text("utf-8") == "{}"


def test_training_reports_that_were_set_aside_are_told_by_the_status(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """And a held-out report that was learned from stands above the figures."""
    reports = invent_reports(12, sentences=2)
    config = write_inputs(tmp_path, reports[:8], [reports[0], *reports[8:]])
    with (tmp_path / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "bare", "text": "لم يقرأه أحد بعد"}\n')
    (tmp_path / "out").mkdir()
    arguments = ["--config", str(config), *SHORT, "--set", "trainer.max_steps=1"]
    assert main(["sweep", *arguments, "--seeds", "1,2", "--output", str(tmp_path / "out")]) == 1
    swept = sweep_of(tmp_path / "out")
    assert swept["set_aside"] == 1
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[:2] == swept["warnings"]
    assert lines[0].startswith("LEAK: near-duplicates of training reports: 1 of 5 reports (")
    assert lines[1].startswith("without them micro F1 is ")
    assert lines[2].startswith("F1 of seed")
    assert "'loss'" in shown.err, "words go to standard error"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--seeds", "1"], "--seeds 1: expected two or more different ones"),
        (["--seeds", "1,-2"], "--seeds 1,-2: expected two or more different ones, 0 or greater"),
        (["--folds", "1"], "--folds 1: expected 2 to 16"),
        (["--folds", "99"], "--folds 99: expected 2 to 16"),
    ],
)
def test_the_command_says_what_is_wrong(
    given: list[str], told: str, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    arguments = ["--config", str(config), *given, "--output", str(tmp_path / "out")]
    assert main(["sweep", *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(told)


@pytest.mark.parametrize("given", [[], ["--seeds", "1,2", "--folds", "2"], ["--seeds", "1,b"]])
def test_seeds_or_folds_and_numbers_are_asked_for(
    given: list[str], config: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sweep", "--config", str(config), *given, "--output", str(tmp_path / "out")])
    assert ended.value.code == 2
    assert "--seeds" in capsys.readouterr().err


# Folds, fitted


@pytest.fixture(scope="module")
def by_fold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labels from the data, one of them in a single report: two of three folds do not hold it."""
    folder = tmp_path_factory.mktemp("folds")
    reports = invent_reports(18, sentences=2)
    rare = Report("rare", "سمع دوي صافرات قرب الجسر", (Span(9, 15, "SOUND"),))
    config = write_inputs(folder, [*reports[:14], rare], reports[14:])
    arguments = ["--config", str(config), *SHORT, "--set", "data.labels=from data"]
    arguments += ["--folds", "3", "--output", str(folder / "out")]
    assert main(["sweep", *arguments]) == 0
    return folder


def test_each_report_is_predicted_by_the_fit_that_had_not_seen_it(by_fold: Path) -> None:
    output = by_fold / "out"
    train = {report.id for report in reports_of(by_fold / "train.jsonl")}
    held_out: list[str] = []
    for number in (1, 2, 3):
        fold = output / f"fold-{number}"
        learned = {report.id for report in reports_of(fold / "train.jsonl")}
        asked = [report.id for report in reports_of(fold / "held_out.jsonl")]
        assert learned == train - set(asked)
        assert {report.id for report in reports_of(fold / "dev.jsonl")} == {
            report.id for report in reports_of(by_fold / "dev.jsonl")
        }
        record = json.loads((fold / "model" / "training.json").read_text("utf-8"))
        assert record["data"]["train"]["reports"] == len(learned)
        assert record["labels"] == ["ACTOR", "COUNT", "LOCATION", "SOUND"]
        held_out += asked
    assert sorted(held_out) == sorted(train)


def test_all_folds_together_are_one_evaluation_with_an_interval(by_fold: Path) -> None:
    output = by_fold / "out"
    swept = sweep_of(output)
    assert (swept["by"], swept["measured_on"], len(swept["runs"])) == ("fold", "train", 3)
    assert [run["reports"] for run in swept["runs"]] == [5, 5, 5]
    pooled = swept["pooled"]["micro"]
    for key in ("matched", "predicted", "support"):
        assert pooled[key] == sum(run["micro"][key] for run in swept["runs"])
    assert swept["summary"]["labels.SOUND.f1"]["runs"] == 1, "of a label in one fold's gold"
    assert swept["summary"]["labels.ACTOR.f1"]["runs"] == 3
    evaluation = json.loads((output / "evaluation.json").read_text("utf-8"))
    assert evaluation["micro"] == pooled
    assert evaluation["missing"] == []
    lines = (output / "predictions.jsonl").read_text("utf-8").splitlines()
    train = [report.id for report in reports_of(by_fold / "train.jsonl")]
    assert [json.loads(line)["id"] for line in lines] == train


def test_reports_that_nobody_annotated_are_left_out_and_told_by_the_status(
    tmp_path: Path,
) -> None:
    config = write_inputs(tmp_path, invent_reports(6, sentences=2), invent_reports(3))
    with (tmp_path / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "bare", "text": "لم يقرأه أحد بعد"}\n')
    arguments = ["--config", str(config), *SHORT, "--set", "data.dev=[]", "--folds", "2"]
    assert main(["sweep", *arguments, "--output", str(tmp_path / "out")]) == 1
    assert sweep_of(tmp_path / "out")["set_aside"] == 1
    assert "bare" not in (tmp_path / "out" / "gold.jsonl").read_text("utf-8")
