"""Runs into a folder with --review-below: the list in it, and what a stop leaves of that."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from test_inference_calibration import EVEN
from test_inference_review import TEXT, model
from test_inference_sharded import (
    SMALL,
    Json,
    Killed,
    Printed,
    bytes_of,
    fork_predict,
    kill,
    lines_of,
    manifest_of,
    predict,
    quick_start,
    source,
    stop,
    write_lines,
)
from tiny import invent_reports

from annotation.formats import ReadOptions
from annotation.pushed_predictions import read_pushed_predictions
from annotation.report import Report, Span
from inference.__main__ import main
from inference.model_folder import model_hash
from inference.sharded.folder import RunFolder
from inference.sharded.plan import Shard
from inference.sharded.run import FolderRun, ShardOutcomes, predict_to_folder
from inference.sharded.settings import ModelOfRun, RunSettings
from inference.sharded.shard import predict_shard

__all__ = ["model", "quick_start", "source"]

LIST = "review.jsonl"
BESIDE = "review.jsonl.predictions.jsonl"
RECORD = "review.jsonl.predictions.jsonl.run.json"
BELOW = ("--review-below", "0.5")


@pytest.fixture
def reports() -> list[Report]:
    return invent_reports(24, seed=41)


def rounded(line: Json) -> Json:
    """As the shards have it."""
    for key in ("uncertainty", "missed_probability"):
        if key in line:
            line[key] = round(line[key], 4)
    for key in ("doubtful", "spans", "left_out"):
        for span in line.get(key, ()):
            span["score"] = round(span["score"], 4)
    return line


def test_the_list_is_that_of_a_run_into_a_file(
    model: Path, tmp_path: Path, source: Path, capsys: Printed
) -> None:
    bare = {"id": "bare", "text": "استعاد السكان المياه والكهرباء بعد انقطاع طــويل."}
    with source.open("a", encoding="utf-8") as file:
        file.write(json.dumps(bare) + "\n")
    plain, folder = tmp_path / "out.jsonl", tmp_path / "run"
    command = ["predict", "--model", str(model), str(source), "--device", "cpu"]
    assert main([*command, "--output", str(plain), *BELOW]) == 1
    told = capsys.readouterr().err.replace(f"{plain}.rejected.jsonl", f"{folder}/rejected.jsonl")
    assert predict(model, [source], folder, SMALL, *BELOW) == 1
    assert capsys.readouterr().err == told.replace(f"{plain}.review.jsonl", f"{folder}/{LIST}")
    listed = lines_of(folder / LIST)
    expected = [rounded(line) for line in lines_of(tmp_path / "out.jsonl.review.jsonl")]
    assert len(expected) >= 10
    assert [line["id"] for line in expected if "missed_probability" in line] == ["bare"]
    for line, other in zip(listed, expected, strict=True):
        assert list(line) == list(other)
        assert (line["id"], line["text"]) == (other["id"], other["text"])
        assert [(s["start"], s["label"]) for s in line["doubtful"]] == [
            (s["start"], s["label"]) for s in other["doubtful"]
        ]
        assert [s["score"] for s in line["doubtful"]] == pytest.approx(
            [s["score"] for s in other["doubtful"]], abs=2e-4
        )
    beside = lines_of(folder / BESIDE)
    assert [line["id"] for line in beside] == [line["id"] for line in listed]
    run = json.loads((tmp_path / "out.jsonl.run.json").read_text("utf-8"))
    manifest = manifest_of(folder)
    assert manifest["review"] == run["review"]
    assert manifest["review"]["reports"] == len(listed)
    assert manifest["settings"]["review_below"] == 0.5
    assert sum(one["review"]["reports"] for one in manifest["shards"]) == len(listed)
    assert manifest["shards"][-1]["review"]["bytes"] == {
        name: (folder / name).stat().st_size for name in (LIST, BESIDE)
    }


def test_the_predictions_of_the_list_are_those_of_the_shards_and_can_be_pushed(
    model: Path, tmp_path: Path, source: Path
) -> None:
    folder = tmp_path / "run"
    assert predict(model, [source], folder, SMALL, *BELOW) == 1
    in_shards = {
        line["id"]: line for part in folder.glob("part-*.jsonl") for line in lines_of(part)
    }
    beside = lines_of(folder / BESIDE)
    assert beside == [in_shards[line["id"]] for line in beside]
    assert len(beside) >= 10
    assert read_pushed_predictions(folder / BESIDE).model_version == model_hash(model)[:12]
    record = json.loads((folder / RECORD).read_text("utf-8"))
    assert record["review"] == manifest_of(folder)["review"]
    assert "shards" not in record


def test_nothing_to_look_at_is_an_empty_list(
    tiny_model: Path, tmp_path: Path, capsys: Printed
) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"id": "a", "text": ""}])
    assert predict(tiny_model, [source], tmp_path / "run", *BELOW) == 0
    assert (tmp_path / "run" / LIST).read_bytes() == b""
    assert (tmp_path / "run" / BESIDE).read_bytes() == b""
    assert "to look at: 0 reports" in capsys.readouterr().err


def test_what_an_earlier_list_says_of_a_report_is_not_taken_for_this_models(
    model: Path, tmp_path: Path
) -> None:
    """Fields of an earlier run come back in its list, or are of somebody else's making."""
    rows: list[Json] = [
        {"id": "a", "text": "قالت منصة راصد", "left_out": "none", "missed_probability": "low"},
        {"id": "b", "text": "قالت منصة راصد", "left_out": [{"score": None}], "doubtful": 7},
    ]
    source = write_lines(tmp_path / "in.jsonl", rows)
    assert predict(model, [source], tmp_path / "run", *BELOW) == 0
    first, second = lines_of(tmp_path / "run" / LIST)
    for line in (first, second):
        assert [span["text"] for span in line["doubtful"]] == ["منصة راصد"]
        assert not line.keys() & {"left_out", "missed_probability"}
    assert manifest_of(tmp_path / "run")["review"]["without_spans"] == 0
    command = ["predict", "--model", str(model), str(source), "--device", "cpu"]
    assert main([*command, "--output", str(tmp_path / "out.jsonl"), *BELOW]) == 0
    assert len(lines_of(tmp_path / "out.jsonl.review.jsonl")) == 2


