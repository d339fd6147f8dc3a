"""Files that Rasd brings along: the shipped configurations and the bundled corpus."""

from pathlib import Path

from annotation.problems import UserError

HOME = Path(__file__).resolve().parent.parent
"""Where the packages and `configs/` lie: the repository, or site-packages of an installed wheel."""
CORPUS = "annotation/corpus/label-studio.json"
"""The bundled corpus, as the repository names it."""
MORE_WRITERS = "annotation/corpus/more-writers.json"
"""Reports of further writers, made later: to learn from, beside the corpus."""
FURTHER_WRITERS = "annotation/corpus/further-writers.json"
"""The same, of others; their reports are longer."""


def find_file(path: str | Path) -> Path:
    """`path` as the user gave it; else, for a name that Rasd brings, the one it brings.

    So `configs/embedded.toml` and `annotation/corpus/label-studio.json` work outside the
    repository too. Raises UserError where there is neither.
    """
    given = Path(path)
    if given.exists():
        return given
    brought = HOME / given
    if not given.is_absolute() and given.parts[:1] in (("configs",), ("annotation",)):
        if brought.is_file():
            return brought
        if given.parts[0] == "configs":
            shipped = ", ".join(sorted(f"configs/{p.name}" for p in (HOME / "configs").glob("*")))
            raise UserError(f"{path}: no such file; Rasd brings {shipped}")
    raise UserError(f"{path}: no such file or folder")
