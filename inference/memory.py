"""Going on when the memory does not suffice: in smaller batches, or one clear line.

A device that fails is told apart from a report that a model fails on: the one ends a run, which can
go on later, the other costs its report alone.
"""

import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Condition
from typing import NoReturn

import torch

from annotation.problems import UserError
from inference.decoding import FloatArray
from inference.engine import Engine
from inference.pieces import IntArray
from inference.predictor import BatchPredictor

_PROBE_PIECES = 8
_FEWEST = (0, -1)
"""The pieces that stand at both ends of every window: what no model fails on."""
_SAID = ("out of memory", "not enough memory", "can't allocate memory", "bad_alloc", "alloc_failed")
"""How the allocators of PyTorch, CUDA's libraries and C++ say it, in small letters."""
_BUSY = "busy or unavailable"
"""How CUDA says that others have a GPU to themselves."""
_MEND = "free some, or choose another --device"

log = logging.getLogger(__name__)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the machine or of a GPU, did not suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(said in str(error).lower() for said in _SAID)


@contextmanager
def explained_memory(doing: str) -> Iterator[None]:
    """Turn a lack of memory, or a busy GPU, while `doing` something into a UserError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise UserError(f"{doing}: memory is too short ({_said(error)}); {_MEND}") from None
        if _BUSY in str(error):
            raise UserError(
                f"{doing}: the GPU is taken ({_said(error)}); "
                "wait until it is free, or choose another --device"
            ) from None
        raise


def load_guarded(
    folder: Path,
    *,
    device: str = "auto",
    precision: str = "exact",
    batch_tokens: int | None = None,
    least_score: float | None = None,
) -> BatchPredictor:
    """The predictor of a model folder, which goes on with smaller batches where memory is short.

    See `BatchPredictor.from_pretrained`. Raises UserError.
    """
    with explained_memory(f"{folder}: cannot be loaded"):
        predictor = BatchPredictor.from_pretrained(
            folder,
            device=device,
            precision=precision,
            batch_tokens=batch_tokens,
            least_score=least_score,
        )
    predictor.engine = MemoryGuard(predictor.engine)
    return predictor


class MemoryGuard:
    """An engine that halves its batches when the memory does not suffice, and goes on.

    A window that does not fit even alone is a RuntimeError, as any failure of the model on a
    report is; but where not even a few pieces fit, or nothing at all can be computed any more, a
    UserError: that is no fault of the report.
    """

    def __init__(self, engine: Engine) -> None:
        self.precision = engine.precision
        self.batch_tokens: int | None = None
        """Pieces a batch from now on, padding counted; None: as many as are asked for."""
        self._engine = engine
        self._changed = Condition()
        self._running = 0
        """How many threads have a batch in the engine."""

    def run(self, windows: Sequence[IntArray]) -> list[FloatArray]:
        """See Engine."""
        logits: list[FloatArray] = []
        while len(logits) < len(windows):
            batch = windows[len(logits) : len(logits) + self._fitting(windows[len(logits) :])]
            found, lack = self._try(batch)
            if found is not None:
                logits += found
            elif len(batch) > 1:
                # Never more than what another thread came to.
                half = max(1, _padded(batch) // 2)
                self.batch_tokens = min(half, self.batch_tokens or half)
                log.warning(
                    "memory is short (%s): going on with batches of at most %d pieces",
                    lack,
                    self.batch_tokens,
                )
            else:
                # What another thread has on the device now is no lack that lasts.
                found, lack = self._try(batch, alone=True)
                if found is None:
                    self._give_up(batch[0], lack)
                logits += found
        return logits

    def _fitting(self, windows: Sequence[IntArray]) -> int:
        """How many of the first windows make a batch."""
        if self.batch_tokens is None:
            return len(windows)
        count = 1
        while count < len(windows) and _padded(windows[: count + 1]) <= self.batch_tokens:
            count += 1
        return count

    def _try(
        self, batch: Sequence[IntArray], alone: bool = False
    ) -> tuple[list[FloatArray] | None, str]:
        """The logits, or why the memory did not suffice. `alone`: with no other thread's batch."""
        try:
            return self._run_alone(batch) if alone else self._run_beside(batch), ""
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                if len(batch) == 1:
                    self._check_device(batch[0], error)
                raise
            lack = _said(error)
        # Only here: the error holds on to the frames below, and they to what they had allocated.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None, lack

    def _run_beside(self, batch: Sequence[IntArray]) -> list[FloatArray]:
        with self._changed:
            self._running += 1
        try:
            return self._engine.run(batch)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _run_alone(self, batch: Sequence[IntArray]) -> list[FloatArray]:
        # Nobody begins before this lock is given back.
        with self._changed:
            self._changed.wait_for(lambda: self._running == 0)
            return self._engine.run(batch)

    def _check_device(self, window: IntArray, error: BaseException) -> None:
        """Raise UserError where a failure on a window is one on any."""
        try:
            self._engine.run([window[list(_FEWEST)]])
        except (MemoryError, RuntimeError):
            raise UserError(
                f"the model fails on every text, even on {len(_FEWEST)} pieces ({_said(error)}); "
                "see to the device, or choose another --device"
            ) from None

    def _give_up(self, window: IntArray, lack: str) -> NoReturn:
        few = [window[:_PROBE_PIECES]]
        if len(window) > _PROBE_PIECES and self._try(few, alone=True)[0] is not None:
            raise RuntimeError(f"memory is too short for {len(window)} pieces at once ({lack})")
        count = min(len(window), _PROBE_PIECES)
        raise UserError(f"memory is too short even for {count} pieces ({lack}); {_MEND}")


def _padded(windows: Sequence[IntArray]) -> int:
    return max(map(len, windows)) * len(windows)


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:150] or type(error).__name__
