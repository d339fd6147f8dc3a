"""Shares the shards of a run among the processes of a Ray cluster, with Ray Data.

The stretches are read where the command runs and carried to the workers as bytes; their importers
are ours, and so are the bytes that come back, in the order of the shards. Ray starts a worker that
died anew and gives its shard to it again. The model's files travel too: the other machines need
Rasd installed, but neither the inputs nor the model.
"""

import logging
import os
import pickle
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray
import ray.data
import torch
from numpy.typing import NDArray
from ray.data.exceptions import ExecutionTimeoutError
from ray.exceptions import RayError

from annotation.formats.options import ReadOptions
from annotation.formats.stretch_reader import StretchReader
from annotation.problems import UserError
from inference.sharded.plan import Shard, load_pieces
from inference.sharded.run import ShardOutcomes
from inference.sharded.settings import ModelOfRun, RunSettings
from inference.sharded.shard import ShardOutcome, predict_shard

_READERS = 2
"""How many read at once; what they read waits in Ray's store until a worker is free."""
_TASKS_OF_WORKER = 2
"""The shard that a worker is at, and one that it finds ready."""
_SHARD_SECONDS = 3 * 60 * 60

ModelFiles = dict[str, NDArray[np.uint8]]
"""The bytes of a model folder's files by their names; arrays travel without being copied."""


@dataclass(frozen=True, slots=True)
class RayRunner:
    """A ShardRunner. Uses the Ray that this process is connected to, if it is to one."""

    address: str | None = None
    """A cluster that this machine is part of; None: one of its own, for as long as it takes."""
    workers: int | None = None
    """None: one for each GPU or, on processors, as many as there is room for."""
    cpus: int = 1
    """Processors of each worker, where it runs on them."""

    def __call__(
        self, model: ModelOfRun, shards: Sequence[Shard], settings: RunSettings
    ) -> ShardOutcomes:
        """See ShardRunner."""
        connects = not ray.is_initialized()
        try:
            if connects:
                self._connect()
            _keep_off_the_terminal()
            yield from self._predict(model, shards, settings)
        except (RayError, ExecutionTimeoutError, ConnectionError) as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise UserError(f"Ray gave up: {said[-1].strip()}") from None
        finally:
            if connects:
                ray.shutdown()

    def _connect(self) -> None:
        # Ray tells its makers of each cluster unless it is asked not to.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        own = {} if self.address else {"include_dashboard": False}
        address = self.address or "local"
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)

    def _predict(
        self, model: ModelOfRun, shards: Sequence[Shard], settings: RunSettings
    ) -> Iterator[ShardOutcome]:
        worker = _WorkerOfRun(model, settings, self.cpus)
        with ray.data.DataContext.current(_context(settings)):
            groups = [pickle.dumps(group) for group in _reading_groups(shards)]
            dataset = (
                ray.data.from_items(
                    [{"shards": group} for group in groups], override_num_blocks=len(groups)
                )
                .map_batches(
                    _read_shards,
                    fn_args=(settings.options,),
                    batch_format="pyarrow",
                    # Reading waits for disks: it takes no processor away from the workers.
                    num_cpus=0,
                    compute=ray.data.TaskPoolStrategy(size=_READERS),
                    label_selector={"ray.io/node-id": ray.get_runtime_context().get_node_id()},
                )
                .map_batches(
                    ShardWorker,
                    fn_constructor_args=(worker, ray.put(_files_of(model.folder))),
                    # A shard; on GPUs a number is asked for.
                    batch_size=1,
                    batch_format="pyarrow",
                    compute=ray.data.ActorPoolStrategy(
                        size=min(self._pool_size(model), len(groups)),
                        max_tasks_in_flight_per_actor=_TASKS_OF_WORKER,
                    ),
                    **({"num_gpus": 1} if model.device == "cuda" else {"num_cpus": self.cpus}),
                )
            )
        expected = iter(shards)
        for block in dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
            for number, answer in _rows(block):
                if isinstance(answer, UserError):
                    raise answer
                if number != next(expected).number:
                    raise RuntimeError(f"Ray gave shard {number} out of its order")
                yield answer

    def _pool_size(self, model: ModelOfRun) -> int:
        there = ray.cluster_resources()
        if model.device == "cuda":
            room = int(there.get("GPU", 0))
            if not room:
                raise UserError("--device cuda: the Ray cluster has no GPU; --device cpu works")
        else:
            room = int(there.get("CPU", 0)) // self.cpus
            if not room:
                raise UserError(
                    f"--ray-cpus {self.cpus}: the Ray cluster has {int(there.get('CPU', 0))} "
                    "processors; expected no more than one machine of it has"
                )
        return self.workers or room


