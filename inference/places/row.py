"""What gazetteer files are read into, whatever their format."""

from dataclasses import dataclass

from inference.places.place import Place


@dataclass(frozen=True, slots=True)
class GazetteerRow:
    """A place with all its names, and the line where it stands."""

    line: int
    place: Place
    names: tuple[str, ...]
    shared: frozenset[str] = frozenset()
    """Those of them that other places go by as well."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out, and why."""

    line: int
    message: str


def read_coordinate(text: str, what: str, limit: float) -> float | str:
    """Degrees between -limit and limit, or the problem."""
    try:
        degrees = float(text)
    except ValueError:
        return f"{what} is {text!r}, expected degrees such as 35.95"
    # NaN is not within any limits.
    if not -limit <= degrees <= limit:
        return f"{what} is {text}, expected degrees from {-limit:g} to {limit:g}"
    return degrees
