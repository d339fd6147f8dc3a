"""Writing so that it survives: what has returned is on the disk, what has not is not half there."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from annotation.problems import UserError

PARTIAL = ".tmp"
"""What the name of a file ends in until it is whole."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The errors of a file that may not grow further."""


class DiskFull(UserError):
    """There is no room left for a file, or the user's quota or limit of it is reached."""


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all. Raises UserError."""
    partial = path.with_name(path.name + PARTIAL)
    with explained_writing(path):
        try:
            _write(partial, content, os.O_TRUNC)
            partial.replace(path)
        except OSError:
            # What is there of it takes the room that is missing.
            with suppress(OSError):
                partial.unlink()
            raise
        sync_folder(path.parent)


def append_durably(path: Path, content: bytes) -> None:
    """Add to a file, which may be left with a part of the content. Raises UserError."""
    with explained_writing(path):
        is_new = not path.exists()
        _write(path, content, os.O_APPEND)
        if is_new:
            sync_folder(path.parent)


def truncate_durably(path: Path, size: int) -> None:
    """Take off what stands behind `size` bytes; a file of none is removed. Raises UserError."""
    with explained_writing(path):
        if not path.exists():
            return
        if size == 0:
            path.unlink()
        elif path.stat().st_size > size:
            os.truncate(path, size)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems do this for files alone.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def _write(path: Path, content: bytes, how: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o666)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explained_writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while `path` is written into a UserError."""
    try:
        yield
    except OSError as error:
        kind = DiskFull if error.errno in DISK_FULL else UserError
        raise kind(f"{path}: cannot be written: {error.strerror}") from None
