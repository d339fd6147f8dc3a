"""Prediction where memory is short, or a device is taken or fails: into a file and into shards."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from test_inference_sharded import let_fail, lines_of, write_lines
from tiny import invent_reports

from annotation.report import Report
from inference.__main__ import main
from inference.predictor import BatchPredictor

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def reports() -> list[Report]:
    return invent_reports(24, seed=41)


@pytest.fixture
def source(tmp_path: Path, reports: list[Report]) -> Path:
    return write_lines(tmp_path / "in.jsonl", [{"id": r.id, "text": r.text} for r in reports])


def predict(model: Path, source: Path, output: str, *more: str) -> int:
    arguments = ["predict", "--model", str(model), str(source), "--output", output]
    return main([*arguments, "--device", "cpu", *more])


def test_a_run_into_a_file_goes_on_in_smaller_batches(
    tiny_model: Path,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    whole, short = tmp_path / "whole.jsonl", tmp_path / "short.jsonl"
    assert predict(tiny_model, source, str(whole)) == 0
    sizes: list[int] = []

    def look(windows: Any) -> None:
        size = max(map(len, windows)) * len(windows)
        if size > 200:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        sizes.append(size)

    let_fail(monkeypatch, look)
    assert predict(tiny_model, source, str(short)) == 0
    assert max(sizes) <= 200 < 2 * max(sizes)
    assert "going on with batches of at most" in caplog.text
    found, expected = lines_of(short), lines_of(whole)
    assert len(found) == 24
    for line, other in zip(found, expected, strict=True):
        assert line["id"] == other["id"]
        assert [(s["start"], s["end"], s["label"]) for s in line["spans"]] == [
            (s["start"], s["end"], s["label"]) for s in other["spans"]
        ]
        for one, before in zip(line["spans"], other["spans"], strict=True):
            assert one["score"] == pytest.approx(before["score"], abs=1e-3)


@pytest.mark.parametrize("output", ["out.jsonl", "run/"])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
            "memory is too short even for 8 pieces (CUDA out of memory. Tried to allocate 2.00 "
            "GiB); free some, or choose another --device",
        ),
        (
            RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel errors might be"),
            "the model fails on every text, even on 2 pieces (CUDA error: unspecified launch "
            "failure CUDA kernel errors might be); see to the device, or choose another --device",
        ),
    ],
    ids=["no memory", "failed device"],
)
def test_a_device_on_which_nothing_runs_any_more_ends_the_run_and_sets_no_report_aside(
    random_model: Path,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
    error: Exception,
    told: str,
    output: str,
) -> None:
    calls = {"made": 0}

    def look(windows: Any) -> None:
        calls["made"] += 1
        if calls["made"] > 1:
            raise error

    let_fail(monkeypatch, look)
    # Several batches, so that some are computed before.
    more = ("--batch-tokens", "256", *(("--shard-bytes", "1500") if "/" in output else ()))
    assert predict(random_model, source, f"{tmp_path}/{output}", *more) == 2
    assert capsys.readouterr().err.splitlines()[-1] == told
    rejected = list(tmp_path.rglob("*rejected.jsonl"))
    assert rejected == []
    if "/" not in output:
        assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("output", ["out.jsonl", "run/"])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
            "cannot be loaded: memory is too short (CUDA out of memory. Tried to allocate 2.00 "
            "GiB); free some, or choose another --device",
        ),
        (
            RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable"),
            "cannot be loaded: the GPU is taken (CUDA error: all CUDA-capable devices are busy or "
            "unavailable); wait until it is free, or choose another --device",
        ),
    ],
    ids=["too small", "busy"],
)
def test_a_gpu_that_is_busy_or_too_small_is_told_in_one_line(
    random_model: Path,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
    error: Exception,
    told: str,
    output: str,
) -> None:
    def load(*_: Any, **__: Any) -> BatchPredictor:
        raise error

    monkeypatch.setattr(BatchPredictor, "from_pretrained", load)
    assert predict(random_model, source, f"{tmp_path}/{output}") == 2
    assert capsys.readouterr().err.splitlines() == [f"{random_model}: {told}"]
    assert not (tmp_path / "out.jsonl").exists()


def test_a_hundred_thousand_empty_reports_are_as_many_predictions(
    random_model: Path, tmp_path: Path
) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    with source.open("w", encoding="utf-8") as file:
        file.writelines(f'{{"id": "r{n}", "text": ""}}\n' for n in range(100_000))
    assert predict(random_model, source, str(output)) == 0
    with output.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream):
            assert json.loads(line) == {"id": f"r{number}", "spans": [], "uncertainty": 0.0}
    assert number == 99_999
