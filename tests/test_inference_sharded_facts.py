"""Runs into a folder with --facts: their file beside the shards, and what a stop leaves of it."""

import csv
import errno
import io
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from test_inference_sharded import (
    SMALL,
    Json,
    Killed,
    Printed,
    bytes_of,
    lines_of,
    predict,
    source,
    stop,
)
from tiny import invent_reports

from annotation.report import Report
from inference.__main__ import main
from inference.facts import FactReader
from inference.sharded import facts_file

__all__ = ["source"]


@pytest.fixture
def reports() -> list[Report]:
    return invent_reports(24, seed=41)


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """A small gazetteer with a row that cannot be used."""
    path = tmp_path / "places.csv"
    path.write_text(
        "id,name_ar,latitude,longitude,level,country\n"
        "1,تل الورد,36.5,38.25,town,SY\n"
        "2,وادي السرو,36.75,nowhere,town,SY\n",
        "utf-8",
    )
    return path


def without_scores(rows: Sequence[Json]) -> list[Json]:
    """Of shards they have fewer decimals."""
    return [
        {name: cell for name, cell in row.items() if not name.endswith("score")} for row in rows
    ]


def rows_of(path: Path) -> list[Json]:
    if path.suffix == ".parquet":
        return [dict(row) for row in pq.read_table(path).to_pylist()]
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return [dict(row) for row in csv.DictReader(stream)]


def facts_at_once(model: Path, source: Path, output: Path, *more: str) -> int:
    command = ["predict", "--facts", "--model", str(model), str(source), "--device", "cpu"]
    return main([*command, "--output", str(output), *more])


# What is written


@pytest.mark.parametrize("to", ["predictions", "jsonl"])
@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv"])
def test_the_rows_are_those_of_a_run_into_a_file(
    tiny_model: Path, tmp_path: Path, source: Path, capsys: Printed, to: str, name: str
) -> None:
    at_once, folder = tmp_path / name, tmp_path / "run"
    assert facts_at_once(tiny_model, source, at_once) == 1
    told = capsys.readouterr().err
    more = () if name == facts_file.FACTS else ("--facts-file", name)
    assert predict(tiny_model, [source], folder, SMALL, "--to", to, "--facts", *more) == 1
    expected = rows_of(at_once)
    assert len(expected) > 10
    assert without_scores(rows_of(folder / name)) == without_scores(expected)
    counts = [line for line in told.splitlines() if line.startswith(("ACTOR ", "COUNT ", "LOC"))]
    assert len(counts) >= 3
    assert set(counts) <= set(capsys.readouterr().err.splitlines())
    record = json.loads((folder / f"{name}.run.json").read_text("utf-8"))
    assert record["rows"] == len(expected)
    assert [table["name"] for table in record["tables"]] == [
        "configs/actors.csv",
        "configs/places.csv",
    ]


def test_reports_with_facts_are_those_of_a_run_into_a_file(
    tiny_model: Path, tmp_path: Path, source: Path
) -> None:
    at_once, folder = tmp_path / "facts.jsonl", tmp_path / "run"
    cut = ("--least-score", "0.9999")
    assert facts_at_once(tiny_model, source, at_once, *cut) == 1
    more = (SMALL, *cut, "--facts", "--facts-file", "facts.jsonl")
    assert predict(tiny_model, [source], folder, *more) == 1
    found, expected = lines_of(folder / "facts.jsonl"), lines_of(at_once)
    assert [line["id"] for line in found] == [line["id"] for line in expected]
    assert any("left_out" in line for line in expected)
    for line, other in zip(found, expected, strict=True):
        assert line["text"] == other["text"]
        assert set(line) == set(other)
        assert without_scores(line["spans"]) == without_scores(other["spans"])
        assert without_scores(line.get("left_out", [])) == without_scores(other.get("left_out", []))
        assert line["uncertainty"] == pytest.approx(other["uncertainty"], abs=1e-4)


