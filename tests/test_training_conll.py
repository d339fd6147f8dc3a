"""Published data in CoNLL form go through fit and evaluate: `configs/conll.toml`."""

import json
from pathlib import Path

import pytest
from tiny import invent_reports

from annotation.report import Report
from annotation.tags import spans_to_tags
from annotation.words import find_words
from training.__main__ import main

# The shipped configuration, on data and a model of a test's size.
SMALL = [
    "trainer.num_train_epochs=6",
    "trainer.per_device_train_batch_size=8",
    "trainer.learning_rate=1e-3",
]


def write_foreign_conll(reports: list[Report], path: Path, renamed: dict[str, str]) -> None:
    """Word and tag, nothing else, in a file whose name does not tell its format."""
    lines = []
    for report in reports:
        words = find_words(report.text)
        tags = spans_to_tags(words, report.spans or ()).tags
        for (start, end), tag in zip(words, tags, strict=True):
            prefix, _, label = tag.partition("-")
            told = f"{prefix}-{renamed[label]}" if label else tag
            lines.append(f"{report.text[start:end]} {told}")
        lines.append("")
    path.write_text("\n".join(lines), "utf-8")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    renamed = {"ACTOR": "ORG", "LOCATION": "LOC", "COUNT": "NUM"}
    reports = invent_reports(90, sentences=2)
    write_foreign_conll(reports[:70], tmp_path / "train.txt", renamed)
    write_foreign_conll(reports[70:], tmp_path / "dev.txt", renamed)
    return tmp_path


def fit(files: Path, *settings: str) -> int:
    data = [f"data.train={files}/train.txt", f"data.dev={files}/dev.txt"]
    sets = [f"--set={setting}" for setting in (*data, *SMALL, *settings)]
    return main(["fit", "--config", "configs/conll.toml", "--output", f"{files}/model", *sets])


def test_labels_come_from_the_data_and_the_model_is_measured_on_it(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(files) == 0
    record = json.loads((files / "model" / "training.json").read_text("utf-8"))
    assert record["labels"] == ["LOC", "NUM", "ORG"]
    capsys.readouterr()
    gold = ["--gold", f"{files}/dev.txt", "--from", "conll"]
    assert main(["evaluate", "--model", f"{files}/model", *gold, "--output", f"{files}/out"]) == 0
    evaluation = json.loads((files / "out" / "evaluation.json").read_text("utf-8"))
    assert set(evaluation["labels"]) == {"LOC", "NUM", "ORG"}
    assert evaluation["reports"] == 20
    assert evaluation["micro"] == record["metrics"]["dev"]["micro"]
    assert evaluation["micro"]["f1"] > 0.8


def test_a_label_that_only_the_development_data_have_is_told(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (files / "dev.txt").open("a", encoding="utf-8") as dev:
        dev.write("\nأمس B-DATE\n")
    assert fit(files) == 2
    told = capsys.readouterr().err
    assert "label DATE: 1 spans" in told
    assert "expected one of LOC, NUM, ORG" in told


def test_the_record_has_the_figures_of_the_saved_model_in_bfloat16_too(files: Path) -> None:
    """While it is fitted a model runs in bfloat16; what is told of it is told of what is saved."""
    assert (
        fit(files, "trainer.bf16=true", "trainer.use_cpu=true", "trainer.num_train_epochs=2") == 0
    )
    record = json.loads((files / "model" / "training.json").read_text("utf-8"))
    gold = ["--gold", f"{files}/dev.txt", "--from", "conll"]
    main(["evaluate", "--model", f"{files}/model", *gold, "--output", f"{files}/out"])
    evaluation = json.loads((files / "out" / "evaluation.json").read_text("utf-8"))
    # The record has no intervals: they are drawn when somebody measures.
    told = {label: {**row, "interval": None} for label, row in evaluation["labels"].items()}
    assert told == record["metrics"]["dev"]["labels"]
