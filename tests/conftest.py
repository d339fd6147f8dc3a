"""What several test files share: tiny models of a corpus of our own, and servers that run."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from hypothesis import settings
from label_studio_sdk import LabelStudio
from served import Served, serving
from tiny import fit_model, invent_reports, make_model, make_tokenizer, write_model

from annotation.label_studio_client import LabelStudioClient
from annotation.label_studio_server import (
    VERSION,
    RunningServer,
    find_executable,
    label_studio_server,
)
from annotation.report import Report
from inference.predictor import BatchPredictor

# Tiny models gain nothing from threads, and on busy cores threads that wait for each other make
# them many times slower.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says nothing on a busy machine.
settings.register_profile("rasd", deadline=None)
settings.load_profile("rasd")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What tests keep for a machine is not kept among what the user's own runs do."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    return folder


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


# Our server


@pytest.fixture(scope="module")
def predictor(tiny_model: Path) -> BatchPredictor:
    """The tiny model, ready to read reports."""
    return BatchPredictor.from_pretrained(tiny_model, device="cpu")


@pytest.fixture(scope="module")
def server(predictor: BatchPredictor) -> Iterator[Served]:
    """An open server, for the tests that need nothing special of it."""
    with serving(predictor) as served:
        yield served


# The real Label Studio


@pytest.fixture(scope="session")
def label_studio_folder(pytestconfig: pytest.Config) -> Path:
    """An empty database, which is made once and then kept in pytest's cache. To be copied."""
    if find_executable() is None:
        pytest.skip("Label Studio is not installed: run `make label-studio-install`")
    folder = pytestconfig.cache.mkdir(f"label-studio-{VERSION}") / "empty"
    if not folder.is_dir():
        fresh = folder.with_name("making")
        shutil.rmtree(fresh, ignore_errors=True)
        with label_studio_server(fresh):
            pass
        fresh.rename(folder)
    return folder


@pytest.fixture(scope="module")
def label_studio(
    label_studio_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A real Label Studio without projects; where it is not installed, the test is skipped."""
    folder = tmp_path_factory.mktemp("label-studio") / "data"
    shutil.copytree(label_studio_folder, folder)
    with label_studio_server(folder) as running:
        yield running


@pytest.fixture(scope="module")
def client(label_studio: RunningServer) -> Iterator[LabelStudioClient]:
    """Our client of the real Label Studio."""
    with LabelStudioClient(label_studio.url, label_studio.account.token) as connected:
        yield connected


@pytest.fixture(scope="module")
def sdk(label_studio: RunningServer) -> Iterator[LabelStudio]:
    """What a person at the page of the real Label Studio does, by the means of the SDK."""
    with httpx.Client(trust_env=False, timeout=120, follow_redirects=True) as http:
        yield LabelStudio(
            base_url=label_studio.url + "/", api_key=label_studio.account.token, httpx_client=http
        )
