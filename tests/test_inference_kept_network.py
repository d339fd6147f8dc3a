"""The float32 network that a machine keeps of a model: made once, by a process of its own."""

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from reference import Reference
from tiny import invent_reports

from annotation.bundled import HOME
from annotation.problems import UserError
from inference import kept_network
from inference.kept_network import KEPT, MODELLING, NETWORK, load_network, write_network
from inference.openvino_engine import openvino_is_installed
from inference.predictor import BatchPredictor

pytestmark = pytest.mark.skipif(
    not openvino_is_installed(), reason="needs pip install 'rasd[openvino]'"
)

PREDICT = f"""
import json, logging, sys
logging.basicConfig(level="INFO", format="%(message)s")
from annotation.report import Report
from inference.predictor import BatchPredictor
predictor = BatchPredictor.from_pretrained(sys.argv[1], device="cpu")
reports = (Report(str(number), text) for number, text in enumerate(json.loads(sys.argv[2])))
found = [[[s.start, s.end, s.label] for s in report.spans] for report in predictor.predict(reports)]
print(json.dumps([type(predictor.engine).__name__, {MODELLING!r} in sys.modules, found]))
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one; Rasd's own folder in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rasd"


def kept_in(cache: Path) -> list[str]:
    return sorted(folder.name for folder in cache.iterdir())


def another(model: Path, folder: Path) -> Path:
    """A model that differs in what decides nothing but the hash."""
    shutil.copytree(model, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["name"] = folder.name
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


def test_a_process_that_predicts_never_holds_the_models_own_code(
    tiny_model: Path, cache: Path
) -> None:
    reports = invent_reports(9)
    expected = [
        [[span.start, span.end, span.label] for span in report.spans or ()]
        for report in Reference(tiny_model).predictor.predict(reports)
    ]
    texts = json.dumps([report.text for report in reports])
    assert sum(map(len, expected)) > 20
    for call in ("first", "second"):
        done = subprocess.run(
            [sys.executable, "-c", PREDICT, str(tiny_model), texts],
            cwd=HOME,
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout) == ["OpenVINOEngine", False, expected]
        told = f"converting {tiny_model} for OpenVINO, once for this machine, into {cache}"
        assert (told in done.stderr) == (call == "first")
    assert len(kept_in(cache)) == 1


def test_a_network_is_made_once(
    tiny_model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="inference.kept_network")
    load_network(tiny_model)
    (name,) = kept_in(cache)
    assert [record.getMessage() for record in caplog.records] == [
        f"converting {tiny_model} for OpenVINO, once for this machine, into {cache}"
    ]
    monkeypatch.setattr(kept_network, "write_network", None)
    load_network(tiny_model)
    assert kept_in(cache) == [name]
    assert len(caplog.records) == 1


def test_a_damaged_network_is_made_anew(tiny_model: Path, cache: Path) -> None:
    reports = invent_reports(9)
    reference = Reference(tiny_model)
    load_network(tiny_model)
    (name,) = kept_in(cache)
    (cache / name / NETWORK).write_text("<net", "utf-8")
    predictor = BatchPredictor.from_pretrained(tiny_model, device="cpu")
    assert type(predictor.engine).__name__ == "OpenVINOEngine"
    assert reference.differing(reports, list(predictor.predict(reports))) == []
    assert kept_in(cache) == [name]


def test_the_networks_that_were_used_last_are_kept(
    tiny_model: Path, cache: Path, tmp_path: Path
) -> None:
    models = [another(tiny_model, tmp_path / f"model-{number}") for number in range(KEPT + 1)]
    names: list[str] = []
    for model in models[:KEPT]:
        load_network(model)
        (new,) = set(kept_in(cache)) - set(names)
        names.append(new)
        # As if it had been used long ago, the first one longest.
        os.utime(cache / new, (len(names), len(names)))
    load_network(models[0])
    load_network(models[KEPT])
    left = kept_in(cache)
    assert len(left) == KEPT
    assert names[0] in left
    assert names[1] not in left, "of all that were there it was not used for longest"


def test_what_was_never_finished_goes_after_a_day(tiny_model: Path, cache: Path) -> None:
    of_yesterday, of_today = cache / "network-a.part", cache / "network-b.part"
    for folder in (of_yesterday, of_today):
        folder.mkdir(parents=True)
    long_ago = time.time() - 25 * 3600
    os.utime(of_yesterday, (long_ago, long_ago))
    load_network(tiny_model)
    assert not of_yesterday.exists()
    assert of_today.is_dir()
    assert len(kept_in(cache)) == 2


def test_two_processes_may_make_the_same_network(
    tiny_model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one is quicker: it comes while this one converts."""

    def write_twice(model: Path, folder: Path) -> None:
        monkeypatch.setattr(kept_network, "write_network", write_network)
        load_network(model)
        write_network(model, folder)

    monkeypatch.setattr(kept_network, "write_network", write_twice)
    load_network(tiny_model)
    assert [name.endswith(".part") for name in kept_in(cache)] == [False]


def test_where_the_disk_is_full_nothing_is_kept(
    tiny_model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tiny_model)
    full = usage._replace(free=1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    reports = invent_reports(5)
    predictor = BatchPredictor.from_pretrained(tiny_model, device="cpu")
    assert type(predictor.engine).__name__ == "OpenVINOEngine"
    assert Reference(tiny_model).differing(reports, list(predictor.predict(reports))) == []
    assert kept_in(cache) == []


def test_weights_that_are_broken_are_told_whoever_reads_them(
    tiny_model: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = another(tiny_model, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"none")
    room = tmp_path / "room"
    room.mkdir()
    assert not kept_network._written_apart(broken, room)
    assert kept_network._written_apart(tiny_model, room)
    # As in a process that has not loaded any model yet.
    monkeypatch.setattr(kept_network, "MODELLING", "not imported")
    with pytest.raises(UserError, match=r"model\.safetensors: broken or cut short"):
        BatchPredictor.from_pretrained(broken, device="cpu")
    assert kept_in(cache) == []
