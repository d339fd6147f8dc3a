"""The rules of the house that no other test would notice broken."""

import argparse
import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from annotation.bundled import HOME
from training.config import load_config

ROOMS = ("annotation", "inference", "training")
"""Each may import itself and the ones before it."""
MODULES = sorted(path for room in ROOMS for path in (HOME / room).rglob("*.py"))
CONFIGS = sorted((HOME / "configs").glob("*.toml"))
HEAVY = {"torch", "transformers", "accelerate", "datasets", "tokenizers", "safetensors"}


def imports(path: Path) -> Iterator[str]:
    """The dotted names of all modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it leads"
            yield node.module or ""


def named(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(HOME)) for path in paths]


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 40
    assert "annotation" in {name.split(".")[0] for name in imports(HOME / "training" / "fit.py")}


@pytest.mark.parametrize("path", MODULES, ids=named(MODULES))
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(HOME).parts[0]
    allowed = ROOMS[: ROOMS.index(room) + 1]
    reached = {name.split(".")[0] for name in imports(path)}
    assert reached & set(ROOMS) <= set(allowed)
    assert not reached & {"tests", "tiny"}
    if room == "annotation":
        assert not reached & HEAVY


@pytest.mark.parametrize("path", MODULES, ids=named(MODULES))
def test_only_the_command_lines_read_arguments_print_or_exit(path: Path) -> None:
    if path.name in ("__main__.py", "command_line.py"):
        return
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "sys.exit", "exit", "logging.basicConfig", "input")
    assert "argparse" not in set(imports(path))


def test_the_annotation_room_opens_without_torch() -> None:
    """Annotators convert and check files on machines that could not hold a model."""
    program = (
        "import sys, annotation.__main__, annotation.convert, annotation.check, annotation.split\n"
        f"print(sorted(set({sorted(HEAVY)!r}) & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=HOME, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
    for path in MODULES:
        names = "_".join(path.relative_to(HOME).with_suffix("").parts).split("_")
        assert not drawers & set(names), path


@pytest.mark.parametrize("path", MODULES, ids=named(MODULES))
def test_every_module_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree) or not tree.body


# Configurations


@pytest.mark.parametrize("path", CONFIGS, ids=named(CONFIGS))
def test_every_shipped_configuration_is_loaded(path: Path) -> None:
    tables = tomllib.loads(path.read_text("utf-8")).keys()
    name = str(path.relative_to(HOME))
    if "label" in tables:
        from annotation.labels import load_labels

        assert load_labels(name)
    elif "schedule" in tables:
        from training.config import read_config
        from training.pretraining.config import PretrainConfig

        assert read_config(name, (), PretrainConfig)
    else:
        assert load_config(name).data.train


# Commands


def commands() -> list[tuple[str, str, argparse.ArgumentParser]]:
    """(room, command, its parser) of all three rooms."""
    found = []
    for room in ROOMS:
        parser = import_module(f"{room}.__main__").build_parser().parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                found += [(room, name, command) for name, command in action.choices.items()]
    return found


COMMANDS = commands()


def test_the_promised_commands_are_there() -> None:
    promised = {
        ("annotation", "convert"),
        ("annotation", "check"),
        ("annotation", "split"),
        ("annotation", "agree"),
        ("annotation", "adjudicate"),
        ("annotation", "pull"),
        ("annotation", "push"),
        ("annotation", "queue"),
        ("training", "fit"),
        ("training", "evaluate"),
        ("training", "compare"),
        ("training", "sweep"),
        ("training", "pretrain"),
        ("training", "loss-curve"),
        ("training", "calibrate"),
        ("training", "baseline"),
        ("training", "suspects"),
        ("training", "errors"),
        ("training", "summary"),
        ("inference", "predict"),
        ("inference", "tokens"),
        ("inference", "serve"),
        ("inference", "facts"),
        ("inference", "prepare"),
        ("inference", "benchmark"),
        ("inference", "label-studio"),
    }
    there = {(room, name) for room, name, _ in COMMANDS}
    assert promised - there == set(), "a command that users were promised is gone"
    assert there - promised == set(), "a new command is a new promise: it belongs into the list"


@pytest.mark.parametrize(
    ("room", "name", "parser"), COMMANDS, ids=[f"{room} {name}" for room, name, _ in COMMANDS]
)
def test_every_command_has_help_with_an_example(
    room: str, name: str, parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as ended:
        import_module(f"{room}.__main__").main([name, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert parser.description, "what the command does"
    assert parser.description in " ".join(shown.split())
    example = shown.partition("\nexample:\n")[2].strip()
    assert example.startswith(f"python -m {room} {name} "), "an example that can be typed"
    for action in parser._actions:
        assert action.help, f"{action.option_strings or action.dest} has no help"
    # The example is one that the command takes.
    parser.parse_args(example.split()[4:])


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_lists_its_commands(room: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        import_module(f"{room}.__main__").main(["--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for other, name, parser in COMMANDS:
        if other == room:
            assert f" {name} " in shown
            text = (parser.description or "").rstrip(".")
            assert text[1:] in shown


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_called_without_a_command_says_so(room: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        import_module(f"{room}.__main__").main([])
    assert ended.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
