"""Computing while the next input is prepared and the last output used."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

T = TypeVar("T")


def computed_ahead(
    items: Iterable[T], compute: Callable[[T, Event], None], at_once: int = 1
) -> Generator[T, None, None]:
    """Yield each item, in order, once `compute` is through with it, in a thread of its own.

    `items` are drawn and used in the caller's thread: one is computed while the next is drawn, and
    while what came before is used. `at_once` are computed at a time; at most that many and two
    more are held. `compute` gets an event that is set when nobody waits any longer (the caller
    closed this, or an item failed): it may then leave its work undone. What it raises is raised
    here, at its item's turn.
    """
    stopped = Event()
    with ThreadPoolExecutor(at_once, "engine") as threads:
        waiting: deque[tuple[T, Future[None]]] = deque()
        try:
            for item in items:
                waiting.append((item, threads.submit(compute, item, stopped)))
                if len(waiting) > at_once:
                    yield _finished(*waiting.popleft())
            while waiting:
                yield _finished(*waiting.popleft())
        finally:
            stopped.set()


def _finished(item: T, future: Future[None]) -> T:
    future.result()
    return item
