"""Engines that run out of memory."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from annotation.problems import UserError
from inference.memory import MemoryGuard, explained_memory, is_out_of_memory


class Engine:
    """Gives each piece its id, and takes no more than `room` pieces at once, padding counted."""

    precision = "exact"

    def __init__(self, room: int, error: Exception | None = None) -> None:
        self.room = room
        self.error = error or torch.OutOfMemoryError("CUDA out of memory")
        self.batches: list[tuple[int, int]] = []
        """[windows, longest] of each call"""

    def run(self, windows: Sequence[NDArray[np.int64]]) -> list[NDArray[np.float32]]:
        longest = max(map(len, windows))
        self.batches.append((len(windows), longest))
        if len(windows) * longest > self.room:
            raise self.error
        return [window[:, None].astype(np.float32) for window in windows]


def windows_of(*lengths: int) -> list[NDArray[np.int64]]:
    return [np.arange(n, n + length) for n, length in enumerate(lengths)]


def same(found: list[Any], windows: list[Any]) -> bool:
    return all(np.array_equal(a[:, 0], b) for a, b in zip(found, windows, strict=True))


def test_nothing_changes_where_there_is_room() -> None:
    engine = Engine(1_000)
    guard = MemoryGuard(engine)
    windows = windows_of(9, 8, 7)
    assert same(guard.run(windows), windows)
    assert engine.batches == [(3, 9)]
    assert guard.batch_tokens is None


@pytest.mark.parametrize("error", [None, MemoryError(), RuntimeError("std::bad_alloc")])
def test_batches_are_halved_until_they_fit_and_stay_so(
    error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    engine = Engine(50, error)
    guard = MemoryGuard(engine)
    windows = windows_of(*[20] * 5, *[10] * 4)
    assert same(guard.run(windows), windows)
    # 180 and 80 pieces fail, 40 fit.
    assert engine.batches == [(9, 20), (4, 20), (2, 20), (2, 20), (2, 20), (3, 10)]
    assert guard.batch_tokens == 40
    assert same(guard.run(windows), windows)
    assert engine.batches[6:] == [(2, 20), (2, 20), (2, 20), (3, 10)]
    assert [record.getMessage() for record in caplog.records][-1].endswith(
        "going on with batches of at most 40 pieces"
    )
    assert len(caplog.records) == 2


def test_a_window_that_does_not_fit_alone_fails_as_its_report() -> None:
    guard = MemoryGuard(Engine(50))
    with pytest.raises(RuntimeError, match="memory is too short for 60 pieces at once"):
        guard.run(windows_of(60))
    windows = windows_of(40, 20)
    assert same(guard.run(windows), windows)


def test_what_another_thread_holds_is_waited_for() -> None:
    """Two threads fill a device together; one window fits, two do not."""
    both_inside, both_told = Barrier(2), Barrier(2)
    calls, inside = count(1), [0]

    class Shared(Engine):
        def run(self, windows: Sequence[NDArray[np.int64]]) -> list[NDArray[np.float32]]:
            inside[0] += 1
            try:
                if next(calls) <= 2:
                    both_inside.wait(60)
                    # Neither leaves before both have seen that they are two.
                    lack = inside[0] > 1
                    both_told.wait(60)
                else:
                    lack = inside[0] > 1
                if lack:
                    raise self.error
                return super().run(windows)
            finally:
                inside[0] -= 1

    guard = MemoryGuard(Shared(50))
    windows = windows_of(40)
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(guard.run, windows) for _ in range(2)]
        assert all(same(one.result(), windows) for one in both)


def test_where_nothing_fits_the_run_is_stopped() -> None:
    with pytest.raises(UserError, match=r"memory is too short even for 8 pieces \(CUDA out of"):
        MemoryGuard(Engine(7)).run(windows_of(60, 60))


def test_other_failures_are_passed_on() -> None:
    engine = Engine(10, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match=r"^shapes do not match$"):
        MemoryGuard(engine).run(windows_of(6, 6))
    assert engine.batches == [(2, 6)]


def test_a_window_on_which_the_model_fails_is_told_from_a_device_that_fails() -> None:
    engine = Engine(10, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match=r"^shapes do not match$"):
        MemoryGuard(engine).run(windows_of(12))
    assert engine.batches == [(1, 12), (1, 2)]
    engine = Engine(1, RuntimeError("CUDA error: unspecified launch failure"))
    with pytest.raises(UserError, match=r"fails on every text, even on 2 pieces \(CUDA error: un"):
        MemoryGuard(engine).run(windows_of(12))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate "
                      "memory: you tried to allocate 80000000000 bytes"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"),
         True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)  # fmt: skip
def test_a_lack_of_memory_is_told_apart(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_a_real_lack_of_memory_is_told_in_one_line() -> None:
    with (
        pytest.raises(UserError, match=r"^model: memory is too short \(.*\); free some, or choose"),
        explained_memory("model"),
    ):
        torch.empty(1 << 60, dtype=torch.uint8)
    busy = RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable")
    with pytest.raises(UserError, match=r"^model: the GPU is taken"), explained_memory("model"):
        raise busy
    with pytest.raises(ZeroDivisionError), explained_memory("model"):
        _ = 1 // 0
