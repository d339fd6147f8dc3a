"""Runs into a folder: what is in it, and what a stop, at whatever moment, leaves of it."""

import csv
import errno
import gzip
import hashlib
import io
import json
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import WINDOW, invent_reports, make_tokenizer, write_model
from transformers import BertConfig, BertForTokenClassification

from annotation.formats import ReadOptions, write_reports
from annotation.formats.stretch_reader import StretchReader
from annotation.problems import UserError
from annotation.report import Report
from inference.__main__ import main
from inference.model_folder import load_folder_tokenizer, model_hash
from inference.predictor import BatchPredictor
from inference.sharded import run
from inference.sharded.folder import RunFolder
from inference.sharded.lock import locked
from inference.sharded.plan import Shard, load_pieces
from inference.sharded.run import ShardOutcomes, predict_to_folder
from inference.sharded.settings import ModelOfRun, RunSettings
from inference.sharded.shard import Outcome, read_contents

Printed = pytest.CaptureFixture[str]
Json = dict[str, Any]

SMALL = "--shard-bytes=1500"


def predict(model: Path, sources: Sequence[Path | str], output: Path, *more: str) -> int:
    names = [str(source) for source in sources]
    arguments = ["predict", "--model", str(model), *names, "--output", f"{output}/"]
    return main([*arguments, "--device", "cpu", *more])


def lines_of(path: Path) -> list[Json]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def manifest_of(folder: Path) -> Json:
    return dict(json.loads((folder / "manifest.json").read_text("utf-8")))


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def predictions_of(folder: Path) -> list[Json]:
    return [line for part in sorted(folder.glob("part-*.jsonl")) for line in lines_of(part)]


