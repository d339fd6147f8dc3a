"""The commands of this room: `python -m training COMMAND …`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from annotation.command_line import CommandParser, add_reading_arguments, reading_options, run


def _fit(arguments: argparse.Namespace) -> int:
    from training.config import load_config
    from training.fit import fit

    config = load_config(arguments.config, arguments.set)
    record = fit(config, arguments.output, resume=arguments.resume, init=arguments.init)
    for part, scores in record.get("metrics", {}).items():
        print(f"{arguments.output}: {part} F1 {scores['micro']['f1']:.4f}", file=sys.stderr)
    return 1 if any(part["set_aside"] for part in record.get("data", {}).values()) else 0


def _pretrain(arguments: argparse.Namespace) -> int:
    from training.config import read_config
    from training.pretraining.config import PretrainConfig
    from training.pretraining.pretrain import pretrain

    config = read_config(arguments.config, arguments.set, PretrainConfig)
    record = pretrain(config, arguments.output, arguments.init)
    print(f"{arguments.output}: loss {record['history'][-1]['loss']}", file=sys.stderr)
    return 0


def _loss_curve(arguments: argparse.Namespace) -> int:
    from training.pretraining.curve import draw_loss_curves

    draw_loss_curves(arguments.records, arguments.output)
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from training.evaluate import evaluate_model, evaluate_predictions

    gold, output, options = arguments.gold, arguments.output, reading_options(arguments)
    if arguments.model is not None:
        evaluation = evaluate_model(arguments.model, gold, output, arguments.device, options)
    else:
        evaluation = evaluate_predictions(arguments.predictions, gold, output, options)
    print("\n".join(evaluation.table()))
    return 1 if evaluation.origin["set_aside"] or evaluation.missing else 0


def _summary(arguments: argparse.Namespace) -> int:
    from training.summary import summarise

    print("\n".join(summarise(arguments.run)))
    return 0


def build_parser() -> CommandParser:
    """All commands of this room."""
    commands = CommandParser("training", "Fit a model on annotated reports, and measure it.")

    fit = commands.add(
        "fit",
        _fit,
        "fit a token classifier on annotated reports",
        "--config configs/embedded.toml --set data.train=train.jsonl --output runs/mine/model",
    )
    _add_config_arguments(fit)
    fit.add_argument("--resume", action="store_true", help="go on with a run that was cut off")
    fit.add_argument(
        "--init", type=Path, metavar="MODEL", help="go on from an earlier model folder"
    )
    fit.add_argument("--output", type=Path, required=True, help="the model folder to make")

    pretrain = commands.add(
        "pretrain",
        _pretrain,
        "pre-train an encoder on texts; called again, it goes on where it stopped",
        "--config configs/pretrain.toml --set data.files=archive/ --output runs/encoder",
    )
    _add_config_arguments(pretrain)
    pretrain.add_argument("--init", metavar="ENCODER", help="go on from a hub name or folder")
    pretrain.add_argument("--output", type=Path, required=True, help="the encoder folder to make")

    curve = commands.add(
        "loss-curve",
        _loss_curve,
        "draw how the loss of pre-trainings fell",
        "runs/encoder/pretraining.json --output loss.svg",
    )
    curve.add_argument(
        "records", type=Path, nargs="+", metavar="RECORD", help="pretraining.json of an encoder"
    )
    curve.add_argument("--output", type=Path, required=True, help="an .svg or .png file")

    evaluate = commands.add(
        "evaluate",
        _evaluate,
        "measure a model, or a file of predictions, on gold reports",
        "--model runs/embedded/model --gold held_out.jsonl --output runs/embedded",
    )
    measured = evaluate.add_mutually_exclusive_group(required=True)
    measured.add_argument("--model", type=Path, help="a model folder")
    measured.add_argument("--predictions", type=Path, help="a file that inference predict wrote")
    evaluate.add_argument("--gold", required=True, help="annotated reports, in any format")
    evaluate.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    evaluate.add_argument("--output", type=Path, required=True, help="the folder to write into")
    add_reading_arguments(evaluate)

    summary = commands.add(
        "summary", _summary, "print what a run made, where, and its F1", "runs/embedded"
    )
    summary.add_argument("run", type=Path, help="a run's folder, as make run makes it")
    return commands


def _add_config_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", required=True, help="a file of settings, like configs/*.toml")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="put one setting over the file's; may be given several times",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status."""
    return run(build_parser().parser, argv)


if __name__ == "__main__":
    sys.exit(main())
