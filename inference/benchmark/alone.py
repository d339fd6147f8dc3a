"""Runs a function in a fresh process, so that its memory and its threads are its own."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

from annotation.problems import UserError

P = ParamSpec("P")
R = TypeVar("R")

PRELOAD = "LD_PRELOAD"


def run_alone(
    function: Callable[P, R], preload: Path | None, *arguments: P.args, **named: P.kwargs
) -> R:
    """What `function` gives or raises; with `preload`, that library is loaded before all others.

    Processes are forked off one that has imported the libraries and computed nothing, which is
    quick; one with `preload` starts from nothing. Raises UserError where the process was killed.
    """
    context = get_context("spawn" if preload else "forkserver")
    if preload is None:
        context.set_forkserver_preload(["inference.benchmark.measuring"])
    with _environment(preload), ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(function, *arguments, **named).result()
        except BrokenProcessPool:
            raise UserError("its process was killed; was the memory enough?") from None


@contextmanager
def _environment(preload: Path | None) -> Iterator[None]:
    before = os.environ.get(PRELOAD)
    if preload is not None:
        os.environ[PRELOAD] = str(preload)
    try:
        yield
    finally:
        if preload is not None:
            del os.environ[PRELOAD]
            if before is not None:
                os.environ[PRELOAD] = before
