"""The commands of this room: `python -m training COMMAND …`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from annotation.command_line import CommandParser, add_reading_arguments, reading_options, run
from annotation.problems import UserError
from inference.precisions import PRECISION_HELP, PRECISIONS
from training.tracker_names import TRACKERS


def _fit(arguments: argparse.Namespace) -> int:
    from training.calibrate import describe_calibration
    from training.config import load_config
    from training.fit import fit

    config = load_config(arguments.config, arguments.set)
    record = fit(config, arguments.output, resume=arguments.resume, init=arguments.init)
    for part, scores in record.get("metrics", {}).items():
        print(f"{arguments.output}: {part} F1 {scores['micro']['f1']:.4f}", file=sys.stderr)
    if "calibration" in record:
        told = describe_calibration(record["calibration"])
        print(f"{arguments.output}: {told}", file=sys.stderr)
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
    from training.evaluate import EVALUATION, Besides, evaluate_model, evaluate_predictions
    from training.evaluation.page.write import PAGE
    from training.tracking import check_trackers, send_evaluation

    check_trackers(arguments.report_to, "--report-to")
    gold, output, options = arguments.gold, arguments.output, reading_options(arguments)
    besides = Besides(arguments.train, arguments.slice, arguments.project)
    if arguments.model is not None:
        evaluation = evaluate_model(
            arguments.model,
            gold,
            output,
            arguments.device,
            options,
            besides,
            precision=arguments.precision,
            least_score=arguments.least_score,
        )
    elif arguments.least_score is not None:
        raise UserError("--least-score is for --model: predictions are taken as they are")
    else:
        evaluation = evaluate_predictions(arguments.predictions, gold, output, options, besides)
    print("\n".join([*evaluation.warnings(), *evaluation.table(), *evaluation.remarks()]))
    send_evaluation(evaluation.to_json(), arguments.report_to, output, EVALUATION)
    print(f"{output / PAGE}: open it in a browser to look at the errors", file=sys.stderr)
    return 1 if evaluation.needs_a_look else 0


def _calibrate(arguments: argparse.Namespace) -> int:
    from training.calibrate import calibrate_model, describe_calibration

    record = calibrate_model(
        arguments.model, arguments.gold, arguments.device, reading_options(arguments)
    )
    print(f"{arguments.model}: {describe_calibration(record)}", file=sys.stderr)
    return 1 if record["set_aside"] else 0


def _compare(arguments: argparse.Namespace) -> int:
    from training.compare import compare_files

    comparison = compare_files(
        arguments.first,
        arguments.second,
        arguments.gold,
        arguments.output,
        reading_options(arguments),
    )
    print("\n".join(comparison.table()))
    return 1 if comparison.needs_a_look else 0


def _sweep(arguments: argparse.Namespace) -> int:
    from training.config import load_config
    from training.sweep import describe_sweep, sweep_folds, sweep_seeds

    config = load_config(arguments.config, arguments.set)
    if arguments.folds is not None:
        swept = sweep_folds(config, arguments.folds, arguments.output, resume=arguments.resume)
    else:
        swept = sweep_seeds(config, arguments.seeds, arguments.output, resume=arguments.resume)
    print("\n".join(describe_sweep(swept)))
    return 1 if swept["set_aside"] else 0


def _baseline(arguments: argparse.Namespace) -> int:
    from training.baseline.predict import predict_baseline

    run = predict_baseline(
        arguments.train,
        arguments.gold,
        arguments.output,
        reading_options(arguments),
        only_names=arguments.only_names,
    )
    learned = f"{run['training_reports']} reports learned from"
    print(f"{run['predicted']} reports predicted, {learned}: {arguments.output}", file=sys.stderr)
    return 1 if run["set_aside"] else 0


def _suspects(arguments: argparse.Namespace) -> int:
    from training.suspects.find import SuspectSearch, find_by_crf

    sources, output, options = arguments.sources, arguments.output, reading_options(arguments)
    search = SuspectSearch(arguments.folds, arguments.count)
    if arguments.baseline:
        if arguments.set or arguments.resume:
            raise UserError("--set and --resume are for --config: the CRF of --baseline has none")
        found = find_by_crf(sources, output, search, options)
    else:
        from training.config import load_config
        from training.suspects.find_by_model import find_by_model

        config = load_config(arguments.config, arguments.set)
        found = find_by_model(config, sources, output, search, options, resume=arguments.resume)
    print("\n".join(found.describe()))
    return 1 if found.set_aside else 0


def _errors(arguments: argparse.Namespace) -> int:
    from training.error_report import report_errors

    print("\n".join(report_errors(arguments.evaluation, arguments.count)))
    return 0


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
    evaluate.add_argument(
        "--train",
        action="append",
        default=[],
        metavar="FILE",
        help="what was learned from: gold reports near to it are named, and names seen in it; "
        "may be given several times",
    )
    evaluate.add_argument(
        "--slice",
        action="append",
        default=[],
        metavar="MODULE:FUNCTION",
        help="your own groups of spans: a function of a report and a span that names the group",
    )
    evaluate.add_argument(
        "--project",
        metavar="URL",
        help="the Label Studio project of the gold reports, such as "
        "http://localhost:8080/projects/7: the page then links to their tasks "
        "(default: where annotation pull took the file from)",
    )
    evaluate.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    evaluate.add_argument("--precision", choices=PRECISIONS, default="exact", help=PRECISION_HELP)
    evaluate.add_argument(
        "--least-score",
        type=float,
        metavar="T",
        help="count no span of --model that scores less (default: that of its calibration)",
    )
    evaluate.add_argument(
        "--report-to",
        action="append",
        default=[],
        choices=TRACKERS,
        help="send the record to a tracker too, as trainer.report_to does for a fit; may be given "
        "several times",
    )
    evaluate.add_argument("--output", type=Path, required=True, help="the folder to write into")
    add_reading_arguments(evaluate)

    calibrate = commands.add(
        "calibrate",
        _calibrate,
        "make a model's span scores probabilities, by reports that it did not learn from",
        "--model runs/mine/model --gold dev.jsonl",
    )
    calibrate.add_argument(
        "--model", type=Path, required=True, help="a model folder; calibration.json is put into it"
    )
    calibrate.add_argument(
        "--gold", required=True, help="annotated reports, in any format: not those of training"
    )
    calibrate.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add_reading_arguments(calibrate)

    compare = commands.add(
        "compare",
        _compare,
        "say whether one of two sets of predictions is better, and where they differ",
        "a/predictions.jsonl b/predictions.jsonl --gold held_out.jsonl --output comparison",
    )
    compare.add_argument("first", type=Path, metavar="P1", help="a file of predictions")
    compare.add_argument("second", type=Path, metavar="P2", help="another, of the same reports")
    compare.add_argument("--gold", required=True, help="annotated reports, in any format")
    compare.add_argument("--output", type=Path, required=True, help="the folder to write into")
    add_reading_arguments(compare)

    sweep = commands.add(
        "sweep",
        _sweep,
        "fit one configuration several times, and say how much its figures vary",
        "--config configs/embedded.toml --seeds 1,2,3 --output runs/seeds",
    )
    _add_config_arguments(sweep)
    ways = sweep.add_mutually_exclusive_group(required=True)
    ways.add_argument("--seeds", metavar="N,N,…", type=_numbers, help="a fit with each seed")
    ways.add_argument(
        "--folds", metavar="K", type=int, help="k-fold: each report is held out by one of K fits"
    )
    sweep.add_argument("--resume", action="store_true", help="go on with a sweep that was cut off")
    sweep.add_argument("--output", type=Path, required=True, help="the folder to make")

    _add_baseline(commands)
    _add_suspects(commands)

    errors = commands.add(
        "errors",
        _errors,
        "print an evaluation's most frequent kinds of mistakes as a table (Markdown)",
        "runs/embedded --count 10",
    )
    errors.add_argument(
        "evaluation", type=Path, metavar="DIR", help="a folder that evaluate has written into"
    )
    errors.add_argument(
        "--count",
        type=int,
        default=10,
        metavar="N",
        help="how many kinds, the most frequent (default: %(default)s)",
    )

    summary = commands.add(
        "summary", _summary, "print what a run made, where, and its F1", "runs/embedded"
    )
    summary.add_argument("run", type=Path, help="a run's folder, as make run makes it")
    return commands


def _add_baseline(commands: CommandParser) -> None:
    command = commands.add(
        "baseline",
        _baseline,
        "predict with a CRF, or a list of names, fitted in seconds: what a model has to beat",
        "--train train.jsonl --gold held_out.jsonl --output baseline.jsonl",
    )
    command.add_argument(
        "--train",
        action="append",
        required=True,
        metavar="FILE",
        help="annotated reports to learn from; may be given several times",
    )
    command.add_argument(
        "--gold", required=True, help="annotated reports to predict; their spans are not looked at"
    )
    command.add_argument(
        "--only-names",
        action="store_true",
        help="no CRF: what is marked in training reports is marked wherever it stands again",
    )
    command.add_argument(
        "--output", required=True, metavar="FILE", help="the predictions, a .jsonl file or -"
    )
    add_reading_arguments(command)


def _add_suspects(commands: CommandParser) -> None:
    command = commands.add(
        "suspects",
        _suspects,
        "list likely annotation mistakes: what models that had not seen a report read otherwise",
        "reports.jsonl --baseline --output suspects",
    )
    command.add_argument(
        "sources", nargs="+", metavar="FILE", help="annotated reports: a file or a folder"
    )
    model = command.add_mutually_exclusive_group(required=True)
    model.add_argument(
        "--baseline", action="store_true", help="fit the CRF of `baseline`: seconds a fold"
    )
    model.add_argument(
        "--config", help="fit the model of a file of settings, like configs/*.toml: surer, slower"
    )
    _add_set_argument(command)
    command.add_argument(
        "--folds",
        metavar="K",
        type=int,
        default=5,
        help="each report is judged by one of K fits (default: %(default)s)",
    )
    command.add_argument(
        "--count",
        metavar="N",
        type=int,
        default=100,
        help="how many suspects to list, the likeliest (default: %(default)s)",
    )
    command.add_argument(
        "--resume", action="store_true", help="with --config: keep the folds that are fitted"
    )
    command.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="gets suspects.jsonl and its predictions, to be pushed, and ranking.jsonl",
    )
    add_reading_arguments(command)


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} found, expected whole numbers such as 1,2,3"
        ) from None


def _add_config_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", required=True, help="a file of settings, like configs/*.toml")
    _add_set_argument(command)


def _add_set_argument(command: argparse.ArgumentParser) -> None:
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