@pytest.mark.parametrize("below", ["0", "1.5", "nan"])
def test_a_threshold_that_cannot_be_leaves_no_folder(
    random_model: Path, tmp_path: Path, source: Path, below: str, capsys: Printed
) -> None:
    assert predict(random_model, [source], tmp_path / "run", "--review-below", below) == 2
    said = f"--review-below {below}: expected more than 0, and 1 at most\n"
    assert capsys.readouterr().err == said
    assert list(tmp_path.iterdir()) == [source]


def test_a_run_with_another_threshold_is_another_run(
    random_model: Path, tmp_path: Path, source: Path, capsys: Printed
) -> None:
    folder = tmp_path / "run"
    assert predict(random_model, [source], folder, SMALL, *BELOW) == 1
    for more, told in (
        ((), "another review below: 0.5 then, none now"),
        (("--review-below", "0.7"), "another review below: 0.5 then, 0.7 now"),
    ):
        capsys.readouterr()
        assert predict(random_model, [source], folder, SMALL, *more) == 2
        assert f"{folder}: holds a run with {told}" in capsys.readouterr().err


# A stop at any moment


class Doubting:
    """Gives each report a span that is doubted, or none, by its number; needs no model."""

    calibration = EVEN.model_copy(update={"missed_per_nat": 10.0})

    def predict(self, reports: Any, on_rejection: Any) -> Any:
        for report in reports:
            number = int(report.id[-3:])
            span = Span(0, 4, "ACTOR", (number % 10) / 10 + 0.05)
            spans = (span,) if number % 4 else ()
            fields = {**report.fields, "uncertainty": 0.05}
            yield Report(report.id, report.text, spans, fields)


def doubt(model: ModelOfRun, shards: Sequence[Shard], settings: RunSettings) -> ShardOutcomes:
    """A ShardRunner."""
    from annotation.formats.stretch_reader import StretchReader
    from inference.sharded.plan import load_pieces

    predictor: Any = Doubting()
    with StretchReader(settings.options) as reader:
        for shard in shards:
            yield predict_shard(predictor, load_pieces(reader, shard.pieces), settings)


