"""Says in a person's words what pydantic found wrong."""

from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError


def explain_validation(
    file: str, error: ValidationError, model: type[BaseModel] | None = None
) -> list[str]:
    """Every problem of `error`, a line each: where, what was found, what was expected.

    With `model` (the one that was validated) an unknown key is told with the keys there are.
    """
    return [_explain(file, dict(problem), model) for problem in error.errors()]


def _explain(file: str, problem: dict[str, Any], model: type[BaseModel] | None) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    found = problem.get("input")
    if problem["type"] == "extra_forbidden":
        valid = sorted(_keys_at(model, problem["loc"][:-1])) if model else []
        close = get_close_matches(str(problem["loc"][-1]), valid, n=1)
        guess = f"; did you mean {close[0]}?" if close else ""
        choices = f"; expected one of {', '.join(valid)}" if valid else ""
        return f"{file}: {where}: no such key{guess}{choices}"
    if problem["type"] == "missing":
        return f"{file}: {where}: missing; it must be given"
    if problem["type"] == "value_error":
        return f"{file}: {where}: {problem['ctx']['error']}"
    return f"{file}: {where}: {problem['msg']}; found {found!r:.60}"


def _keys_at(model: type[BaseModel] | None, path: tuple[int | str, ...]) -> set[str]:
    """The keys that the model at `path` below `model` takes."""
    for part in path:
        if model is None or not isinstance(part, str) or part not in model.model_fields:
            return set()
        inner = model.model_fields[part].annotation
        model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
    return {field.alias or name for name, field in model.model_fields.items()} if model else set()
