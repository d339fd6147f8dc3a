import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import TAGS

from inference.__main__ import main
from inference.model_folder import UNBOUNDED, load_model, model_hash, window_size

Damage = Callable[[Path], Any]


def cut(name: str, part: float) -> Damage:
    def damage(folder: Path) -> None:
        raw = (folder / name).read_bytes()
        (folder / name).write_bytes(raw[: int(len(raw) * part)])

    return damage


def write(name: str, content: str) -> Damage:
    return lambda folder: (folder / name).write_text(content)


def remove(*names: str) -> Damage:
    return lambda folder: [(folder / name).unlink() for name in names]


def configure(**settings: Any) -> Damage:
    def damage(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | settings))

    return damage


def name_outputs(*names: str) -> Damage:
    return configure(
        id2label=dict(enumerate(names)), label2id={name: i for i, name in enumerate(names)}
    )


def keep_weights(wanted: Callable[[str], bool]) -> Damage:
    def damage(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        kept = {name: weight for name, weight in weights.items() if wanted(name)}
        save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})

    return damage


def shrink_embeddings(folder: Path) -> None:
    name = "bert.embeddings.word_embeddings.weight"
    weights = load_file(folder / "model.safetensors")
    weights[name] = weights[name][:50].clone()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    configure(vocab_size=50)(folder)