def write_lines(path: Path, rows: Sequence[Json]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def reports() -> list[Report]:
    return invent_reports(24, seed=41)


@pytest.fixture
def source(tmp_path: Path, reports: list[Report]) -> Path:
    """24 reports and, among them, lines that are set aside."""
    rows: list[Json] = [{"id": r.id, "text": r.text, **r.fields} for r in reports]
    rows.insert(5, {"id": "no-text"})
    rows.insert(20, dict(rows[0]))
    rows.insert(21, {"id": "number", "text": 5})
    return write_lines(tmp_path / "in.jsonl", rows)


# What is in the folder


def test_spans_that_are_left_out_are_in_the_shards_with_rounded_scores(
    tiny_model: Path, tmp_path: Path, source: Path, reports: list[Report]
) -> None:
    runs = []
    for name, more in (("all", ()), ("few", ("--least-score", "0.9999"))):
        assert predict(tiny_model, [source], tmp_path / name, SMALL, *more) == 1
        runs.append(predictions_of(tmp_path / name))
    both = [(line["spans"], line.get("left_out", [])) for line in runs[1]]
    assert sum(len(left_out) for _, left_out in both) > 10
    assert [sorted(a + b, key=lambda span: span["start"]) for a, b in both] == [
        line["spans"] for line in runs[0]
    ]
    assert manifest_of(tmp_path / "few")["settings"]["least_score"] == 0.9999


def test_the_shards_hold_what_a_single_file_holds(
    tiny_model: Path, tmp_path: Path, source: Path, reports: list[Report], capsys: Printed
) -> None:
    plain, folder = tmp_path / "out.jsonl", tmp_path / "run"
    assert main(
        ["predict", "--model", str(tiny_model), str(source), "--output", str(plain)]
    ) == 1  # fmt: skip
    told = capsys.readouterr().err
    assert predict(tiny_model, [source], folder, SMALL) == 1
    found, expected = predictions_of(folder), lines_of(plain)
    assert [line["id"] for line in found] == [report.id for report in reports]
    for line, single in zip(found, expected, strict=True):
        assert list(line) == list(single)
        assert [{**s, "score": 0} for s in line["spans"]] == [
            {**s, "score": 0} for s in single["spans"]
        ]
        for one, other in zip(line["spans"], single["spans"], strict=True):
            assert one["score"] == round(one["score"], 4)
            assert one["score"] == pytest.approx(other["score"], abs=1e-4)
        assert line["uncertainty"] == pytest.approx(single["uncertainty"], abs=1e-4)
        assert line["uncertainty"] == round(line["uncertainty"], 4)
    rejected = (folder / "rejected.jsonl").read_bytes()
    assert rejected == (tmp_path / "out.jsonl.rejected.jsonl").read_bytes()
    assert [(one["line"], one["reason"]) for one in lines_of(folder / "rejected.jsonl")] == [
        (6, "no_text"),
        (21, "duplicate_id"),
        (22, "no_text"),
    ]
    assert capsys.readouterr().err == told.replace(
        f"{plain}.rejected.jsonl", f"{folder}/rejected.jsonl"
    )


def test_the_manifest_tells_what_is_in_the_folder(
    tiny_model: Path, tmp_path: Path, source: Path
) -> None:
    folder = tmp_path / "run"
    assert predict(tiny_model, [source], folder, SMALL) == 1
    manifest = manifest_of(folder)
    assert manifest["finished"] is True
    assert manifest["model"] == model_hash(tiny_model)
    assert manifest["precision"] == "exact"
    assert manifest["settings"] == {
        "least_score": None,
        "device": "cpu",
        "batch_tokens": 2048,
        "shard_bytes": 1500,
        "review_below": None,
        "to": "predictions",
        "from": None,
        "text_column": "text",
        "id_column": "id",
        "encoding": "utf-8",
    }
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    assert manifest["inputs"] == [{"name": str(source), "sha256": sha256}]
    assert (manifest["reports"], manifest["predicted"]) == (24, 24)
    assert manifest["rejected"] == {"duplicate_id": 1, "no_text": 2}
    assert manifest["repaired"] == {}
    shards = manifest["shards"]
    assert len(shards) >= 5
    assert [one["file"] for one in shards] == [f"part-{n:05}.jsonl" for n in range(len(shards))]
    line = 1
    for one in shards:
        part = folder / one["file"]
        assert one["begins"] == f"{source}:{line}"
        assert one["sha256"] == hashlib.sha256(part.read_bytes()).hexdigest()
        assert one["predicted"] == one["reports"] == len(lines_of(part))
        line += one["reports"] + sum(one["rejected"].values())
    assert line == 28
    assert shards[-1]["rejected_bytes"] == (folder / "rejected.jsonl").stat().st_size
    parts = {one["file"] for one in shards}
    assert set(bytes_of(folder)) == {"manifest.json", "rejected.jsonl", ".lock", *parts}


def test_a_second_call_changes_nothing(
    tiny_model: Path, tmp_path: Path, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = tmp_path / "run"
    assert predict(tiny_model, [source], folder, SMALL) == 1
    before = bytes_of(folder)
    times = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.jsonl")}
    assert "done already" not in caplog.text
    assert predict(tiny_model, [source], folder, SMALL) == 1
    assert f"{folder}: this run is done already; nothing was written" in caplog.text
    assert bytes_of(folder) == before
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.jsonl")} == times


def test_with_to_jsonl_the_texts_are_in_the_shards(
    random_model: Path, tmp_path: Path, source: Path, reports: list[Report]
) -> None:
    assert predict(random_model, [source], tmp_path / "run", SMALL, "--to", "jsonl") == 1
    texts = [line["text"] for line in predictions_of(tmp_path / "run")]
    assert texts == [report.text for report in reports]


def test_many_kinds_of_input_make_one_run(
    random_model: Path, tmp_path: Path, reports: list[Report], capsys: Printed
) -> None:
    bare = [Report(report.id, report.text) for report in reports]
    archive = tmp_path / "archive"
    (archive / "texts").mkdir(parents=True)
    write_reports(bare[:6], archive / "a.parquet")
    (archive / "b.parquet").write_bytes(b"PAR1, but no more")
    write_reports(bare[6:12], archive / "c.parquet")
    write_reports(bare[12:16], tmp_path / "d.jsonl")
    packed = gzip.compress((tmp_path / "d.jsonl").read_bytes())
    (archive / "d.jsonl.gz").write_bytes(packed)
    (archive / "notes.docx").write_bytes(b"PK")
    for report in bare[16:]:
        (archive / "texts" / f"{report.id}.txt").write_bytes(report.text.encode())
    folder = tmp_path / "run"
    assert predict(random_model, [archive], folder, SMALL) == 1
    found = [line["id"] for line in predictions_of(folder)]
    assert found == [r.id for r in bare[:16]] + [f"texts/{r.id}" for r in bare[16:]]
    (broken,) = lines_of(folder / "rejected.jsonl")
    assert (broken["file"], broken["reason"]) == (str(archive / "b.parquet"), "unreadable")
    manifest = manifest_of(folder)
    assert manifest["repaired"] == {"file of a folder left out": 1}
    assert len(manifest["inputs"]) == 4 + 8
    told = capsys.readouterr().err
    assert "b.parquet: unreadable: not a Parquet file that can be read: " in told
    assert "notes.docx" in told
    # Of the files alone, the same; so the folder is that of another run, whose inputs differ.
    assert predict(random_model, [archive / "a.parquet"], folder, SMALL) == 2
    assert capsys.readouterr().err.count("is not given now") == 5


def test_an_empty_input_makes_an_empty_run(
    random_model: Path, tmp_path: Path, capsys: Printed
) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"")
    assert predict(random_model, [tmp_path / "in.jsonl"], tmp_path / "run") == 0
    assert "no report in the input, so there is no prediction" in capsys.readouterr().err
    assert manifest_of(tmp_path / "run")["shards"] == []
    assert set(bytes_of(tmp_path / "run")) == {"manifest.json", ".lock"}


def test_blank_reports_fill_shards_by_their_number(random_model: Path, tmp_path: Path) -> None:
    rows = [{"id": f"r{n}", "text": "" if n % 2 else " \n"} for n in range(100_000)]
    source = write_lines(tmp_path / "in.jsonl", rows)
    assert predict(random_model, [source], tmp_path / "run") == 0
    counts = [one["predicted"] for one in manifest_of(tmp_path / "run")["shards"]]
    assert counts == [5_000] * 20
    assert predictions_of(tmp_path / "run") == [
        {"id": f"r{n}", "spans": [], "uncertainty": 0.0} for n in range(100_000)
    ]


def test_a_report_of_five_megabytes_among_small_ones(
    tiny_model: Path, tmp_path: Path, reports: list[Report]
) -> None:
    # Mostly blanks: long for all that reads and writes it, and quick for the model.
    before = "قالت منصة راصد "
    long = before + "\u00a0" * 2_600_000 + " في تل الورد"
    rows = [{"id": r.id, "text": r.text} for r in reports]
    rows.insert(12, {"id": "long", "text": long})
    source = write_lines(tmp_path / "in.jsonl", rows)
    assert source.stat().st_size > 5_000_000
    assert predict(tiny_model, [source], tmp_path / "run", "--shard-bytes=4000") == 0
    found = predictions_of(tmp_path / "run")
    assert [line["id"] for line in found] == [row["id"] for row in rows]
    spans = [(s["start"], s["end"], s["text"]) for s in found[12]["spans"]]
    end = len(long)
    assert spans == [(5, 14, "منصة راصد"), (end - 8, end, "تل الورد")]


def test_a_model_with_4096_positions(tmp_path: Path, reports: list[Report]) -> None:
    tokenizer = make_tokenizer([report.text for report in reports], window=4_096)
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=16,
        max_position_embeddings=4_096,
        id2label=dict(enumerate(("O", "B-ACTOR", "I-ACTOR"))),
    )
    model = write_model(tmp_path / "model", BertForTokenClassification(config), tokenizer)
    texts = [" ".join(r.text for r in reports) * 8, *(r.text for r in reports)]
    assert len(tokenizer(texts[0]).input_ids) > 4_096
    rows = [{"id": f"r{n}", "text": text} for n, text in enumerate(texts)]
    source = write_lines(tmp_path / "in.jsonl", rows)
    assert predict(model, [source], tmp_path / "run") == 0
    assert [line["id"] for line in predictions_of(tmp_path / "run")] == [r["id"] for r in rows]


