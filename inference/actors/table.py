"""The table of known parties, which researchers own: a CSV file, read and checked as a whole."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import regex

from annotation.bundled import find_file
from annotation.problems import UserError
from inference.actors.actor import Actor
from inference.names.letters import name_key
from inference.owned_table import read_owned_table

ACTORS = "configs/actors.csv"
"""The table that Rasd brings."""
COLUMNS = ("id", "name_ar", "name_en", "kind", "aliases", "valid_from", "valid_to")
SEPARATOR = "|"
"""Between aliases."""
SHARED = "?"
"""Behind an alias that other parties go by as well."""

_REQUIRED = ("id", "name_ar", "kind")
_DATE = regex.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


class _Claim(NamedTuple):
    """Somebody's name, and where it stands."""

    line: int
    actor: Actor
    name: str
    shared: bool


def load_actors(path: str | Path = ACTORS) -> tuple[Actor, ...]:
    """Read a table. Raises UserError that tells all its problems, with their lines."""
    problems: list[str] = []
    actors: list[tuple[int, Actor]] = []
    try:
        file = find_file(path).open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    with file:
        for line, cells in read_owned_table(path, file, COLUMNS, COLUMNS):
            if isinstance(cells, str):
                problems.append(f"{path}:{line}: {cells}")
                continue
            problems += [f"{path}:{line}: {told}" for told in _row_problems(cells)]
            actors.append((line, _to_actor(cells)))
    problems += [f"{path}:{line}: {told}" for line, told in _problems_between(actors)]
    if problems:
        # Those of a row and those between rows were found apart; a person reads by line.
        raise UserError("\n".join(sorted(problems, key=_line_of)))
    return tuple(actor for _, actor in actors)


def _line_of(problem: str) -> int:
    found = regex.search(r":(\d+): ", problem)
    return int(found.group(1)) if found else 0


def _row_problems(cells: dict[str, str]) -> Iterator[str]:
    who = cells["id"] or cells["name_ar"] or "a row"
    for column in _REQUIRED:
        if not cells[column]:
            yield f"{who}: no {column}; it must be given"
    for column in ("valid_from", "valid_to"):
        if cells[column] and not _DATE.fullmatch(cells[column]):
            told = f"{column} is {cells[column]!r}"
            yield f"{who}: {told}, expected a date such as 2014, 2014-06 or 2014-06-29"
    if cells["valid_from"] and cells["valid_to"] and cells["valid_to"] < cells["valid_from"]:
        yield f"{who}: valid_to {cells['valid_to']} lies before valid_from {cells['valid_from']}"
    for alias in (cells["name_ar"], *_aliases(cells["aliases"])):
        if alias and not name_key(alias):
            yield f"{who}: {alias!r} holds no letter, expected a name"


def _aliases(cell: str) -> list[str]:
    return [alias.strip() for alias in cell.split(SEPARATOR) if alias.strip()]


def _to_actor(cells: dict[str, str]) -> Actor:
    aliases = _aliases(cells["aliases"])
    return Actor(
        id=cells["id"],
        name_ar=cells["name_ar"],
        name_en=cells["name_en"],
        kind=cells["kind"],
        aliases=tuple(alias for alias in aliases if not alias.endswith(SHARED)),
        shared_aliases=tuple(
            alias.removesuffix(SHARED).rstrip() for alias in aliases if alias.endswith(SHARED)
        ),
        valid_from=cells["valid_from"],
        valid_to=cells["valid_to"],
    )


def _problems_between(actors: Sequence[tuple[int, Actor]]) -> Iterator[tuple[int, str]]:
    first_line: dict[str, int] = {}
    claims: dict[str, list[_Claim]] = {}
    for line, actor in actors:
        if actor.id and first_line.setdefault(actor.id, line) != line:
            yield line, f"id {actor.id} stood first in line {first_line[actor.id]}, expected once"
        names = [(name, False) for name in (actor.name_ar, *actor.aliases)]
        names += [(name, True) for name in actor.shared_aliases]
        for name, shared in names:
            key = name_key(name)
            if not key:
                continue
            claim = _Claim(line, actor, name, shared)
            for other in claims.setdefault(key, []):
                told = _clash(claim, other)
                if told:
                    yield line, told
                    break
            claims[key].append(claim)


def _clash(claim: _Claim, other: _Claim) -> str | None:
    """Why two rows cannot both have a name."""
    if claim.line == other.line:
        if claim.shared == other.shared:
            return None
        return f"{claim.name} stands there with {SHARED} and without, expected one of them"
    if (claim.shared and other.shared) or not _overlap(claim.actor, other.actor):
        return None
    spelt = "" if claim.name == other.name else f" (there {other.name})"
    return (
        f"{claim.name}, a name of {claim.actor.id}, is one of {other.actor.id} in line {other.line}"
        f"{spelt} too; take it from one of them, or write {SHARED} behind both where "
        "both are called so"
    )


def _overlap(one: Actor, other: Actor) -> bool:
    """Whether there is a time when both are there; one may begin on the day the other ends."""
    begin = max(one.valid_from, other.valid_from)
    ends = [actor.valid_to for actor in (one, other) if actor.valid_to]
    return not ends or not begin or begin < min(ends)
