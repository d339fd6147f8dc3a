"""Where a result comes from: the versions and the commit of the code that made it."""

import platform
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from annotation.bundled import HOME

PACKAGES = ("rasd", "torch", "transformers", "tokenizers", "datasets", "accelerate", "numpy")

OPTIONAL_PACKAGES = ("openvino", "nncf", "onnxruntime")


def versions() -> dict[str, str]:
    """Of Python and the packages that decide results, those of extras where they are installed."""
    found = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    for name in OPTIONAL_PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def commit() -> str | None:
    """The commit that the code stands at, with `+changes` behind it where files differ from it.

    None where the code is not a git checkout (an installed wheel).
    """
    if not (HOME / ".git").exists():
        return None
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{head}+changes" if changed else head


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(HOME), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
