"""Going on when the memory does not suffice: in smaller batches, or one clear line."""

import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import torch

from annotation.problems import UserError
from inference.decoding import FloatArray
from inference.engine import Engine
from inference.pieces import IntArray

_PROBE_PIECES = 8
_SAID = ("out of memory", "not enough memory", "can't allocate memory", "bad_alloc", "alloc_failed")
"""How the allocators of PyTorch, CUDA's libraries and C++ say it, in small letters."""
_MEND = "free some, or choose another --device"

log = logging.getLogger(__name__)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the machine or of a GPU, did not suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(said in str(error).lower() for said in _SAID)


@contextmanager
def explained_memory(doing: str) -> Iterator[None]:
    """Turn a lack of memory while `doing` something into a UserError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(f"{doing}: memory is too short ({_said(error)}); {_MEND}") from None


class MemoryGuard:
    """An engine that halves its batches when the memory does not suffice, and goes on.

    A window that does not fit even alone is a RuntimeError, as any failure of the model on a
    report is; but where not even a few pieces fit, a UserError: that is no fault of the report.
    """

    def __init__(self, engine: Engine) -> None:
        self.precision = engine.precision
        self.batch_tokens: int | None = None
        """Pieces a batch from now on, padding counted; None: as many as are asked for."""
        self._engine = engine

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
                self._give_up(batch[0], lack)
        return logits

    def _fitting(self, windows: Sequence[IntArray]) -> int:
        """How many of the first windows make a batch."""
        if self.batch_tokens is None:
            return len(windows)
        count = 1
        while count < len(windows) and _padded(windows[: count + 1]) <= self.batch_tokens:
            count += 1
        return count

    def _try(self, batch: Sequence[IntArray]) -> tuple[list[FloatArray] | None, str]:
        """The logits, or why the memory did not suffice."""
        try:
            return self._engine.run(batch), ""
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            lack = _said(error)
        # Only here: the error holds on to the frames below, and they to what they had allocated.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None, lack

    def _give_up(self, window: IntArray, lack: str) -> NoReturn:
        if len(window) > _PROBE_PIECES and self._try([window[:_PROBE_PIECES]])[0] is not None:
            raise RuntimeError(f"memory is too short for {len(window)} pieces at once ({lack})")
        count = min(len(window), _PROBE_PIECES)
        raise UserError(f"memory is too short even for {count} pieces ({lack}); {_MEND}")


def _padded(windows: Sequence[IntArray]) -> int:
    return max(map(len, windows)) * len(windows)


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:150] or type(error).__name__