def _context(settings: RunSettings) -> Any:
    context = ray.data.DataContext.get_current().copy()
    context.execution_options.preserve_order = True
    # Otherwise shards that are read together would be one block, and go to one worker.
    context.target_max_block_size = max(1, settings.shard_bytes // 2)
    # The longest that a shard may take: a file that cannot be cut is one, however large.
    context.execution_no_progress_timeout_s = _SHARD_SECONDS
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    return context


def _keep_off_the_terminal() -> None:
    """Leave Ray Data's log to its file. What ends a run is told by us, in one line."""
    for handler in logging.getLogger("ray.data").handlers:
        if handler.name == "console":
            handler.setLevel(logging.CRITICAL)


def _reading_groups(shards: Sequence[Shard]) -> list[list[Shard]]:
    """Shards that are read by one reader one after the other: those of one packed file, or table.

    Others are read each on its own.
    """
    groups: list[list[Shard]] = []
    for shard in shards:
        first = shard.pieces[0]
        in_order = first.source.packed or first.source.format == "parquet"
        if groups and in_order and first.stretch.start > 0:
            groups[-1].append(shard)
        else:
            groups.append([shard])
    return groups


def _read_shards(block: pa.Table, options: ReadOptions) -> Iterator[pa.Table]:
    with StretchReader(options) as reader:
        for group in block["shards"].to_pylist():
            for shard in pickle.loads(group):
                try:
                    yield _row(shard.number, list(load_pieces(reader, shard.pieces)))
                except UserError as error:
                    yield _row(shard.number, error)


def _files_of(folder: Path) -> ModelFiles:
    """A model folder without what its fitting left behind."""
    return {
        path.relative_to(folder).as_posix(): np.fromfile(path, np.uint8)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.relative_to(folder).parts[0].startswith("checkpoint")
    }


@dataclass(frozen=True, slots=True)
class _WorkerOfRun:
    model: ModelOfRun
    settings: RunSettings
    threads: int


class ShardWorker:
    """The predictor in a process of the cluster."""

    def __init__(self, run: _WorkerOfRun, files: "ray.ObjectRef[ModelFiles]") -> None:
        self._run = run
        torch.set_num_threads(run.threads)
        with tempfile.TemporaryDirectory() as folder:
            for name, content in ray.get(files).items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            self._predictor = replace(run.model, folder=Path(folder)).load()

    def __call__(self, block: pa.Table) -> Iterator[pa.Table]:
        """The outcomes of the shards of a block."""
        # OpenMP keeps it for each thread, and Ray calls from another one.
        torch.set_num_threads(self._run.threads)
        for number, contents in _rows(block):
            answer = contents
            if not isinstance(contents, UserError):
                try:
                    answer = predict_shard(self._predictor, contents, self._run.settings)
                except UserError as error:
                    answer = error
            yield _row(number, answer)


def _row(number: int, content: object) -> pa.Table:
    """A shard's number and what is known of it; a UserError in its place ends the run."""
    packed = pa.array([pickle.dumps(content)], pa.large_binary())
    return pa.table({"shard": [number], "content": packed})


def _rows(block: pa.Table) -> Iterator[tuple[int, Any]]:
    for number, content in zip(block["shard"], block["content"], strict=True):
        yield number.as_py(), pickle.loads(content.as_buffer())