def pickle_weights(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


@pytest.fixture
def reports(tmp_path: Path) -> str:
    path = tmp_path / "in.jsonl"
    path.write_text('{"id": "a", "text": "قوات السد"}\n')
    return str(path)


DAMAGES: list[tuple[str, Damage, str]] = [
    ("gone", shutil.rmtree, "{folder}: no such model folder; make one with "),
    ("no tokenizer", remove("tokenizer.json"), "{folder}: not a whole model folder: tokenizer.json "
     "missing (there is: config.json, model.safetensors, tokenizer_config.json)"),
    ("two gone", remove("config.json", "tokenizer_config.json"),
     "not a whole model folder: config.json, tokenizer_config.json missing"),
    ("pickles", pickle_weights, "model.safetensors missing (there is: config.json, "
     "pytorch_model.bin, "),
    ("cut weights", cut("model.safetensors", 0.5), "{folder}/model.safetensors: broken or cut"),
    ("empty weights", cut("model.safetensors", 0), "{folder}/model.safetensors: broken or cut"),
    ("no classifier", keep_weights(lambda name: not name.startswith("classifier")),
     "{folder}/model.safetensors: lacks classifier.bias, classifier.weight; expected the weights"),
    ("a layer more", configure(num_hidden_layers=3), "{folder}/model.safetensors: lacks "
     "bert.encoder.layer.2.attention.output.LayerNorm.bias, "),
    ("another width", configure(hidden_size=128), "has other sizes than config.json of bert.emb"),
    ("other outputs", name_outputs("O", "B-X", "I-X"),
     "has other sizes than config.json of classifier.bias, classifier.weight; expected"),
    ("not IOB2", name_outputs(*(f"LABEL_{i}" for i in range(7))),
     "the model's outputs are LABEL_0, LABEL_1, LABEL_2, LABEL_3, LABEL_4, LABEL_5, LABEL_6; "
     "expected O, and B- and I- of each label"),
    ("small model", shrink_embeddings, "{folder}: the tokenizer has 3"),
    ("config not JSON", write("config.json", '{"a"'), "{folder}/config.json: not JSON: Expecting"),
    ("config a list", write("config.json", "[]"), "{folder}/config.json: holds a list, expected "),
    ("config empty", write("config.json", "{}"), "{folder}: not a model that can be loaded: Unrec"),
    ("wrong type", configure(hidden_size="wide"), "not a model that can be loaded: Validation err"
     "or for field 'hidden_size'"),
    ("no such kind", configure(model_type="nonsense"), "{folder}: not a model that can be loaded"),
    ("cut tokenizer", cut("tokenizer.json", 0.5), "{folder}/tokenizer.json: not JSON: "),
    ("another tokenizer", write("tokenizer.json", "{}"), "{folder}: not a model that can be load"),
    ("cut tokenizer config", cut("tokenizer_config.json", 0.5), "/tokenizer_config.json: not JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "told"), [d[1:] for d in DAMAGES], ids=[d[0] for d in DAMAGES])
def test_a_damaged_model_folder_is_told_in_one_line(
    random_model: Path,
    tmp_path: Path,
    reports: str,
    capsys: pytest.CaptureFixture[str],
    damage: Damage,
    told: str,
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(random_model, folder)
    damage(folder)
    output = tmp_path / "out.jsonl"
    status = main(["predict", "--model", str(folder), reports, "--output", str(output)])
    printed = capsys.readouterr()
    assert status == 2
    assert len(printed.err.splitlines()) == 1, printed.err
    assert told.format(folder=folder) in printed.err
    assert printed.out == ""
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("out")] == []


@pytest.mark.parametrize("name", ["no/where", "aubmindlab/bert-base-arabertv02", "config.json"])
def test_a_name_that_is_no_folder_is_not_looked_for_on_a_hub(
    reports: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    random_model: Path,
    name: str,
) -> None:
    monkeypatch.chdir(random_model)
    for command in (["predict", "--output", "-"], ["tokens"]):
        assert main([command[0], "--model", name, reports, *command[1:]]) == 2
        printed = capsys.readouterr()
        assert printed.err == (
            f"{name}: no such model folder; make one with python -m training fit\n"
        )


@pytest.mark.parametrize(
    ("device", "told"),
    [
        ("gpu", "--device gpu: expected auto, cpu, cuda or cuda:N"),
        ("meta", "--device meta: expected auto, cpu, cuda or cuda:N"),
        ("mps", "--device mps: expected auto, cpu, cuda or cuda:N"),
        ("cuda:x", "--device cuda:x: expected auto, cpu, cuda or cuda:N"),
        ("", "--device : expected auto, cpu, cuda or cuda:N"),
        ("cuda", "--device cuda: no GPU that this PyTorch can use; --device cpu works"),
        ("cuda:1", "--device cuda:1: no GPU that this PyTorch can use; --device cpu works"),
    ],
)
def test_a_device_that_is_not_there_is_told_in_one_line(
    random_model: Path,
    reports: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    told: str,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    arguments = ["predict", "--model", str(random_model), reports, "--output", "-"]
    assert main([*arguments, "--device", device]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", told + "\n")


def test_a_gpu_beyond_the_last_one_is_named_with_the_last(
    random_model: Path,
    reports: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    arguments = ["predict", "--model", str(random_model), reports, "--output", "-"]
    assert main([*arguments, "--device", "cuda:2"]) == 2
    assert capsys.readouterr().err == "--device cuda:2: no such GPU; the last one is cuda:1\n"


def test_a_whole_folder_loads_with_its_tags_and_window(random_model: Path) -> None:
    loaded = load_model(random_model, "cpu")
    assert loaded.tags == TAGS
    assert loaded.window_size == 64
    assert not loaded.model.training
    assert loaded.model.dtype == torch.float32


class _Tokenizer:
    def __init__(self, length: float) -> None:
        self.model_max_length = length


class _Config:
    def __init__(self, model_type: str, positions: int | None) -> None:
        self.model_type = model_type
        self.pad_token_id = 1
        if positions is not None:
            self.max_position_embeddings = positions


@pytest.mark.parametrize(
    ("length", "model_type", "positions", "expected"),
    [
        (64, "bert", 512, 64),
        (512, "bert", 128, 128),
        (10**30, "bert", 512, 512),
        # Positions are counted from behind the padding index, 1.
        (10**30, "xlm-roberta", 514, 512),
        (512, "roberta", 130, 128),
        (10**30, "deberta-v2", None, 512),
        (1024, "deberta-v2", None, 1024),
    ],
)
def test_a_window_holds_what_tokenizer_and_positions_allow(
    length: float, model_type: str, positions: int | None, expected: int
) -> None:
    assert UNBOUNDED < 10**30
    assert window_size(_Tokenizer(length), _Config(model_type, positions)) == expected


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
)
def test_the_hash_of_a_model_changes_with_each_of_its_files(
    random_model: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(random_model, folder)
    (folder / "README.md").write_text("a card is not the model")
    assert model_hash(folder) == model_hash(random_model)
    with (folder / name).open("ab") as file:
        file.write(b" ")
    assert model_hash(folder) != model_hash(random_model)
