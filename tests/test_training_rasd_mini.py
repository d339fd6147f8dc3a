"""The encoder that Rasd brings: found from anywhere, read the same everywhere, and of use."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from annotation.bundled import CORPUS, HOME
from annotation.formats import read_records
from annotation.report import Report
from training.config import load_config
from training.hub import find_encoder
from training.pretraining.learner import MaskedLearner
from training.pretraining.masking import WordMasker

NAME = "inference/encoders/rasd-mini"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    records = islice(read_records([HOME / CORPUS]), 40)
    return [record.text for record in records if isinstance(record, Report)]


def test_its_name_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_encoder(NAME) == str(HOME / NAME)
    for config in ("configs/embedded.toml", "configs/conll.toml"):
        assert load_config(config).model.encoder == NAME


def test_it_is_small_and_holds_nothing_that_its_run_alone_needs() -> None:
    files = {path.name: path.stat().st_size for path in (HOME / NAME).iterdir()}
    assert set(files) == {
        "README.md",
        "config.json",
        "model.safetensors",
        "pretraining.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert sum(files.values()) < 20e6


def test_it_guesses_hidden_words_and_keeps_its_states_small(texts: list[str]) -> None:
    """Guessing at random among its pieces would be a loss of 9.7."""
    model = AutoModelForMaskedLM.from_pretrained(HOME / NAME, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(HOME / NAME)
    frame = {"padding": "max_length", "truncation": True, "max_length": 128}
    whole = [i for i in tokenizer(texts, **frame)["input_ids"] if tokenizer.pad_token_id not in i]
    ids = np.array(whole)
    assert len(ids) > 20
    pieces = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    masker = WordMasker(pieces, tokenizer.all_special_ids, tokenizer.mask_token_id, 0.15)
    hidden = [torch.from_numpy(array) for array in masker.hide(ids, np.random.default_rng(13))]
    with torch.no_grad():
        assert float(MaskedLearner(model).eval()(*hidden)) < 6
        states = model.base_model(torch.from_numpy(ids)).last_hidden_state
    # An encoder whose weights have grown too far learns well by its loss, and fits badly.
    assert float(states.norm(dim=-1).mean()) < 500


def test_it_reads_alike_what_hasty_writers_write_apart() -> None:
    tokenizer = AutoTokenizer.from_pretrained(HOME / NAME)
    careful, hasty = "إلى مدينة أبو كمال: ٣ قتلى", "الى مدينه ابو كمال: 3 قتلى"
    assert tokenizer(careful)["input_ids"] == tokenizer(hasty)["input_ids"]
    assert tokenizer("على")["input_ids"] != tokenizer("علي")["input_ids"]


def test_its_card_and_its_record_tell_what_it_read() -> None:
    record = json.loads((HOME / NAME / "pretraining.json").read_text("utf-8"))
    card = (HOME / NAME / "README.md").read_text("utf-8")
    assert "license: apache-2.0" in card
    assert f"{record['text']['words']:,} words" in card
    assert f"{record['parameters'] / 1e6:.1f} million" in card
    last = [entry for entry in record["history"] if "held_out_loss" in entry][-1]
    assert f"{last['held_out_loss']:.3f}" in card
