"""The wheel carries all that the commands need, and they work outside the repository."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from annotation.bundled import CORPUS, FURTHER_WRITERS, HOME, MORE_WRITERS

pytestmark = pytest.mark.skipif(
    not (HOME / "pyproject.toml").is_file(), reason="an installed wheel does not build itself"
)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", str(folder)], cwd=HOME, check=True, capture_output=True)
    (wheel,) = folder.glob("rasd-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run_outside(unpacked: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command on the unpacked wheel, which goes before the repository's own packages."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(unpacked), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def test_the_wheel_holds_the_rooms_the_configurations_and_the_corpus(unpacked: Path) -> None:
    top = {path.name for path in unpacked.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"annotation", "inference", "training", "configs"}
    for shipped in (HOME / "configs").iterdir():
        assert (unpacked / "configs" / shipped.name).read_bytes() == shipped.read_bytes()
    for file in (CORPUS, MORE_WRITERS, FURTHER_WRITERS):
        assert (unpacked / file).read_bytes() == (HOME / file).read_bytes()
    page = Path("training") / "evaluation" / "page"
    for name in ("page.html", "page.css", "page.js"):
        assert (unpacked / page / name).read_bytes() == (HOME / page / name).read_bytes()


def test_the_commands_run_from_the_wheel_and_find_what_it_brings(
    unpacked: Path, tmp_path: Path
) -> None:
    where = run_outside(unpacked, tmp_path, "-c", "import annotation; print(annotation.__file__)")
    assert Path(where.stdout.strip()) == unpacked / "annotation" / "__init__.py"

    split = ["--by", "source", "--held-out", "dly,cor", "--output", "splits"]
    done = run_outside(unpacked, tmp_path, "-m", "annotation", "split", CORPUS, *split)
    assert done.returncode == 0, done.stderr
    counts = json.loads((tmp_path / "splits" / "splits.json").read_text("utf-8"))["counts"]
    assert sum(counts.values()) == 954

    small = ["trainer.max_steps=1", "augmentation.copies=0"]
    fit = run_outside(
        unpacked,
        tmp_path,
        *("-m", "training", "fit", "--config", "configs/embedded.toml", "--output", "model"),
        *(f"--set={setting}" for setting in small),
        *(f"--set=data.{side}=splits/dev.jsonl" for side in ("train", "held_out")),
        "--set=data.dev=[]",
    )
    assert fit.returncode == 0, fit.stderr
    assert (tmp_path / "model" / "model.safetensors").is_file()


def test_an_evaluation_from_the_wheel_has_its_page(unpacked: Path, tmp_path: Path) -> None:
    line = {"id": "a", "text": "قصفت قوات السد تل الورد.", "spans": []}
    line["spans"] = [{"start": 5, "end": 14, "label": "ACTOR"}]
    (tmp_path / "gold.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    arguments = ["--predictions", "gold.jsonl", "--gold", "gold.jsonl", "--output", "out"]
    done = run_outside(unpacked, tmp_path, "-m", "training", "evaluate", *arguments)
    assert done.returncode == 0, done.stderr
    assert "</html>" in (tmp_path / "out" / "evaluation.html").read_text("utf-8")


def test_a_configuration_that_nobody_brings_is_told_with_those_there_are(
    unpacked: Path, tmp_path: Path
) -> None:
    fit = ["fit", "--config", "configs/embeded.toml", "--output", "model"]
    done = run_outside(unpacked, tmp_path, "-m", "training", *fit)
    assert done.returncode == 2
    assert "configs/embeded.toml: no such file" in done.stderr
    assert "configs/embedded.toml" in done.stderr
