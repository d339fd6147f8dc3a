"""Engines against the reference: PyTorch fp32, one window at a time, nothing padded."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from reference import Reference
from tiny import TAGS, WINDOW, invent_reports, join_reports, write_model
from transformers import (
    AutoModelForTokenClassification,
    BertConfig,
    ModernBertConfig,
    RobertaConfig,
)

from annotation.problems import UserError
from annotation.report import Report
from inference import tiers
from inference.engine import TorchEngine
from inference.openvino_engine import (
    OpenVINOEngine,
    convert,
    few_counts,
    openvino_is_installed,
)
from inference.packed_engine import PackedEngine, can_be_packed, varlen
from inference.pieces import IntArray
from inference.predictor import BatchPredictor
from inference.projections import cut_projections

needs_openvino = pytest.mark.skipif(
    not openvino_is_installed(), reason="needs pip install 'rasd[openvino]'"
)
LABELLED = {"id2label": dict(enumerate(TAGS)), "label2id": {t: n for n, t in enumerate(TAGS)}}


def shapes(tokenizer: Any) -> dict[str, Any]:
    """Configurations of unlike families and sizes, none of them a multiple of anything."""
    common: dict[str, Any] = {
        **LABELLED,
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "max_position_embeddings": 130,
    }
    return {
        "bert": BertConfig(
            hidden_size=48,
            num_hidden_layers=3,
            num_attention_heads=3,
            intermediate_size=100,
            **common,
        ),
        "modernbert": ModernBertConfig(
            hidden_size=32,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=40,
            global_attn_every_n_layers=3,
            local_attention=12,
            bos_token_id=tokenizer.cls_token_id,
            cls_token_id=tokenizer.cls_token_id,
            eos_token_id=tokenizer.sep_token_id,
            sep_token_id=tokenizer.sep_token_id,
            **common,
        ),
        "roberta": RobertaConfig(
            hidden_size=40,
            num_hidden_layers=2,
            num_attention_heads=5,
            intermediate_size=64,
            **common,
        ),
    }


def random_model(tokenizer: Any, family: str) -> Any:
    """A model of this family with weights large enough for sharp decisions."""
    torch.manual_seed(11)
    model = AutoModelForTokenClassification.from_config(shapes(tokenizer)[family]).eval()
    with torch.no_grad():
        model.classifier.weight.mul_(20)
    return model


def random_windows(lengths: Sequence[int], seed: int = 3) -> list[IntArray]:
    random = np.random.default_rng(seed)
    return [random.integers(5, 300, length) for length in lengths]


def logits_of(model: Any, window: IntArray) -> Any:
    """What the model says of one window alone, nothing padded."""
    with torch.inference_mode():
        return model(input_ids=torch.from_numpy(window[None])).logits[0].numpy()


REPORTS = [
    *invent_reports(12, seed=5),
    join_reports(invent_reports(8, seed=6)),
    Report("none", ""),
    Report("blank", " \n"),
    Report("short", "قوات"),
]


@needs_openvino
@pytest.mark.parametrize("family", ["bert", "modernbert"])
def test_exact_has_the_references_spans_whatever_the_shape(
    family: str, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    folder = write_model(tmp_path / family, random_model(tiny_tokenizer, family), tiny_tokenizer)
    reference = Reference(folder)
    predictor = BatchPredictor.from_pretrained(folder, device="cpu", precision="exact")
    assert type(predictor.engine).__name__ == "OpenVINOEngine"
    found = list(predictor.predict(REPORTS))
    assert sum(len(report.spans or ()) for report in found) > 50
    assert reference.differing(REPORTS, found) == []
    # Windows of many lengths in one batch, one length, and one alone.
    for lengths in ((3, 64, 17, 40), (16, 16), (33,)):
        windows = random_windows(lengths)
        for window, logits in zip(windows, predictor.engine.run(windows), strict=True):
            assert logits.shape == (len(window), len(TAGS))
            expected = reference.engine.run([window])[0]
            assert np.abs(logits - expected).max() < 1e-3


@needs_openvino
def test_each_precision_has_the_references_spans_of_a_fitted_model(tiny_model: Path) -> None:
    reference = Reference(tiny_model)
    expected = {r.id: set(r.spans or ()) for r in reference.predictor.predict(REPORTS)}
    assert sum(map(len, expected.values())) > 80
    for precision, share in (("exact", 1.0), ("fast", 0.97)):
        predictor = BatchPredictor.from_pretrained(tiny_model, device="cpu", precision=precision)
        assert predictor.engine.precision == precision
        found = list(predictor.predict(REPORTS))
        if precision == "exact":
            assert reference.differing(REPORTS, found) == []
        same = sum(len(expected[report.id] & set(report.spans or ())) for report in found)
        either = sum(len(expected[report.id] | set(report.spans or ())) for report in found)
        assert same >= share * either


def test_a_differing_report_would_be_found(tiny_model: Path) -> None:
    reference = Reference(tiny_model)
    found = list(reference.predictor.predict(REPORTS))
    assert reference.differing(REPORTS, found) == []
    other = Report(found[3].id, found[3].text, (found[3].spans or ())[1:])
    assert reference.differing(REPORTS, [*found[:3], other, *found[4:]]) == [other.id]


def test_pytorch_in_bfloat16_is_near_and_leaves_the_model_as_it_was(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tiers, "openvino_is_installed", lambda: False)
    caplog.set_level(logging.INFO)
    predictor = BatchPredictor.from_pretrained(tiny_model, device="cpu", precision="fast")
    assert isinstance(predictor.engine, TorchEngine)
    assert predictor.engine.precision == "fast"
    assert caplog.messages == [
        "--precision fast: computed by PyTorch; several times faster with "
        "pip install 'rasd[openvino]'"
    ]
    exact = BatchPredictor.from_pretrained(tiny_model, device="cpu", precision="exact")
    windows = random_windows((9, 30))
    for one, other in zip(predictor.engine.run(windows), exact.engine.run(windows), strict=True):
        assert one.dtype == np.float32
        assert 0 < np.abs(one - other).max() < 0.5
        assert (one.argmax(1) == other.argmax(1)).mean() > 0.8


def test_a_model_that_cannot_be_converted_is_computed_by_pytorch(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(model: Path) -> Any:
        raise RuntimeError("no rule for\naten::strange")

    monkeypatch.setattr(tiers, "openvino_is_installed", lambda: True)
    monkeypatch.setattr(tiers, "load_network", refuse)
    predictor = BatchPredictor.from_pretrained(tiny_model, device="cpu")
    assert isinstance(predictor.engine, TorchEngine)
    assert caplog.messages == [
        "--precision exact: computed by PyTorch, since OpenVINO cannot convert this model: "
        "no rule for aten::strange"
    ]


@needs_openvino
def test_a_conversion_that_fails_leaves_logging_as_it_was(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Strange(torch.nn.Module):
        config = BertConfig()

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
            raise RuntimeError("not to be traced")

    root = logging.getLogger()
    before = root.level, list(root.handlers), list(root.filters)
    with pytest.raises(Exception, match="not to be traced"):
        convert(Strange())
    assert (root.level, list(root.handlers), list(root.filters)) == before


@needs_openvino
def test_turning_positions_is_one_operation(tiny_tokenizer: Any) -> None:
    import openvino

    network = convert(random_model(tiny_tokenizer, "modernbert"))
    compiled = openvino.Core().compile_model(network, "CPU").get_runtime_model()
    kinds = [operation.get_rt_info()["layerType"].astype(str) for operation in compiled.get_ops()]
    layers = random_model(tiny_tokenizer, "modernbert").config.num_hidden_layers
    assert kinds.count("RoPE") == 2 * layers, "of queries and of keys"


@needs_openvino
@pytest.mark.parametrize(("family", "products_a_layer"), [("modernbert", 2), ("bert", 0)])
def test_joint_projections_are_cut_apart_and_say_the_same(
    family: str, products_a_layer: int, tiny_tokenizer: Any
) -> None:
    model = random_model(tiny_tokenizer, family)
    windows = random_windows((40, 3, 64, 17))
    expected = [logits_of(model, window) for window in windows]
    network = convert(model)
    assert cut_projections(network) == products_a_layer * model.config.num_hidden_layers
    assert cut_projections(network) == 0, "nothing is left to cut"
    found = OpenVINOEngine(network, tiny_tokenizer.pad_token_id, WINDOW, "exact").run(windows)
    for logits, alone in zip(found, expected, strict=True):
        assert np.abs(logits - alone).max() < 1e-3


# Without padding, as on a GPU


def attention_one_by_one(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bounds: torch.Tensor,
    bounds_k: torch.Tensor,
    longest: int,
    longest_k: int,
    *,
    scale: float,
    window_size: tuple[int, int],
) -> torch.Tensor:
    """What torch's varlen_attn computes on a GPU, by its documentation, sequence by sequence."""
    assert bounds.dtype == torch.int32
    assert bounds.tolist() == bounds_k.tolist()
    assert longest == longest_k == bounds.diff().max()
    found = torch.empty_like(query)
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        q, k, v = (part[start:stop].transpose(0, 1) for part in (query, key, value))
        places = torch.arange(stop - start)
        ahead = places[None] - places[:, None]
        left, right = window_size
        seen = ((left < 0) | (-ahead <= left)) & ((right < 0) | (ahead <= right))
        scores = (q @ k.transpose(1, 2) * scale).masked_fill(~seen, -torch.inf)
        found[start:stop] = (scores.softmax(-1) @ v).transpose(0, 1)
    return found


