"""AraBERT-base's shape, from a local folder with random weights, through the whole main job."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import invent_reports
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from annotation.bundled import HOME
from annotation.formats import write_reports
from inference.__main__ import main as inference
from training.__main__ import main as training
from training.vocabulary import SPECIAL

PIECES = 64_000
REAL_VOCABULARY = HOME.parent / "shared" / "data" / "arabert-tokenizer"


def tokenizer_of_its_size() -> Any:
    """AraBERT's own where it lies beside the project, else one made of invented pieces."""
    if (REAL_VOCABULARY / "tokenizer.json").is_file():
        return AutoTokenizer.from_pretrained(REAL_VOCABULARY)
    words = sorted({w for r in invent_reports(40) for w in r.text.split()})
    letters = sorted({c for word in words for c in word})
    pieces = dict.fromkeys([*SPECIAL.values(), *letters, *(f"##{c}" for c in letters), *words])
    for number in range(PIECES):
        pieces[f"كلمة{number}"] = None
    vocabulary = {piece: number for number, piece in enumerate(list(pieces)[:PIECES])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token=SPECIAL["unk_token"]))
    made.normalizer = normalizers.BertNormalizer(lowercase=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(tokenizer_object=made, **SPECIAL)


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    tokenizer = tokenizer_of_its_size()
    assert len(tokenizer) == PIECES
    config = BertConfig(vocab_size=PIECES, pad_token_id=tokenizer.pad_token_id)
    assert (config.num_hidden_layers, config.hidden_size) == (12, 768)
    with torch.device("meta"):
        model = BertForMaskedLM(config)
    # Drawn here: one pass over the weights, where the model's own beginning takes three.
    model = model.to_empty(device="cpu")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.02)
        for name, buffer in model.named_buffers():
            assert name.endswith(("position_ids", "token_type_ids")), name
            buffer.copy_(torch.arange(512)[None] if name.endswith("position_ids") else 0 * buffer)
    model.tie_weights()
    model.save_pretrained(tmp_path / "encoder")
    tokenizer.save_pretrained(tmp_path / "encoder")
    return tmp_path / "encoder"


def test_arabert_base_goes_through_fit_evaluate_and_predict(
    encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    reports = invent_reports(8, sentences=1)
    train, gold, found = (tmp_path / f"{name}.jsonl" for name in ("train", "gold", "found"))
    write_reports(reports[:4], train)
    write_reports(reports[4:], gold)
    config = tmp_path / "arabert.toml"
    config.write_text(
        f'[model]\nencoder = "{encoder}"\nwindow = 64\n[data]\ntrain = "{train}"\n'
        "[trainer]\nmax_steps = 2\nper_device_train_batch_size = 2\nlearning_rate = 2e-5\n"
        # Checkpoints of this size are 1.6 GB each.
        'save_strategy = "no"\nreport_to = "none"\n',
        encoding="utf-8",
    )
    model, run = tmp_path / "model", tmp_path / "run"
    assert training(["fit", "--config", str(config), "--output", str(model)]) == 0
    record = json.loads((model / "training.json").read_text("utf-8"))
    assert record["steps"] == 2
    shape = json.loads((model / "config.json").read_text("utf-8"))
    assert (shape["num_hidden_layers"], shape["hidden_size"]) == (12, 768)
    assert shape["vocab_size"] == PIECES
    assert shape["id2label"]["6"] == "I-COUNT"
    arguments = ["--model", str(model), "--device", "cpu"]
    assert training(["evaluate", *arguments, "--gold", str(gold), "--output", str(run)]) == 0
    assert inference(["predict", *arguments, str(gold), "--output", str(found)]) == 0
    # Two steps teach nothing: what counts is that both come to the same, through all the parts.
    assert found.read_bytes() == (run / "predictions.jsonl").read_bytes()
    assert len(found.read_text("utf-8").splitlines()) == 4
    evaluation = json.loads((run / "evaluation.json").read_text("utf-8"))
    assert evaluation["micro"]["support"] == sum(len(report.spans or ()) for report in reports[4:])
