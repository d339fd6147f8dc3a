"""README.md says what the code does: its table of commands, and the commands that it shows."""

import importlib
import json
import re
import shlex
from pathlib import Path

import pytest

from annotation.bundled import CORPUS, HOME

ROOMS = ("annotation", "training", "inference")
README = (HOME / "README.md").read_text("utf-8")
# As small as fitting goes: what is tested is that the commands fit together.
SMALL = [
    "--set=augmentation.copies=0",
    "--set=trainer.num_train_epochs=1",
    "--set=trainer.max_steps=2",
]


def table_of_commands() -> str:
    lines = ["| command | |", "| --- | --- |"]
    for room in ROOMS:
        parser = importlib.import_module(f"{room}.__main__").build_parser()
        for name, summary in parser.summaries.items():
            lines.append(f"| `python -m {room} {name}` | {summary} |")
    return "\n".join(lines)


def shown_commands() -> list[list[str]]:
    """The arguments of every `python -m …` in a code block of README.md, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line)[2:] for line in lines if line.startswith("python -m")]


def test_the_table_of_commands_is_made_from_the_code() -> None:
    between = re.search(r"<!-- commands.*?-->\n(.*?)\n<!-- /commands -->", README, re.DOTALL)
    found = between.group(1).strip() if between else ""
    assert found == table_of_commands(), f"put this between the marks:\n{table_of_commands()}"


def test_readme_shows_the_main_commands() -> None:
    shown = {tuple(command[:2]) for command in shown_commands()}
    assert {
        ("annotation", "check"),
        ("annotation", "split"),
        ("training", "fit"),
        ("training", "evaluate"),
        ("inference", "predict"),
    } <= shown


def test_the_commands_of_readme_work_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = json.loads((HOME / CORPUS).read_text("utf-8"))[::25]
    (tmp_path / "export.json").write_text(json.dumps(tasks), "utf-8")
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "one.txt").write_text("دخلت قافلة من 3 شاحنات إلى الرقة", "utf-8")
    monkeypatch.chdir(tmp_path)
    for room, command, *arguments in shown_commands():
        main = importlib.import_module(f"{room}.__main__").main
        small = SMALL if command == "fit" else []
        assert main([command, *arguments, *small]) == 0, (room, command, arguments)
    written = (tmp_path / "predictions.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["id"] for line in written] == ["one"]
    assert (tmp_path / "runs" / "mine" / "evaluation.json").is_file()
