"""The benchmark from end to end, one turn on a few texts; its figures mean nothing here."""

import json
import os
import shutil
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import invent_reports, join_reports

from annotation.formats import write_reports
from annotation.problems import UserError
from annotation.report import Report
from inference.__main__ import main
from inference.benchmark import benchmark, machine
from inference.benchmark.alone import run_alone
from inference.benchmark.benchmark import NEEDED, run_benchmark
from inference.benchmark.measuring import count_work
from inference.benchmark.table import speed_table
from inference.benchmark.ways import WAYS, Setting
from inference.matrix_rate import MATRIX, measured_matrix_rate
from inference.model_folder import load_model
from inference.pieces import read_pieces

RIVALS = ["pipeline", "torch", "onnx-fp32", "onnx-int8"]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    joined = join_reports(invent_reports(6, seed=61))
    write_reports([*invent_reports(5, seed=60), joined, Report("blank", " ", ())], file)
    return file


@pytest.fixture(scope="module")
def measured(tiny_model: Path, texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not all(map(find_spec, ("openvino", *NEEDED))):
        pytest.skip("needs pip install 'rasd[benchmark]'")
    output = tmp_path_factory.mktemp("speed")
    command = ["benchmark", "--model", str(tiny_model), str(texts), "--output", str(output)]
    assert main([*command, "--repetitions", "1", "--device", "cpu"]) == 0
    return output


@pytest.fixture(scope="module")
def content(measured: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((measured / "benchmark.json").read_text("utf-8"))
    return found


def test_every_way_is_measured_or_it_is_told_why_not(
    content: dict[str, Any], tiny_model: Path
) -> None:
    ways = {way["name"]: way for way in content["ways"]}
    assert set(ways) | set(content["left_out"]) == set(WAYS)
    assert set(ways) >= {"exact", "fast", "reference", *RIVALS}
    assert "has no int8 network" in content["left_out"]["fastest"]
    for name in ("pipeline-mkl", "torch-mkl"):
        assert name in ways or content["left_out"][name]
    for way in ways.values():
        assert len(way["seconds"]) == 1 and way["seconds"][0] > 0
        assert way["pieces_per_second"] == pytest.approx(
            content["work"]["pieces"] / way["seconds"][0]
        )
        assert way["load_seconds"] > 0
        # A process with PyTorch in it, and no other's memory.
        assert 1e8 < way["peak_memory"] < 3e9
    assert ways["pipeline"]["batch"] in (1, 8, 32)
    assert ways["onnx-int8"]["batch"] in (1, 2048)


def test_spans_are_held_against_the_reference_and_gold(content: dict[str, Any]) -> None:
    ways = {way["name"]: way for way in content["ways"]}
    for name in ("reference", "exact", "torch", "onnx-fp32"):
        assert (ways[name]["agreement"], ways[name]["same_reports"]) == (1, 1)
        assert ways[name]["f1"] > 0.95
    assert ways["fast"]["agreement"] > 0.9
    assert ways["onnx-int8"]["agreement"] > 0.8
    # It groups pieces and not words, so it is another reading of the same tags.
    assert 0.2 < ways["pipeline"]["agreement"] <= 1


def test_work_is_that_of_the_real_text(
    content: dict[str, Any], tiny_model: Path, texts: Path
) -> None:
    loaded = load_model(tiny_model, "cpu")
    lines = [json.loads(line) for line in texts.read_text("utf-8").splitlines()]
    kept = [line["text"] for line in lines if line["text"].strip()]
    work = content["work"]
    assert (work["reports"], work["characters"]) == (6, sum(map(len, kept)))
    assert work["pieces"] == sum(len(r.ids) for r in read_pieces(loaded.tokenizer, kept))


def test_operations_are_those_of_the_layers_counted_by_hand(
    tiny_model: Path, tmp_path: Path
) -> None:
    write_reports([Report("a", "قوات " * 30)], tmp_path / "one.jsonl")
    work = count_work(Setting(tiny_model, "cpu", 0, tmp_path), tmp_path / "one.jsonl")
    assert (work.reports, work.pieces) == (1, 30)
    pieces, hidden, inner, layers, tags = 32, 64, 128, 2, 7
    a_layer = 4 * hidden * hidden + 2 * hidden * inner
    matrices = pieces * (layers * a_layer + hidden * tags)
    attention = layers * 2 * pieces * pieces * hidden
    assert work.operations == 2 * (matrices + attention)


def test_files_carry_what_was_measured(content: dict[str, Any], measured: Path) -> None:
    assert sorted(path.name for path in measured.iterdir()) == [
        "benchmark.json",
        "benchmark.md",
        "speed.svg",
    ]
    assert (measured / "benchmark.md").read_text("utf-8").splitlines() == "\n".join(
        speed_table(content)
    ).splitlines()
    picture = (measured / "speed.svg").read_text("utf-8")
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert content["machine"]["cores"] >= 1
    assert content["matrix_rates"].keys() == {"fp32", "bf16"}
    assert {"torch", "openvino", "onnxruntime"} <= content["versions"].keys()
    assert len(content["model"]) == 64


def test_the_table_has_a_row_a_way_and_ratios_against_the_pipeline(
    content: dict[str, Any],
) -> None:
    ways = {way["name"]: way for way in content["ways"]}
    lines = speed_table(content)
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][2:]
    assert [row[0] for row in rows] == [way["title"] for way in content["ways"]]
    head = next(line for line in lines if line.startswith("| way")).strip("| ").split(" | ")
    column = head.index("× pipeline")
    for row, way in zip(rows, content["ways"], strict=True):
        ratio = way["pieces_per_second"] / ways["pipeline"]["pieces_per_second"]
        assert float(row[column].replace(",", "")) == pytest.approx(ratio, abs=0.006)
    other = {**content, "ways": [*content["ways"], {**ways["pipeline"], "name": "pipeline-mkl"}]}
    assert any("× pipeline with MKL's fast path" in line for line in speed_table(other))


# What cannot be measured


def test_what_is_asked_wrongly_is_told_at_once(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        run_benchmark(tiny_model, ["x"], tmp_path, repetitions=0, only=["exact", "fastets"])
    first, second = str(refused.value).splitlines()[:2]
    assert first == "--repetitions 0: expected 1 or more"
    assert second.startswith("--only fastets: expected some of exact, fast, fastest, pipeline")


def test_reports_without_text_are_refused(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_reports([Report("a", " ")], tmp_path / "blank.jsonl")
    monkeypatch.setattr(benchmark, "NEEDED", ())
    with pytest.raises(UserError, match="no text in it; expected reports to measure with"):
        run_benchmark(tiny_model, [str(tmp_path / "blank.jsonl")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _die() -> None:
    os.kill(os.getpid(), 9)


def _refuse() -> None:
    raise UserError("no such thing")


def test_a_process_that_is_killed_costs_only_its_way() -> None:
    with pytest.raises(UserError, match="its process was killed"):
        run_alone(_die, None)
    with pytest.raises(UserError, match="no such thing"):
        run_alone(_refuse, None)
    assert run_alone(os.getpid, None) != os.getpid()


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_preloaded_answer_is_there_in_the_child_alone(tmp_path: Path) -> None:
    library = machine.build_vendor_answer(tmp_path)
    assert run_alone(_vendor_answer, library) == 1
    assert "LD_PRELOAD" not in os.environ


def _vendor_answer() -> int:
    import ctypes

    return int(ctypes.CDLL(None).mkl_serv_intel_cpu_true())


@pytest.mark.parametrize(
    ("vendor", "why"),
    [
        ("GenuineIntel", "does not apply: the processor is Intel's"),
        ("AuthenticAMD", None),
        (None, "the vendor is not known"),
    ],
)
def test_mkl_has_two_paths_where_the_processor_is_not_intels(
    vendor: str | None, why: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_cpu_info", lambda key: vendor)
    monkeypatch.setattr(machine, "_compiler", lambda: "cc")
    monkeypatch.setattr("torch.backends.mkl.is_available", lambda: True)
    assert machine.why_one_mkl_path("cpu") == why
    if vendor == "AuthenticAMD":
        monkeypatch.setattr(machine, "_compiler", lambda: None)
        assert machine.why_one_mkl_path("cpu") == "not measured: needs a C compiler"


def test_a_matrix_rate_counts_two_operations_an_element(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    clock = iter(np.arange(0, 1_000, 0.5).tolist())
    monkeypatch.setattr("inference.matrix_rate.time.perf_counter", lambda: next(clock))
    monkeypatch.setattr("inference.matrix_rate.REPETITIONS", 1)
    assert measured_matrix_rate(torch.device("cpu"), torch.bfloat16) == 2 * MATRIX**3 / 0.5
