"""Finds an encoder by its name: a folder, one that Rasd brings, a hub, or what it gave before."""

from pathlib import Path

from huggingface_hub import HfApi, snapshot_download

from annotation.bundled import HOME
from annotation.problems import UserError

ENCODERS = Path("inference/encoders")
"""Where the encoders lie that Rasd brings."""
_SECONDS = 10


def find_encoder(name: str) -> str:
    """The folder or hub name to load. Raises UserError where there is none within reach.

    The hub is asked once: its own client would ask for most of a minute before it gave up.
    """
    if Path(name).exists():
        return name
    if (HOME / name).is_dir() and Path(name).parent == ENCODERS:
        return str(HOME / name)
    try:
        HfApi().model_info(name, timeout=_SECONDS)
    # Whatever it is, there is no download; of which kind depends on the client's own HTTP library.
    except Exception:
        try:
            return snapshot_download(name, local_files_only=True)
        except (OSError, ValueError):
            raise UserError(out_of_reach(name)) from None
    return name


def out_of_reach(name: str) -> str:
    """The line for an encoder that is nowhere, with the ways round."""
    return (
        f"{name}: no such folder, and the hub that would have it is out of reach or does not know "
        "it. Use --config configs/embedded.toml, which needs no download, or save the encoder on a "
        "machine with access and name its folder: --set model.encoder=FOLDER"
    )
