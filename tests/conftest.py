"""What several test files share: a tiny corpus of our own and tiny models made from it."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import fit_model, invent_reports, make_model, make_tokenizer, write_model

from annotation.report import Report

# Tiny models gain nothing from threads, and on busy cores threads that wait for each other make
# them many times slower.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def tiny_reports() -> list[Report]:
    """80 invented reports with gold spans, like those that the tiny model was fitted on."""
    return invent_reports()


@pytest.fixture(scope="session")
def tiny_tokenizer(tiny_reports: list[Report]) -> Any:
    """A WordPiece tokenizer of a few hundred pieces, 64 pieces a window."""
    return make_tokenizer([report.text for report in tiny_reports])


@pytest.fixture(scope="session")
def tiny_model(
    tiny_reports: list[Report], tiny_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A model folder that finds spans. Not to be changed: copy it to damage it."""
    model = make_model(tiny_tokenizer)
    fit_model(model, tiny_tokenizer)
    return write_model(tmp_path_factory.mktemp("tiny") / "model", model, tiny_tokenizer)


@pytest.fixture(scope="session")
def random_model(tiny_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with random weights: quick to make, finds nonsense."""
    folder = tmp_path_factory.mktemp("random") / "model"
    return write_model(folder, make_model(tiny_tokenizer), tiny_tokenizer)
