import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotation.bundled import HOME
from annotation.problems import UserError
from training.config import load_config

GOOD = """
[model]
encoder = "some/encoder"

[data]
train = "train.jsonl"

[fit]
patience = 3

[trainer]
learning_rate = 5e-5
"""
SHIPPED = sorted(
    path
    for path in (HOME / "configs").glob("*.toml")
    if {"model", "data", "trainer"} <= tomllib.loads(path.read_text("utf-8")).keys()
)
"""The fit configurations; labels and pre-training have other tables."""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write_config(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_config


def problems_of(path: Path | str, *overrides: str) -> list[str]:
    with pytest.raises(UserError) as raised:
        load_config(path, overrides)
    return str(raised.value).splitlines()


def test_embedded_is_among_the_shipped_configurations() -> None:
    assert "embedded.toml" in [path.name for path in SHIPPED]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_configuration_is_read(path: Path) -> None:
    """The other tests of configurations lean on this: what is shipped has no mistake."""
    config = load_config(f"configs/{path.name}")
    assert config.data.train
    assert config.model.encoder or config.model.config["model_type"]
    assert config.trainer_settings()["learning_rate"] > 0


def test_a_shipped_configuration_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config("configs/embedded.toml").model.encoder == "inference/encoders/rasd-mini"


def test_a_missing_file_is_told_with_the_shipped_ones() -> None:
    [problem] = problems_of("configs/embeded.toml")
    assert problem.startswith("configs/embeded.toml: no such file; Rasd brings configs/")
    for path in SHIPPED:
        assert f"configs/{path.name}" in problem
    assert problems_of("nowhere.toml") == ["nowhere.toml: no such file or folder"]


def test_what_the_file_says_is_what_the_fit_gets(write: Callable[[str], Path]) -> None:
    config = load_config(write(GOOD))
    assert config.model.encoder == "some/encoder"
    assert (config.model.window, config.model.vocabulary) == (256, 16_000)
    assert config.data.train == ["train.jsonl"], "one file may stand without brackets"
    assert (config.data.dev, config.data.held_out) == ([], [])
    assert config.fit.patience == 3
    assert config.trainer_settings() == {"learning_rate": 5e-5}, "and nothing that it does not say"


@pytest.mark.parametrize(
    ("text", "override", "problem"),
    [
        ("", "fit.patiance=3", "fit.patiance: no such key; did you mean patience?"),
        ("", "modell.window=64", "modell: no such key; did you mean model?"),
        (
            "",
            "zzz.window=64",
            "zzz: no such key; expected one of augmentation, data, fit, model, trainer",
        ),
        (
            "",
            "trainer.learning_rat=1",
            "trainer.learning_rat: no such key; did you mean learning_r",
        ),
        ("", "trainer.epochs=3", "trainer.epochs: no such key; "),
        ("", "trainer.output_dir=x", "trainer.output_dir: no such key; "),
        ("", "trainer.push_to_hub=true", "trainer.push_to_hub: no such key; "),
        ("", "trainer.hub_token=secret", "trainer.hub_token: no such key; "),
        ("", "trainer.learning_rate=fast", "trainer.learning_rate: Input should be a valid number"),
        ("", "trainer.seed=1.5", "trainer.seed: Input should be a valid integer"),
        (
            "",
            "trainer.full_determinism=maybe",
            "trainer.full_determinism: Input should be a valid b",
        ),
        ("", "model.window=wide", "model.window: Input should be a valid integer"),
        ("", "model.window=7", "model.window: Input should be greater than or equal to 8; found 7"),
        ("", "fit.patience=0", "fit.patience: Input should be greater than or equal to 1; found 0"),
        ("", "data.train=[]", "data.train: List should have at least 1 item"),
        ("", "data.train=5", "data.train: Input should be a valid list; found 5"),
        ("", "data.train=[5]", "data.train.0: Input should be a valid string; found 5"),
        ("", "model.config=bert", "model.config: Input should be a valid dictionary"),
        (
            '[model]\n[data]\ntrain = "t"\n',
            "",
            "model: neither encoder nor config.model_type is given; name an encoder",
        ),
        ('[data]\ntrain = "t"\n', "", "model: missing; it must be given"),
        ('[model]\nencoder = "e"\n[data]\n', "", "data.train: missing; it must be given"),
        (
            "",
            "model.config.model_type=brt",
            "model: config.model_type: transformers has no 'brt'; did you mean b",
        ),
        (
            "",
            'model.config={model_type="bert", hiden_size=3, vocab_size=5}',
            "model: config.hiden_size: bert has no such field; did you mean hidden_size?; "
            "config.vocab_size: comes from the tokenizer and the labels; leave it out",
        ),
    ],
)
def test_a_mistake_is_one_line(
    text: str, override: str, problem: str, write: Callable[[str], Path]
) -> None:
    path = write(text or GOOD)
    [line] = problems_of(path, *([override] if override else []))
    assert line.startswith(f"{path}: {problem}")


def test_all_mistakes_of_file_and_command_line_are_told_at_once(
    write: Callable[[str], Path],
) -> None:
    path = write(
        '[model]\nvocabulary = "big"\n[data]\ntrian = "t"\n[trainer]\nnum_epochs = 3\n'
        "[fti]\nx = 1\n"
    )
    lines = problems_of(path, "fit.patience=-1", "nonsense", "model=3=4", "trainer.seed=lucky")
    told = [line.removeprefix(f"{path}: ").split(":")[0] for line in lines]
    assert sorted(told) == [
        "--set model=3=4",
        "--set nonsense",
        "data.train",
        "data.trian",
        "fit.patience",
        "fti",
        "model.vocabulary",
        "trainer.num_epochs",
        "trainer.seed",
    ]
    assert sum("did you mean" in line for line in lines) == 3


def test_valid_choices_are_named_with_an_unknown_key(write: Callable[[str], Path]) -> None:
    [line] = problems_of(write(GOOD), "model.tokeniser=x")
    assert line.endswith("expected one of config, encoder, vocabulary, window")
    [line] = problems_of(write(GOOD), "trainer.num_epochs=3")
    assert "did you mean num_train_epochs?" in line


@pytest.mark.parametrize(
    ("text", "place"),
    [("[model\n", "line 1"), ("[model]\nwindow = \n", "line 2"), ("a = 1\na = 2\n", "line 2")],
)
def test_a_file_that_is_not_toml_is_told_with_the_line(
    text: str, place: str, write: Callable[[str], Path]
) -> None:
    path = write(text)
    [line] = problems_of(path)
    assert line.startswith(f"{path}: not a TOML file: ")
    assert place in line


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes('[model]\nencoder = "نموذج"\n'.encode("windows-1256"))
    [line] = problems_of(path)
    assert line.startswith(f"{path}: not a TOML file: 'utf-8' codec can't decode byte")


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("trainer.num_train_epochs=2", "trainer", "num_train_epochs", 2.0),
        ("trainer.learning_rate=3e-4", "trainer", "learning_rate", 3e-4),
        ("trainer.weight_decay = 0.1", "trainer", "weight_decay", 0.1),
        ("trainer.bf16=true", "trainer", "bf16", True),
        ("trainer.bf16=false", "trainer", "bf16", False),
        ('trainer.report_to=["tensorboard", "mlflow"]', "trainer", "report_to", None),
        ("trainer.report_to=none", "trainer", "report_to", "none"),
        ("trainer.lr_scheduler_type=linear", "trainer", "lr_scheduler_type", "linear"),
        ('trainer.run_name="a=b"', "trainer", "run_name", "a=b"),
        ("trainer.run_name=a=b", "trainer", "run_name", "a=b"),
        ("data.train=تقارير.jsonl", "data", "train", ["تقارير.jsonl"]),
        ('data.train=["a.jsonl", "b.jsonl"]', "data", "train", ["a.jsonl", "b.jsonl"]),
        ("model.encoder=/models/my encoder", "model", "encoder", "/models/my encoder"),
        ("model.window=128", "model", "window", 128),
        ("model.config.hidden_dropout_prob=0", "model", "config", {"hidden_dropout_prob": 0}),
        ("fit.patience=1", "fit", "patience", 1),
    ],
)
def test_a_setting_from_the_command_line_goes_over_the_files(
    override: str, section: str, key: str, value: Any, write: Callable[[str], Path]
) -> None:
    config = load_config(write(GOOD), [override])
    expected = ["tensorboard", "mlflow"] if value is None else value
    assert getattr(getattr(config, section), key) == expected
    if section == "trainer":
        assert config.trainer_settings() == {"learning_rate": 5e-5, key: expected}


def test_a_field_that_transformers_knows_by_an_older_name_is_taken(
    write: Callable[[str], Path],
) -> None:
    path = write('[model.config]\nmodel_type = "modernbert"\n[data]\ntrain = "t"\n')
    assert load_config(path, ["model.config.global_attn_every_n_layers=1"]).model.config
    [line] = problems_of(path, "model.config.global_attn_every_layer=1")
    assert "config.global_attn_every_layer: modernbert has no such field" in line


def test_the_last_of_several_settings_holds(write: Callable[[str], Path]) -> None:
    config = load_config(write(GOOD), ["model.window=64", "model.window=128"])
    assert config.model.window == 128


def test_a_setting_below_a_value_is_told(write: Callable[[str], Path]) -> None:
    lines = problems_of(write(GOOD), "model.encoder.size=3")
    assert lines == ["--set model.encoder.size=3: encoder is a value, not a section"]
