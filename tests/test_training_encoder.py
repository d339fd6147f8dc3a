import logging
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from tiny import TAGS, WINDOW, make_model, write_model
from transformers import AutoModelForTokenClassification, BertForMaskedLM

import training.hub
from annotation.problems import UserError
from annotation.tags import tag_names
from inference.model_folder import load_model
from training.config import ModelSection
from training.encoder import start_model
from training.hub import find_encoder


@pytest.fixture
def encoder(tiny_tokenizer: Any, tmp_path: Path) -> Path:
    """A pre-trained encoder as hubs have them: a masked language model and its tokenizer."""
    torch.manual_seed(3)
    model = BertForMaskedLM(make_model(tiny_tokenizer).config)
    return write_model(tmp_path / "encoder", model, tiny_tokenizer)


@pytest.fixture
def damaged(random_model: Path, tmp_path: Path) -> Path:
    """A copy of a model, for a test to damage."""
    return Path(shutil.copytree(random_model, tmp_path / "damaged"))


def refusal(folder: Path | str, **config: Any) -> str:
    section = ModelSection(encoder=str(folder), window=WINDOW, config=config)
    with pytest.raises(UserError) as raised:
        start_model(section, TAGS, [])
    [line] = str(raised.value).splitlines()
    return line


def shape(**changes: Any) -> ModelSection:
    small = {
        "model_type": "bert",
        "num_hidden_layers": 1,
        "hidden_size": 32,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    }
    return ModelSection(config={**small, **changes}, vocabulary=200, window=WINDOW)


# From nothing but a shape


def test_an_encoder_made_anew_has_the_shape_and_the_names_asked_for() -> None:
    torch.manual_seed(1)
    model, tokenizer = start_model(shape(), TAGS, ["نص قصير عن مدينة بعيدة"] * 3)
    assert (model.config.num_hidden_layers, model.config.hidden_size) == (1, 32)
    assert model.config.vocab_size == len(tokenizer)
    assert model.config.pad_token_id == tokenizer.pad_token_id
    assert [model.config.id2label[n] for n in range(model.config.num_labels)] == TAGS
    assert tokenizer.model_max_length == WINDOW
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("model_type", ["bert", "roberta", "modernbert", "electra"])
def test_other_kinds_of_encoder_work_too(model_type: str) -> None:
    section = shape(model_type=model_type, max_position_embeddings=100)
    model, tokenizer = start_model(section, TAGS, ["نص قصير"] * 3)
    ids = torch.tensor([tokenizer("نص قصير")["input_ids"]])
    assert model.eval()(input_ids=ids).logits.shape == (1, ids.shape[1], len(TAGS))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hidden_size": 33}, "model.config: The hidden size (33) is not a multiple"),
        ({"hidden_size": "big"}, "model.config: Validation error for field 'hidden_size'"),
        ({"max_position_embeddings": 50}, "model.window = 64: the encoder holds at most 50 pieces"),
    ],
)
def test_a_shape_that_cannot_be_is_one_line(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as raised:
        start_model(shape(**changes), TAGS, ["نص قصير"])
    assert str(raised.value).startswith(told)
    assert "\n" not in str(raised.value)


def test_a_model_that_tags_nothing_is_refused() -> None:
    with pytest.raises(UserError, match=r"model\.config: Unrecognized configuration class .*ViT"):
        start_model(
            ModelSection(config={"model_type": "vit"}, vocabulary=200, window=8), TAGS, ["نص"]
        )


# From a folder


def test_a_folder_gives_its_own_weights_and_a_new_classifier(encoder: Path) -> None:
    section = ModelSection(encoder=str(encoder), window=WINDOW)
    model, tokenizer = start_model(section, TAGS, [])
    own = BertForMaskedLM.from_pretrained(encoder).bert.state_dict()
    for name, weight in model.bert.state_dict().items():
        assert torch.equal(weight, own[name]), name
    assert model.classifier.out_features == len(TAGS)
    assert tokenizer("تل")["input_ids"] != []


def test_fields_of_config_go_over_the_encoders_own(encoder: Path) -> None:
    section = ModelSection(
        encoder=str(encoder), window=WINDOW, config={"hidden_dropout_prob": 0.37}
    )
    model, _ = start_model(section, TAGS, [])
    assert model.config.hidden_dropout_prob == 0.37
    assert model.bert.encoder.layer[0].output.dropout.p == 0.37


def test_the_shape_of_a_new_encoder_says_nothing_about_one_that_is_given(encoder: Path) -> None:
    """So `--config configs/embedded.toml --set model.encoder=FOLDER` takes the folder as it is."""
    section = shape()
    section.encoder = str(encoder)
    model, _ = start_model(section, TAGS, [])
    assert (model.config.num_hidden_layers, model.config.hidden_size) == (2, 64)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            {"hidden_size": 32},
            "of its weights are missing or of another shape than its config.json",
        ),
        ({"num_hidden_layers": 5}, "of its weights are missing or of another shape"),
        (
            {"hiden_size": 3},
            "model.config.hiden_size: bert has no such field; did you mean hidden_s",
        ),
    ],
)
def test_weights_that_are_not_there_are_never_made_up(
    config: dict[str, Any], told: str, encoder: Path
) -> None:
    """transformers goes on with random ones."""
    assert told in refusal(encoder, **config)


