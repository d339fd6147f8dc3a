"""The same run shared among the processes of a Ray cluster, one of which dies in the middle."""

import gzip
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tiny import invent_reports

from annotation.formats import write_reports
from annotation.report import Report
from inference.__main__ import main
from inference.sharded.folder import RunFolder

if find_spec("ray") is None:
    pytest.skip("Ray is not here: pip install 'rasd[ray]'", allow_module_level=True)

Printed = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Ray on this machine alone, with two processors."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 << 20,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    yield ray
    ray.shutdown()


def predict(model: Path, source: Path, folder: Path, *more: str) -> int:
    arguments = ["predict", "--model", str(model), str(source), "--output", f"{folder}/"]
    return main([*arguments, "--device", "cpu", "--shard-bytes=1500", *more])


BESIDES = ("--review-below", "0.9999", "--facts")
"""What is made beside the shards."""


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """60 reports and a few bad lines in files of all kinds."""
    reports = [Report(r.id, r.text) for r in invent_reports(60, seed=43)]
    folder = tmp_path / "archive"
    folder.mkdir()
    lines = [json.dumps({"id": r.id, "text": r.text}, ensure_ascii=False) for r in reports[:30]]
    lines[7:7] = ['{"id": "broken"', lines[3], '{"text": 5}', '{"text": "رصد"}']
    (folder / "a.jsonl").write_text("\n".join(lines), "utf-8")
    packed = "\n".join(
        lines[4:20] + [json.dumps({"id": r.id, "text": r.text}) for r in reports[30:40]]
    )
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(packed.encode()))
    (folder / "c.parquet").write_bytes(b"PAR1, but no more")
    write_reports(reports[40:50], folder / "d.parquet")
    rows = "".join(f'"{r.id}","{r.text}"\n' for r in reports[50:58])
    (folder / "e.csv").write_text(f"id,text\n{rows}one cell\n", "utf-8")
    for report in reports[58:]:
        (folder / f"{report.id}.txt").write_text(report.text, "utf-8")
    return folder


class WorkerKiller(threading.Thread):
    """Kills one of the cluster's workers once some shards are in."""

    def __init__(self, ray: Any, folder: Path, parts: int) -> None:
        super().__init__(daemon=True)
        self._ray = ray
        self._folder = folder
        self._parts = parts
        self.given_up = threading.Event()
        self.killed: list[int] = []
        self.was_finished: bool | None = None

    def run(self) -> None:
        while len(list(self._folder.glob("part-*.jsonl"))) < self._parts:
            if self.given_up.wait(0.01):
                return
        workers = [
            actor["Pid"]
            for actor in self._ray._private.state.actors().values()
            if actor["State"] == "ALIVE" and "MapWorker" in actor["ActorClassName"]
        ]
        os.kill(workers[0], signal.SIGKILL)
        manifest = json.loads((self._folder / "manifest.json").read_text("utf-8"))
        self.was_finished = manifest["finished"]
        self.killed.append(workers[0])


def test_two_workers_one_of_them_killed_give_what_one_process_gives(
    cluster: Any,
    tiny_model: Path,
    tmp_path: Path,
    archive: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert predict(tiny_model, archive, whole, *BESIDES) == 1
    manifest = json.loads((whole / "manifest.json").read_text("utf-8"))
    assert len(manifest["shards"]) >= 10
    assert manifest["rejected"] == {
        "bad_json": 2, "duplicate_id": 14, "no_text": 2, "unreadable": 2,
    }  # fmt: skip
    assert manifest["predicted"] == 62
    assert manifest["review"]["reports"] > 0
    assert (whole / "rows.parquet").stat().st_size > 0
    # One process begins, and stops.
    healthy = RunFolder.put_in

    def put_in_two(self: RunFolder, shard: Any, *rest: Any) -> None:
        if shard.number == 2:
            raise KeyboardInterrupt
        healthy(self, shard, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "put_in", put_in_two)
        assert predict(tiny_model, archive, folder, *BESIDES) == 130
    assert len(list(folder.glob("part-*.jsonl"))) == 2
    # Ray goes on, and loses a worker.
    slowly = RunFolder.put_in

    def put_in_slowly(self: RunFolder, *rest: Any) -> None:
        slowly(self, *rest)
        # The killer looks for the third shard: before the last it has to have found it.
        if len(self.shards_in) == 3:
            deadline = time.monotonic() + 60
            while not killer.killed and time.monotonic() < deadline:
                time.sleep(0.01)

    monkeypatch.setattr(RunFolder, "put_in", put_in_slowly)
    killer = WorkerKiller(cluster, folder, 3)
    killer.start()
    try:
        workers = ("--engine", "ray", "--ray-workers", "2")
        assert predict(tiny_model, archive, folder, *workers, *BESIDES) == 1
    finally:
        killer.given_up.set()
        killer.join()
    assert len(killer.killed) == 1
    assert killer.was_finished is False
    assert bytes_of(folder) == bytes_of(whole)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--ray-cpus", "99"], "--ray-cpus 99: the Ray cluster has 2 processors; expected no more"),
        (["--device", "cuda"], "--device cuda: the Ray cluster has no GPU; --device cpu works"),
        (["--ray-workers", "0"], "--ray-workers 0: expected 1 or more"),
    ],
)
def test_what_the_cluster_lacks_is_told(
    cluster: Any,
    tiny_model: Path,
    tmp_path: Path,
    archive: Path,
    capsys: Printed,
    more: list[str],
    told: str,
) -> None:
    if "cuda" in more and cluster.cluster_resources().get("GPU"):
        pytest.skip("there is a GPU here")
    assert predict(tiny_model, archive, tmp_path / "run", "--engine", "ray", *more) == 2
    assert capsys.readouterr().err.startswith(told)
