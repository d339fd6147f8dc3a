"""Where the task of a report stands in Label Studio, as an address that a browser opens."""

import json
from pathlib import Path

import regex

from annotation.problems import UserError

PULL_STATE = ".pull.json"
"""What a pull leaves beside its output ends so; it names the server and the project."""

_PROJECT = regex.compile(r"(https?://[^\s/?#@]+(?:/[^\s?#@]+?)?/projects/\d+)(?:[/?#]\S*)?")


def check_project_url(address: str) -> str:
    """The address of a project without what follows its number. Raises UserError.

    An address with a name and a password in it is refused: it would stand in files that are shown.
    """
    matched = _PROJECT.fullmatch(address.strip())
    if matched is None:
        raise UserError(
            f"{address!r:.200} is not the address of a Label Studio project; "
            "expected one such as http://localhost:8080/projects/7"
        )
    return str(matched[1])


def project_pulled_into(file: str | Path) -> str | None:
    """The address of the project that `file` was pulled from; None where no pull says so."""
    try:
        state = json.loads(Path(f"{file}{PULL_STATE}").read_text("utf-8"))
        settings = state["settings"]
        return check_project_url(f"{settings['url']}/projects/{settings['project']}")
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return None