def run_doubting(model: Path, source: Path, folder: Path, size: int = 2_500) -> FolderRun:
    options = ReadOptions(with_spans=False)
    return predict_to_folder(
        ModelOfRun(model, "cpu", 2048),
        [str(source)],
        folder,
        RunSettings(options, shard_bytes=size, review_below=0.4),
        predict_shards=doubt,
    )


def test_a_stop_before_or_amid_any_step_changes_no_list_in_the_end(
    random_model: Path,
    tmp_path: Path,
    source: Path,
    quick_start: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = tmp_path / "whole"
    done = run_doubting(random_model, source, whole)
    expected = bytes_of(whole)
    assert {LIST, BESIDE, RECORD} <= expected.keys()
    assert done.review is not None
    assert (done.review.reports, done.review.calibrated) == (len(lines_of(whole / LIST)), False)
    assert done.review.reports >= 5
    assert len(manifest_of(whole)["shards"]) >= 3
    names = ("write", "replace", "unlink", "truncate")
    healthy: dict[str, Any] = {name: getattr(os, name) for name in names}
    left = {"steps": 0}

    def stopping(name: str, half: bool) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            left["steps"] -= 1
            if left["steps"] == 0:
                if half and name == "write":
                    healthy["write"](arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                raise Killed
            return healthy[name](*arguments, **more)

        return call

    stops = 0
    for half in (False, True):
        for step in range(1, 500):
            folder = tmp_path / f"stopped-{half}-{step}"
            with monkeypatch.context() as patch:
                for name in names:
                    patch.setattr(os, name, stopping(name, half))
                left["steps"] = step
                try:
                    run_doubting(random_model, source, folder)
                except Killed:
                    stopped = True
                else:
                    stopped = False
            if not stopped:
                break
            stops += 1
            again = run_doubting(random_model, source, folder)
            assert bytes_of(folder) == expected, (half, step)
            assert again.review == done.review
            shutil.rmtree(folder)
    assert stops > 40


def test_a_run_that_is_killed_ends_with_the_list_of_one_that_was_not(
    model: Path, tmp_path: Path, source: Path
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert predict(model, [source], whole, SMALL, *BELOW) == 1
    kills = 0
    for wanted in (1, 2, 4):
        child = fork_predict(model, source, folder, *BELOW)
        while (
            len(list(folder.glob("part-*.jsonl"))) < wanted
            and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        ):
            pass
        kills += kill(child)
    assert kills >= 2
    assert predict(model, [source], folder, SMALL, *BELOW) == 1
    assert bytes_of(folder) == bytes_of(whole)


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        (LIST, f"{LIST} lost what was listed of part-0000"),
        (BESIDE, f"{BESIDE} lost what was listed of part-0000"),
        (RECORD, None),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_a_list_that_was_lost_is_made_again(
    random_model: Path,
    tmp_path: Path,
    source: Path,
    quick_start: None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    lost: str,
    told: str | None,
    finished: bool,
) -> None:
    folder, whole = tmp_path / "run", tmp_path / "whole"
    run_doubting(random_model, source, whole)
    with monkeypatch.context() as patch:
        if not finished:
            patch.setattr(RunFolder, "finish", stop)
            with pytest.raises(Killed):
                run_doubting(random_model, source, folder)
        else:
            run_doubting(random_model, source, folder)
    (folder / lost).unlink(missing_ok=True)
    run_doubting(random_model, source, folder)
    assert told is None or told in caplog.text
    assert bytes_of(folder) == bytes_of(whole)


def test_a_report_that_stands_twice_is_listed_once(
    random_model: Path, tmp_path: Path, quick_start: None
) -> None:
    rows = [{"id": "r-001", "text": TEXT}, {"id": "r-001", "text": TEXT + " ثانية"}]
    far = [{"id": f"r-{n:03}", "text": TEXT} for n in range(2, 40)]
    source = write_lines(tmp_path / "in.jsonl", [*rows, *far, rows[0]])
    run_doubting(random_model, source, tmp_path / "run", 1_000)
    assert len(manifest_of(tmp_path / "run")["shards"]) > 3
    ids = [line["id"] for line in lines_of(tmp_path / "run" / LIST)]
    assert ids.count("r-001") == 1
    assert len(ids) == len(set(ids)) > 10