def test_bad_rows_of_a_gazetteer_are_listed_beside_the_facts(
    tiny_model: Path, tmp_path: Path, source: Path, places: Path, capsys: Printed
) -> None:
    source.write_text(source.read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    folder = tmp_path / "run"
    more = (SMALL, "--facts", "--places", str(places))
    assert predict(tiny_model, [source], folder, *more) == 1
    listed = folder / "rows.parquet.rejected.jsonl"
    assert [(one["line"], one["reason"]) for one in lines_of(listed)] == [(3, "bad_place")]
    assert f"all 1 set aside are listed in {listed}" in capsys.readouterr().err
    before = bytes_of(folder)
    assert predict(tiny_model, [source], folder, *more) == 1
    assert f"all 1 set aside are listed in {listed}" in capsys.readouterr().err
    assert bytes_of(folder) == before


def test_a_finished_run_is_given_its_facts_without_predicting_again(
    tiny_model: Path,
    tmp_path: Path,
    source: Path,
    places: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert predict(tiny_model, [source], whole, SMALL, "--facts") == 1
    assert predict(tiny_model, [source], folder, SMALL) == 1
    monkeypatch.setattr("inference.sharded.settings.ModelOfRun.load", stop)
    assert predict(tiny_model, [source], folder, SMALL, "--facts") == 1
    assert bytes_of(folder) == bytes_of(whole)
    assert "rows.parquet: is made already" not in caplog.text
    times = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert predict(tiny_model, [source], folder, SMALL, "--facts") == 1
    assert f"{folder}/rows.parquet: is made already; nothing was written" in caplog.text
    del times[".lock"]
    assert {name: (folder / name).stat().st_mtime_ns for name in times} == times
    # By another table they are others.
    assert predict(tiny_model, [source], folder, SMALL, "--facts", "--places", str(places)) == 1
    assert bytes_of(folder)["rows.parquet"] != bytes_of(whole)["rows.parquet"]
    assert predict(tiny_model, [source], folder, SMALL, "--facts") == 1
    assert bytes_of(folder) == bytes_of(whole)


def test_standard_input_is_there_until_its_facts_are_read(
    tiny_model: Path, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert predict(tiny_model, [source], tmp_path / "file", SMALL, "--facts") == 1
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(source.read_bytes())))
    assert predict(tiny_model, ["-"], tmp_path / "run", SMALL, "--facts") == 1
    rows = [rows_of(tmp_path / name / "rows.parquet") for name in ("file", "run")]
    assert rows[0] == rows[1]
    assert ".stdin" not in bytes_of(tmp_path / "run")


# A stop in the middle


@pytest.mark.parametrize("step", ["read", "write", "durable"])
def test_facts_that_were_stopped_are_made_by_the_same_command(
    tiny_model: Path,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    name = ("--facts", "--facts-file", "rows.csv")
    assert predict(tiny_model, [source], whole, SMALL, *name) == 1
    with monkeypatch.context() as patch, pytest.raises(Killed):
        if step == "read":
            patch.setattr(FactReader, "read", stop)
            # As a process that is killed leaves it, which tidies nothing up.
            patch.setattr(Path, "unlink", lambda path, missing_ok=False: None)
        elif step == "write":
            patch.setattr(facts_file, "sha256_of_file", stop_at(facts_file, "rows.csv"))
        else:
            patch.setattr(facts_file, "write_durably", stop)
        predict(tiny_model, [source], folder, SMALL, *name)
    assert not (folder / "rows.csv.run.json").exists()
    assert (folder / "rows.csv.part").exists() == (step == "read")
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["finished"] is True
    assert predict(tiny_model, [source], folder, SMALL, *name) == 1
    assert bytes_of(folder) == bytes_of(whole)


def stop_at(module: Any, name: str) -> Any:
    """The module's `sha256_of_file`, but for a file of this name."""
    healthy = module.sha256_of_file

    def call(path: Path) -> str:
        if path.name == name:
            raise Killed
        return str(healthy(path))

    return call


@pytest.mark.parametrize("harm", [b"", b"not what was written"])
def test_facts_that_were_changed_are_made_again(
    tiny_model: Path, tmp_path: Path, source: Path, harm: bytes
) -> None:
    folder = tmp_path / "run"
    assert predict(tiny_model, [source], folder, SMALL, "--facts") == 1
    before = bytes_of(folder)
    (folder / "rows.parquet").write_bytes(harm)
    assert predict(tiny_model, [source], folder, SMALL, "--facts") == 1
    assert bytes_of(folder) == before


def test_a_disk_that_is_full_of_facts_is_told(
    tiny_model: Path,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert predict(tiny_model, [source], whole, SMALL, "--facts") == 1

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(FactReader, "read", full)
        assert predict(tiny_model, [source], folder, SMALL, "--facts") == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"{folder}, or the folder for temporary files: No space left on device;")
    assert told.endswith("are done: make room, then give the same command again to go on")
    assert predict(tiny_model, [source], folder, SMALL, "--facts") == 1
    assert bytes_of(folder) == bytes_of(whole)


def test_an_input_that_changes_while_its_facts_are_read_stops_the_run(
    tiny_model: Path,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
) -> None:
    healthy = FactReader.learn

    def learn_and_change(self: FactReader, report: Report) -> None:
        healthy(self, report)
        with source.open("ab") as file:
            file.write(b'{"id": "late", "text": "x"}\n')

    monkeypatch.setattr(FactReader, "learn", learn_and_change)
    assert predict(tiny_model, [source], tmp_path / "run", SMALL, "--facts") == 2
    assert f"{source}: was changed while it was read" in capsys.readouterr().err
    assert not (tmp_path / "run" / "rows.parquet").exists()


# What is refused


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("part-00000.jsonl", "--facts-file part-00000.jsonl: expected the name of a file in the"),
        ("rejected.csv", "--facts-file rejected.csv: expected the name of a file in the"),
        ("review.jsonl", "--facts-file review.jsonl: expected the name of a file in the"),
        (".hidden.csv", "--facts-file .hidden.csv: expected the name of a file in the"),
        ("../rows.csv", "--facts-file ../rows.csv: expected the name of a file in the"),
        ("rows.xlsx", "rows.xlsx: its name does not tell what to write"),
    ],
)
def test_a_name_that_cannot_be_leaves_no_folder(
    random_model: Path, tmp_path: Path, source: Path, capsys: Printed, name: str, told: str
) -> None:
    output = tmp_path / "run"
    assert predict(random_model, [source], output, "--facts", "--facts-file", name) == 2
    assert capsys.readouterr().err.startswith(told)
    assert list(tmp_path.iterdir()) == [source]


def test_a_name_without_facts_or_without_a_folder_is_refused(
    random_model: Path, tmp_path: Path, source: Path, capsys: Printed
) -> None:
    name = ("--facts-file", "rows.csv")
    assert predict(random_model, [source], tmp_path / "run", *name) == 2
    assert capsys.readouterr().err.startswith("--facts-file names the file that --facts writes")
    assert facts_at_once(random_model, source, tmp_path / "rows.csv", *name) == 2
    assert capsys.readouterr().err == (
        "--facts-file is a file beside shards: end --output with a /\n"
    )
    assert list(tmp_path.iterdir()) == [source]