@pytest.mark.parametrize("family", ["bert", "modernbert", "roberta"])
def test_packed_windows_have_the_logits_of_each_alone(
    family: str, tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(varlen, "varlen_attn", attention_one_by_one)
    model = random_model(tiny_tokenizer, family)
    windows = random_windows((40, 3, 64, 1, 17))
    expected = [logits_of(model, window) for window in windows]
    # Attention over its neighbours would change them: the test sees it.
    engine = PackedEngine(model, torch.float32)
    found = engine.run(windows)
    assert [logits.shape for logits in found] == [(len(w), len(TAGS)) for w in windows]
    for logits, alone in zip(found, expected, strict=True):
        assert np.abs(logits - alone).max() < 1e-3
    assert np.abs(engine.run([np.concatenate(windows)])[0][:40] - expected[0]).max() > 1e-2


def test_batches_are_of_few_sizes() -> None:
    sizes = {few_counts(count) for count in range(1, 513)}
    assert sorted(sizes)[:14] == [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24]
    assert len(sizes) == 7 + 4 * 6 + 1
    assert all(0.8 * count <= few_counts(count) <= count for count in range(1, 513))


@needs_openvino
def test_a_batch_that_is_cut_comes_back_whole_and_in_order(
    tiny_tokenizer: Any,
) -> None:
    model = random_model(tiny_tokenizer, "bert")
    engine = OpenVINOEngine(convert(model), tiny_tokenizer.pad_token_id, WINDOW, "exact")
    windows = random_windows([3 + number % 5 for number in range(23)])
    found = engine.run(windows)
    assert len(found) == 23
    for window, logits in zip(windows, found, strict=True):
        assert np.abs(logits - logits_of(model, window)).max() < 1e-3


def test_packing_is_for_gpus(tiny_tokenizer: Any) -> None:
    assert not can_be_packed(random_model(tiny_tokenizer, "bert"))


# What is asked for and cannot be


def test_fastest_without_an_int8_network_says_how_to_make_one(tiny_model: Path) -> None:
    with pytest.raises(UserError) as refused:
        BatchPredictor.from_pretrained(tiny_model, device="cpu", precision="fastest")
    told = str(refused.value)
    assert "\n" not in told
    if openvino_is_installed():
        assert told == (
            f"--precision fastest: {tiny_model} has no int8 network; make it with "
            f"python -m inference prepare --model {tiny_model} --calibration FILE"
        )
    else:
        assert told.endswith("pip install 'rasd[openvino]'")


def test_fastest_without_openvino_is_refused_in_one_line(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.int8.openvino_is_installed", lambda: False)
    with pytest.raises(UserError) as refused:
        BatchPredictor.from_pretrained(tiny_model, device="cpu", precision="fastest")
    assert str(refused.value) == (
        "--precision fastest needs OpenVINO, which comes with pip install 'rasd[openvino]'"
    )


def test_an_unknown_precision_is_told_before_anything_is_loaded() -> None:
    with pytest.raises(UserError, match="--precision best: expected one of exact, fast, fastest"):
        BatchPredictor.from_pretrained("nowhere", precision="best")


def test_windows_that_32_does_not_divide_are_not_padded_beyond(tiny_tokenizer: Any) -> None:
    assert WINDOW % 32 == 0
    model = random_model(tiny_tokenizer, "bert")
    for window_size in (41, WINDOW):
        engine = TorchEngine(model, tiny_tokenizer.pad_token_id, window_size)
        (window,) = random_windows((41,))
        assert np.abs(engine.run([window])[0] - logits_of(model, window)).max() < 1e-3
