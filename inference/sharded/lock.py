"""A folder that one process has to itself."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from annotation.problems import UserError

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others off a folder, which is made where it is missing. Raises UserError.

    The system takes the lock back when the process ends, however it ends. It belongs to the process
    and not to the open file, so that a child made by forking does not hold on to it.
    """
    is_new, held = not folder.exists(), False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror}") from None
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if not isinstance(error, BlockingIOError | PermissionError):
                raise UserError(f"{folder}: cannot be locked: {error.strerror}") from None
            raise UserError(
                f"{folder}: another process writes here now; wait for its end, "
                "or give another --output"
            ) from None
        held = True
        yield
    except UserError:
        if is_new and held and [path.name for path in folder.iterdir()] == [LOCK]:
            # Nothing was done: neither is there a folder.
            (folder / LOCK).unlink()
            folder.rmdir()
        raise
    finally:
        os.close(descriptor)