# A stop at any moment


def read_alone(model: ModelOfRun, shards: Sequence[Shard], settings: RunSettings) -> ShardOutcomes:
    """A ShardRunner that takes a report's length for its prediction, and fails on some."""
    with StretchReader(settings.options) as reader:
        for shard in shards:
            outcome: list[Any] = []
            contents = load_pieces(reader, shard.pieces)
            for file, line, record in read_contents(contents, settings.options):
                if not isinstance(record, Report):
                    outcome.append(record)
                elif record.id.endswith("7"):
                    outcome.append(Outcome(record.id, file, line, failure="no model likes a 7"))
                else:
                    text = json.dumps({"id": record.id, "length": len(record.text)})
                    outcome.append(Outcome(record.id, file, line, text))
            yield tuple(outcome)


def run_alone(model: Path, sources: Sequence[Path], folder: Path, size: int = 700) -> None:
    predict_to_folder(
        ModelOfRun(model, "cpu", 2048),
        [str(source) for source in sources],
        folder,
        RunSettings(ReadOptions(with_spans=False), shard_bytes=size),
        predict_shards=read_alone,
    )


class Killed(BaseException):
    """Nothing catches it, as nothing catches the end of a process."""


def stop(*_: object) -> None:
    raise Killed


@pytest.fixture
def quick_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what takes a run that predicts nothing most of its time, hundreds of times over."""
    monkeypatch.setattr(run, "load_folder_tokenizer", lambda folder: None)
    monkeypatch.setattr(run, "commit", lambda: "abc")
    monkeypatch.setattr(run, "versions", lambda: {"rasd": "1"})
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def test_a_stop_before_or_amid_any_step_changes_nothing_in_the_end(
    random_model: Path,
    tmp_path: Path,
    source: Path,
    quick_start: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every call that changes the folder is the last one of some run; a write may be half done."""
    whole = tmp_path / "whole"
    run_alone(random_model, [source], whole, 2_500)
    expected = bytes_of(whole)
    assert len(expected) >= 6
    assert manifest_of(whole)["rejected"] == {"duplicate_id": 1, "model_error": 2, "no_text": 2}
    names = ("open", "write", "fsync", "replace", "unlink", "truncate", "mkdir")
    healthy: dict[str, Any] = {name: getattr(os, name) for name in names}
    steps = {"left": 0}

    def stopping(name: str, half: bool) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            steps["left"] -= 1
            if steps["left"] == 0:
                if half and name == "write":
                    healthy["write"](arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                raise Killed
            return healthy[name](*arguments, **more)

        return call

    stops = 0
    for half in (False, True):
        for step in range(1, 2_000):
            folder = tmp_path / f"stopped-{half}-{step}"
            with monkeypatch.context() as patch:
                for name in names:
                    patch.setattr(os, name, stopping(name, half))
                steps["left"] = step
                try:
                    run_alone(random_model, [source], folder, 2_500)
                except Killed:
                    stopped = True
                else:
                    stopped = False
            if not stopped:
                break
            stops += 1
            run_alone(random_model, [source], folder, 2_500)
            assert bytes_of(folder) == expected, (half, step)
            shutil.rmtree(folder)
    assert stops > 90


def test_runs_that_are_killed_again_and_again_end_as_one_that_was_not(
    random_model: Path, tmp_path: Path, source: Path
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert predict(random_model, [source], whole, SMALL) == 1
    shards = len(manifest_of(whole)["shards"])
    assert shards >= 5
    kills = 0
    for wanted in range(1, shards):
        child = fork_predict(random_model, source, folder)
        while len(list(folder.glob("part-*.jsonl"))) < wanted and not ended(child):
            time.sleep(0.001)
        kills += kill(child)
    assert kills >= 3
    assert predict(random_model, [source], folder, SMALL) == 1
    assert bytes_of(folder) == bytes_of(whole)


def fork_predict(model: Path, source: Path, folder: Path, *more: str) -> int:
    """The process that predicts, made by forking: it has no libraries to load first."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(predict(model, [source], folder, SMALL, *more))
        finally:
            os._exit(70)
    return child


def ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def kill(child: int) -> bool:
    """Whether the child was killed, and had not ended by itself before."""
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def spoil_part(folder: Path) -> None:
    (folder / "part-00002.jsonl").write_bytes(b"{}\n")


def lose_part(folder: Path) -> None:
    (folder / "part-00002.jsonl").unlink()


def lose_rejected(folder: Path) -> None:
    (folder / "rejected.jsonl").unlink()


def leave_partial_files(folder: Path) -> None:
    for name in ("part-00099.jsonl", "part-00001.jsonl.tmp", "manifest.json.tmp"):
        (folder / name).write_bytes(b"left")


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (spoil_part, "part-00002.jsonl is missing or was changed since it was written"),
        (lose_part, "part-00002.jsonl is missing or was changed since it was written"),
        (lose_rejected, "rejected.jsonl lost what was set aside of part-0000"),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_a_shard_that_was_harmed_is_made_again(
    random_model: Path,
    tmp_path: Path,
    source: Path,
    quick_start: None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[Path], None],
    told: str,
    finished: bool,
) -> None:
    folder, whole = tmp_path / "run", tmp_path / "whole"
    run_alone(random_model, [source], whole)
    with monkeypatch.context() as patch, suppress(Killed):
        if not finished:
            patch.setattr(RunFolder, "finish", stop)
        run_alone(random_model, [source], folder)
    assert manifest_of(folder)["finished"] is finished
    harm(folder)
    leave_partial_files(folder)
    run_alone(random_model, [source], folder)
    assert told in caplog.text
    assert bytes_of(folder) == bytes_of(whole)


# What is refused


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--batch-tokens", "64"], ["another batch tokens: 2048 then, 64 now"]),
        (["--shard-bytes", "900"], ["another shard bytes: 1500 then, 900 now"]),
        (["--text-column", "id"], ["another text column: text then, id now"]),
        (
            ["--to", "jsonl", "--encoding", "latin-1"],
            ["another to: predictions then, jsonl now", "another encoding: utf-8 then, latin-1"],
        ),
    ],
)
def test_a_folder_of_a_run_with_other_settings_is_refused_by_their_names(
    random_model: Path,
    tmp_path: Path,
    source: Path,
    capsys: Printed,
    more: list[str],
    told: list[str],
) -> None:
    folder = tmp_path / "run"
    assert predict(random_model, [source], folder, SMALL) == 1
    before = bytes_of(folder)
    capsys.readouterr()
    assert predict(random_model, [source], folder, SMALL, *more) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == len(told) + 1
    for line, expected in zip(said, told, strict=False):
        assert line.startswith(f"{folder}: holds a run with {expected}")
    assert said[-1].startswith(f"{folder}: expected the same as then; give another --output")
    assert bytes_of(folder) == before


def test_a_folder_of_another_model_or_other_inputs_is_refused(
    random_model: Path, tiny_model: Path, tmp_path: Path, source: Path, capsys: Printed
) -> None:
    folder = tmp_path / "run"
    assert predict(random_model, [source], folder, SMALL) == 1
    before = bytes_of(folder)
    more = write_lines(tmp_path / "more.jsonl", [{"id": "m", "text": "x"}])

    def told(model: Path, sources: Sequence[Path]) -> str:
        capsys.readouterr()
        assert predict(model, sources, folder, SMALL) == 2
        return capsys.readouterr().err

    then, now = model_hash(random_model)[:12], model_hash(tiny_model)[:12]
    assert f"another model: {then}… then, {now}… now" in told(tiny_model, [source])
    assert f"input {more} was not among its inputs" in told(random_model, [source, more])
    assert f"its input {source} is not given now" in told(random_model, [more])
    source.write_bytes(source.read_bytes().replace(b"tiny-003", b"tiny-903"))
    assert f"input {source} was changed since the run began" in told(random_model, [source])
    assert bytes_of(folder) == before


def test_an_input_that_changes_between_two_halves_is_refused(
    random_model: Path,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
) -> None:
    healthy = RunFolder.put_in

    def put_in_two(self: RunFolder, shard: Shard, *rest: Any) -> None:
        if shard.number == 2:
            raise Killed
        healthy(self, shard, *rest)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(RunFolder, "put_in", put_in_two)
        predict(random_model, [source], tmp_path / "run", SMALL)
    source.write_bytes(source.read_bytes() + b'{"id": "late", "text": "x"}\n')
    assert predict(random_model, [source], tmp_path / "run", SMALL) == 2
    assert f"input {source} was changed since the run began" in capsys.readouterr().err
    assert len(list((tmp_path / "run").glob("part-*"))) == 2


def test_an_input_that_changes_while_it_is_read_stops_the_run(
    random_model: Path,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
) -> None:
    healthy = RunFolder.put_in

    def put_in_and_change(self: RunFolder, shard: Shard, *rest: Any) -> None:
        healthy(self, shard, *rest)
        if shard.number == 1:
            with source.open("ab") as file:
                file.write(b'{"id": "late", "text": "x"}\n')

    monkeypatch.setattr(RunFolder, "put_in", put_in_and_change)
    assert predict(random_model, [source], tmp_path / "run", SMALL) == 2
    assert f"{source}: was changed while it was read" in capsys.readouterr().err
    assert len(list((tmp_path / "run").glob("part-*"))) == 2


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--to", "csv"], "--to csv: shards are JSONL; expected predictions or jsonl"),
        (["--shard-bytes", "0"], "--shard-bytes 0: expected 1 or more"),
        (["--batch-tokens", "0"], "--batch-tokens 0: expected 1 or more"),
        (["--from", "docx"], "--from docx: expected one of text, jsonl"),
        (["--from", "csv", "--text-column", "story"], "{in}: no column 'story' for the text"),
    ],
)
def test_a_wrong_setting_leaves_no_folder(
    random_model: Path, tmp_path: Path, source: Path, capsys: Printed, more: list[str], told: str
) -> None:
    assert predict(random_model, [source], tmp_path / "run", *more) == 2
    said = capsys.readouterr().err
    assert said.startswith(told.replace("{in}", str(source)))
    assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [source]


def test_the_facts_of_shards_are_those_of_a_run_into_a_file(
    tiny_model: Path, tmp_path: Path, source: Path
) -> None:
    assert predict(tiny_model, [source], tmp_path / "run", SMALL, "--to", "jsonl") == 1
    parts = sorted(str(part) for part in (tmp_path / "run").glob("part-*.jsonl"))
    assert len(parts) > 1
    apart, at_once = tmp_path / "apart.csv", tmp_path / "at-once.csv"
    assert main(["facts", *parts, "--output", str(apart)]) == 0
    model = ["--model", str(tiny_model), "--device", "cpu"]
    assert main(["predict", "--facts", *model, str(source), "--output", str(at_once)]) == 1
    rows = []
    for output in (apart, at_once):
        with output.open(encoding="utf-8-sig", newline="") as stream:
            # Of shards scores have fewer decimals.
            rows.append(
                [
                    {name: cell for name, cell in row.items() if not name.endswith("score")}
                    for row in csv.DictReader(stream)
                ]
            )
    assert rows[0] == rows[1]
    assert len(rows[0]) > 0


def test_an_output_that_would_be_read_is_refused(
    random_model: Path, tmp_path: Path, source: Path, capsys: Printed
) -> None:
    assert predict(random_model, [tmp_path], tmp_path / "run") == 2
    assert "lies in the input" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("notes.txt", b"mine", "holds notes.txt but no manifest.json; expected an empty folder"),
        ("manifest.json", b"{", "manifest.json: not the manifest of a run (JSONDecodeError"),
        ("manifest.json", b"[]", "manifest.json: not the manifest of a run (TypeError"),
    ],
)
def test_a_folder_of_something_else_is_left_alone(
    random_model: Path,
    tmp_path: Path,
    source: Path,
    capsys: Printed,
    name: str,
    content: bytes,
    told: str,
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / name).write_bytes(content)
    assert predict(random_model, [source], folder) == 2
    assert told in capsys.readouterr().err
    assert bytes_of(folder) == {name: content, ".lock": b""}


def test_a_pipe_among_the_inputs_is_refused(
    random_model: Path, tmp_path: Path, capsys: Printed
) -> None:
    os.mkfifo(tmp_path / "in.jsonl")
    assert predict(random_model, [tmp_path / "in.jsonl"], tmp_path / "run") == 2
    assert "is no file, so it can be read only once" in capsys.readouterr().err


def test_ray_writes_shards_alone(
    random_model: Path, tmp_path: Path, source: Path, capsys: Printed
) -> None:
    output = str(tmp_path / "out.jsonl")
    arguments = ["predict", "--model", str(random_model), str(source), "--output", output]
    assert main([*arguments, "--engine", "ray"]) == 2
    assert capsys.readouterr().err == "--engine ray writes shards: end --output with a /\n"


# Standard input, other processes, full disks


def test_standard_input_goes_on_when_it_is_given_once_more(
    random_model: Path,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: Printed,
) -> None:
    caplog.set_level(logging.INFO)

    def given(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    whole, folder = tmp_path / "whole", tmp_path / "run"
    given(source.read_bytes())
    assert predict(random_model, ["-"], whole, SMALL) == 1
    assert "to go on after a stop, give the same once more" in caplog.text
    assert manifest_of(whole)["inputs"][0]["name"] == "stdin"
    assert ".stdin" not in bytes_of(whole)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(RunFolder, "finish", stop)
        given(source.read_bytes())
        predict(random_model, ["-"], folder, SMALL)
    given(source.read_bytes()[:-5])
    assert predict(random_model, ["-"], folder, SMALL) == 2
    assert "input stdin was changed since the run began" in capsys.readouterr().err
    given(source.read_bytes())
    assert predict(random_model, ["-"], folder, SMALL) == 1
    assert bytes_of(folder) == bytes_of(whole)


def test_a_second_process_is_refused_until_the_first_one_dies(
    random_model: Path, tmp_path: Path, source: Path, capsys: Printed
) -> None:
    folder = tmp_path / "run"
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with locked(folder):
                os.write(writing, b"!")
                signal.pause()
        finally:
            os._exit(70)
    assert os.read(reading, 1) == b"!"
    try:
        assert predict(random_model, [source], folder, SMALL) == 2
        assert capsys.readouterr().err == (
            f"{folder}: another process writes here now; wait for its end, or give another "
            "--output\n"
        )
        assert set(bytes_of(folder)) == {".lock"}
    finally:
        assert kill(child)
    assert predict(random_model, [source], folder, SMALL) == 1


def test_a_file_that_may_not_grow_further_stops_the_run(
    tiny_model: Path, tmp_path: Path, source: Path
) -> None:
    """The limit of a process on its files: what is over it fails as on a full disk."""
    whole, folder, said = tmp_path / "whole", tmp_path / "run", tmp_path / "said"
    assert predict(tiny_model, [source], whole, "--shard-bytes=700") == 1
    manifest = manifest_of(whole)
    progress = sum(len(json.dumps(one, ensure_ascii=False)) + 1 for one in manifest["shards"])
    largest = max(len(content) for name, content in bytes_of(whole).items() if "part" in name)
    limit = max(progress // 2, largest, 2_000)
    assert limit < (whole / "manifest.json").stat().st_size
    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)
            sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), write_through=True)
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            os._exit(predict(tiny_model, [source], folder, "--shard-bytes=700"))
        finally:
            os._exit(70)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 2, said.read_text()
    told = said.read_text().splitlines()[-1]
    assert "cannot be written: File too large; " in told
    assert "shards are done: make room, then give the same command again to go on" in told
    assert predict(tiny_model, [source], folder, "--shard-bytes=700") == 1
    assert bytes_of(folder) == bytes_of(whole)


def test_a_disk_that_fills_up_stops_the_run(
    random_model: Path, tmp_path: Path, source: Path, capsys: Printed
) -> None:
    whole, disk = tmp_path / "whole", tmp_path / "disk"
    assert predict(random_model, [source], whole, SMALL) == 1
    needed = sum(-(-len(content) // 4096) for content in bytes_of(whole).values())
    with mounted(disk, (needed - 3) * 4096):
        capsys.readouterr()
        assert predict(random_model, [source], disk / "run", SMALL) == 2
        (told,) = capsys.readouterr().err.splitlines()
        assert "cannot be written: No space left on device; " in told
        assert "shards are done: make room, then give the same command again to go on" in told
        assert list((disk / "run").glob("part-*.jsonl"))
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        assert predict(random_model, [source], disk / "run", SMALL) == 1
        assert bytes_of(disk / "run") == bytes_of(whole)


@contextmanager
def mounted(disk: Path, size: int) -> Iterator[None]:
    """A disk of so many bytes, in memory."""
    disk.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
    try:
        done = subprocess.run(options, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command here")
    if done.returncode:
        pytest.skip("a small disk can be mounted by the administrator only")
    try:
        yield
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("nth", [2, 3, 4, 5, 6, 8, 11])
def test_room_that_is_missing_at_any_write_is_told_and_made_up_for(
    random_model: Path,
    tmp_path: Path,
    source: Path,
    quick_start: None,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    nth: int,
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    run_alone(random_model, [source], whole)
    healthy, calls = os.write, {"made": 0}

    def write(descriptor: int, content: bytes) -> int:
        calls["made"] += 1
        if calls["made"] >= nth:
            healthy(descriptor, bytes(content)[: len(content) // 2])
            raise OSError(code, os.strerror(code))
        return healthy(descriptor, content)

    with monkeypatch.context() as patch, pytest.raises(UserError) as stopped:
        patch.setattr(os, "write", write)
        run_alone(random_model, [source], folder)
    assert f"cannot be written: {os.strerror(code)}; " in str(stopped.value)
    assert f" of {len(manifest_of(whole)['shards'])} shards are done" in str(stopped.value)
    run_alone(random_model, [source], folder)
    assert bytes_of(folder) == bytes_of(whole)


# A model that fails


class FailingEngine:
    """Whichever engine computes here, after a look at the batch that may raise."""

    def __init__(self, engine: Any, look: Callable[[Any], None]) -> None:
        self.precision = engine.precision
        self._engine = engine
        self._look = look

    def run(self, windows: Any) -> Any:
        self._look(windows)
        return self._engine.run(windows)


def let_fail(patch: pytest.MonkeyPatch, look: Callable[[Any], None]) -> None:
    """Have every model that is loaded from here on computed by a FailingEngine."""
    healthy = BatchPredictor.from_pretrained

    def load(*arguments: Any, **more: Any) -> BatchPredictor:
        predictor = healthy(*arguments, **more)
        predictor.engine = FailingEngine(predictor.engine, look)
        return predictor

    patch.setattr(BatchPredictor, "from_pretrained", load)


def test_a_report_that_the_model_fails_on_is_set_aside_alone(
    tiny_model: Path,
    tmp_path: Path,
    source: Path,
    reports: list[Report],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokenizer = load_folder_tokenizer(tiny_model)
    # Pieces of the longest window of each report; those with the longest of all fail.
    longest = {r.id: min(WINDOW, len(tokenizer(r.text).input_ids)) for r in reports}
    limit = max(longest.values())
    failing = [report_id for report_id, pieces in longest.items() if pieces == limit]
    assert 1 <= len(failing) <= 12

    def look(windows: Any) -> None:
        if any(len(window) == limit for window in windows):
            raise RuntimeError("a kernel fails here")

    whole = tmp_path / "whole"
    assert predict(tiny_model, [source], whole, SMALL) == 1
    let_fail(monkeypatch, look)
    folder = tmp_path / "run"
    assert predict(tiny_model, [source], folder, SMALL) == 1
    rejected = [o for o in lines_of(folder / "rejected.jsonl") if o["reason"] == "model_error"]
    assert [one["id"] for one in rejected] == failing
    for one in rejected:
        assert one["message"] == "the model failed on this report: a kernel fails here"
        assert json.loads(source.read_bytes().split(b"\n")[one["line"] - 1])["id"] == one["id"]
    kept = {line["id"]: line for line in predictions_of(folder)}
    expected = {line["id"]: line for line in predictions_of(whole)}
    assert kept.keys() == expected.keys() - set(failing)
    for report_id, line in kept.items():
        spans = [(s["start"], s["end"], s["label"]) for s in line["spans"]]
        assert spans == [(s["start"], s["end"], s["label"]) for s in expected[report_id]["spans"]]
    manifest = manifest_of(folder)
    assert (manifest["reports"], manifest["predicted"]) == (24, 24 - len(failing))


def test_a_lack_of_memory_changes_no_span(
    tiny_model: Path,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert predict(tiny_model, [source], whole) == 1
    sizes: list[int] = []

    def look(windows: Any) -> None:
        size = max(map(len, windows)) * len(windows)
        if size > 200:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory")
        sizes.append(size)

    let_fail(monkeypatch, look)
    assert predict(tiny_model, [source], folder) == 1
    assert max(sizes) <= 200 < 2 * max(sizes)
    assert "going on with batches of at most" in caplog.text
    found, expected = predictions_of(folder), predictions_of(whole)
    assert len(found) == 24
    for line, other in zip(found, expected, strict=True):
        assert [{**s, "score": 0} for s in line["spans"]] == [
            {**s, "score": 0} for s in other["spans"]
        ]
        for one, before in zip(line["spans"], other["spans"], strict=True):
            assert one["score"] == pytest.approx(before["score"], abs=1e-3)
    assert (folder / "rejected.jsonl").read_bytes() == (whole / "rejected.jsonl").read_bytes()


def test_a_device_without_any_memory_stops_the_run_and_no_report_is_lost(
    tiny_model: Path,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert predict(tiny_model, [source], whole, SMALL) == 1
    calls = {"made": 0}

    def look(windows: Any) -> None:
        calls["made"] += 1
        if calls["made"] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    with monkeypatch.context() as patch:
        let_fail(patch, look)
        capsys.readouterr()
        assert predict(tiny_model, [source], folder, SMALL) == 2
    (*_, told) = capsys.readouterr().err.splitlines()
    assert told == (
        "memory is too short even for 8 pieces (CUDA out of memory. Tried to allocate 2.00 GiB); "
        "free some, or choose another --device"
    )
    assert not any(one["reason"] == "model_error" for one in rejections_of(folder))
    assert predict(tiny_model, [source], folder, SMALL) == 1
    assert bytes_of(folder) == bytes_of(whole)


def rejections_of(folder: Path) -> list[Json]:
    path = folder / "rejected.jsonl"
    return lines_of(path) if path.exists() else []
