"""Where Rasd keeps for a machine what takes long to make and can be made again."""

import os
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """The folder rasd in $XDG_CACHE_HOME, else in ~/.cache, else among the temporary files where
    nothing can be written there."""
    home = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(home) if home else Path("~/.cache").expanduser()) / "rasd"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"rasd-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder
