"""The average of the weights over the last steps: in the model, in checkpoints, after a resume."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_fit import STEPS_AN_EPOCH, Cut, cut_off_at, run_fit, weights, write_inputs

from annotation.formats import read_records
from annotation.ledger import Ledger
from inference.predictor import BatchPredictor
from training.averaging import WeightAverage
from training.evaluate import score_predictor
from training.trainer import SpanTrainer

QUIET = "trainer.report_to=none"
EPOCHS = "trainer.num_train_epochs=3"
BY_STEPS = (QUIET, EPOCHS, "trainer.eval_strategy=steps", "trainer.eval_steps=3")
WITHOUT_CHECKS = (QUIET, EPOCHS, "trainer.eval_strategy=no", "trainer.save_strategy=no")
STEPS = 3 * STEPS_AN_EPOCH


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def uninterrupted(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("averaged") / "model"
    run_fit(config, folder, *BY_STEPS, "fit.averaged=0.4")
    return folder


def walk(average_over: float, steps: int) -> tuple[torch.nn.Parameter, WeightAverage]:
    """A weight that is -1 after the first step, -2 after the second."""
    parameter = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    average = WeightAverage(optimizer, average_over)
    for _ in range(steps):
        parameter.grad = torch.ones(2)
        optimizer.step()
    return parameter, average


def test_the_first_steps_weigh_the_same() -> None:
    parameter, average = walk(average_over=100, steps=4)
    with average.in_place():
        assert parameter.tolist() == pytest.approx([-2.5, -2.5])
    assert parameter.tolist() == [-4, -4]


def test_older_steps_weigh_less() -> None:
    parameter, average = walk(average_over=2, steps=4)
    average.swap()
    # After the second step all that is new weighs a half.
    assert parameter.tolist() == pytest.approx([-((1.5 + 3) / 2 + 4) / 2] * 2)


def test_an_average_over_one_step_is_the_last_one() -> None:
    parameter, average = walk(average_over=0.2, steps=3)
    average.swap()
    assert parameter.tolist() == [-3, -3]


def test_the_fitted_model_is_the_average_of_what_was_learned(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[dict[str, torch.Tensor]] = []
    step = SpanTrainer.training_step

    def note(trainer: SpanTrainer, model: torch.nn.Module, *more: object) -> object:
        # What stands before a step was learned in the one before it.
        learned.append({name: p.detach().clone() for name, p in model.named_parameters()})
        return step(trainer, model, *more)

    run_fit(config, tmp_path / "plain", *WITHOUT_CHECKS)
    monkeypatch.setattr(SpanTrainer, "training_step", note)
    run_fit(config, tmp_path / "model", *WITHOUT_CHECKS, "fit.averaged=1")
    assert len(learned) == STEPS
    last = load_file(tmp_path / "plain" / "model.safetensors")
    found = load_file(tmp_path / "model" / "model.safetensors")
    seen = [*learned[1:], last]
    for name, weight in found.items():
        mean = torch.stack([one[name] for one in seen]).mean(0)
        assert torch.allclose(weight, mean, atol=1e-6), name
    assert any((found[name] - last[name]).abs().max() > 1e-3 for name in found)


def test_what_is_evaluated_is_what_is_kept(config: Path, tmp_path: Path) -> None:
    """The best of three checks; the model that is kept has its figure, and is loaded from it."""
    record = run_fit(config, tmp_path / "model", QUIET, EPOCHS, "fit.averaged=0.4")
    best = max(entry["eval_f1"] for entry in record["history"])
    with Ledger() as ledger:
        reports = list(ledger.sort(read_records(record["config"]["data"]["dev"])))
    predictor = BatchPredictor.from_pretrained(tmp_path / "model", device="cpu", least_score=0)
    assert score_predictor(predictor, reports, record["labels"]).micro.f1 == pytest.approx(best)


@pytest.mark.parametrize("step", [2, STEPS_AN_EPOCH, 2 * STEPS_AN_EPOCH + 1])
def test_a_run_cut_off_anywhere_goes_on_with_the_same_average(
    step: int, config: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    settings = (*BY_STEPS, "fit.averaged=0.4")
    with cut_off_at(step), pytest.raises(Cut):
        run_fit(config, tmp_path / "model", *settings)
    run_fit(config, tmp_path / "model", *settings, resume=True)
    assert weights(tmp_path / "model") == weights(uninterrupted)
    run_fit(config, tmp_path / "plain", *BY_STEPS)
    assert weights(tmp_path / "plain") != weights(uninterrupted)