def test_an_encoder_without_safetensors_is_refused(damaged: Path) -> None:
    model = AutoModelForTokenClassification.from_pretrained(damaged)
    torch.save(model.state_dict(), damaged / "pytorch_model.bin")
    (damaged / "model.safetensors").unlink()
    assert refusal(damaged) == (
        f"{damaged}: not an encoder that can be loaded: "
        f"Error no file named model.safetensors found in directory {damaged}."
    )


def test_a_damaged_folder_is_one_line(damaged: Path, tmp_path: Path) -> None:
    start = f"{damaged}: not an encoder that can be loaded: "
    whole = (damaged / "model.safetensors").read_bytes()
    (damaged / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    assert refusal(damaged).startswith(start + "Error while deserializing header")
    (damaged / "config.json").write_text("{", encoding="utf-8")
    assert refusal(damaged).startswith(start + "It looks like the config file")
    (tmp_path / "empty").mkdir()
    assert refusal(tmp_path / "empty").startswith(f"{tmp_path / 'empty'}: not an encoder that")


def test_an_encoder_without_vocabulary_is_refused(damaged: Path) -> None:
    """transformers makes one of five pieces, and every word of every report is unknown."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (damaged / name).unlink()
    assert refusal(damaged).startswith(f"{damaged}: no vocabulary in it; expected the tokenizer's")


def test_a_tokenizer_of_another_encoder_is_refused(damaged: Path) -> None:
    _, other = start_model(shape(), TAGS, ["حروف"])
    other.add_tokens([f"كلمة{n}" for n in range(1000)])
    other.save_pretrained(damaged)
    pieces = len(other)
    assert f"its tokenizer has {pieces} pieces, but the model only " in refusal(damaged)


def test_a_window_wider_than_the_encoder_is_told(random_model: Path) -> None:
    with pytest.raises(UserError, match=r"^model\.window = 513: the encoder holds at most 512 p"):
        start_model(ModelSection(encoder=str(random_model), window=513), TAGS, [])


# From a hub


@pytest.fixture
def silent_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A hub that takes the connection and never answers, and an empty store of downloads."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(training.hub, "HfApi", lambda: _api(endpoint))
        monkeypatch.setattr(training.hub, "_SECONDS", 0.5)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "downloads"))
        yield


def _api(endpoint: str) -> Any:
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint)


def test_a_hub_out_of_reach_is_one_line_with_the_ways_round(silent_hub: None) -> None:
    started = time.perf_counter()
    line = refusal("someone/some-encoder")
    assert time.perf_counter() - started < 5, "the hub's own client tries for most of a minute"
    assert line.startswith("someone/some-encoder: no such folder, and the hub ")
    assert "--config configs/embedded.toml" in line
    assert "--set model.encoder=FOLDER" in line


def test_a_name_that_no_hub_can_have_is_the_same_line(silent_hub: None) -> None:
    assert refusal("runs/no/such/folder").startswith(
        "runs/no/such/folder: no such folder, and the "
    )


def test_what_was_downloaded_before_is_taken_without_the_hub(
    silent_hub: None, encoder: Path, tmp_path: Path
) -> None:
    stored = tmp_path / "downloads" / "models--someone--some-encoder"
    snapshot = stored / "snapshots" / ("a" * 40)
    shutil.copytree(encoder, snapshot)
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text("a" * 40)
    assert Path(find_encoder("someone/some-encoder")) == snapshot
    model, _ = start_model(ModelSection(encoder="someone/some-encoder", window=WINDOW), TAGS, [])
    assert model.config.num_hidden_layers == 2


# From an earlier model


def test_an_earlier_model_hands_on_what_it_knows_of_each_tag(
    tiny_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tags = tag_names(["WEAPON", "COUNT", "ACTOR"])
    section = ModelSection(config={"model_type": "bert"}, window=WINDOW)
    torch.manual_seed(5)
    with caplog.at_level(logging.INFO):
        model, tokenizer = start_model(section, tags, [], init=tiny_model)
    earlier = load_model(tiny_model)
    before = earlier.model.classifier.weight, earlier.model.classifier.bias
    now = model.classifier.weight, model.classifier.bias
    for number, tag in enumerate(tags):
        if "WEAPON" not in tag:
            known = earlier.tags.index(tag)
            assert torch.equal(now[0][number], before[0][known]), tag
            assert torch.equal(now[1][number], before[1][known]), tag
        else:
            assert now[1][number] == 0
            assert 0 < now[0][number].std() < 0.05
            assert not any(torch.equal(now[0][number], row) for row in before[0]), tag
    for name, weight in model.bert.state_dict().items():
        assert torch.equal(weight, earlier.model.bert.state_dict()[name]), name
    assert tokenizer.get_vocab() == earlier.tokenizer.get_vocab()
    assert f"{tiny_model}: new outputs: B-WEAPON, I-WEAPON" in caplog.messages
    assert f"{tiny_model}: outputs left behind: B-LOCATION, I-LOCATION" in caplog.messages


def test_an_earlier_model_with_the_same_labels_goes_on_as_it_is(tiny_model: Path) -> None:
    section = ModelSection(config={"model_type": "bert"}, window=WINDOW)
    model, _ = start_model(section, TAGS, [], init=tiny_model)
    earlier = load_model(tiny_model).model.state_dict()
    assert all(torch.equal(weight, earlier[name]) for name, weight in model.state_dict().items())


def test_an_earlier_model_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    section = ModelSection(config={"model_type": "bert"}, window=WINDOW)
    with pytest.raises(UserError, match=r"no such model folder; make one with python -m training"):
        start_model(section, TAGS, [], init=tmp_path / "none")
