"""Whose annotations to take of tasks that several people annotated."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.formats.regions import Marked
from annotation.problems import UserError

UNKNOWN = "unknown"
"""The name of an annotator whom the export does not tell."""
ANNOTATOR_FIELD = "annotator"
"""The field of a report that holds who annotated it, where everybody's spans are taken."""
DOCUMENT_FIELD = "document"
"""The field of such a report that holds the id which it shares with the others of its text."""


@dataclass(frozen=True, slots=True)
class Annotator:
    """A person by the names that exports know people by."""

    email: str | None = None
    username: str | None = None
    id: str | None = None

    @property
    def name(self) -> str:
        """The name that reports carry: the most telling one there is."""
        return self.email or self.username or self.id or UNKNOWN

    def is_called(self, name: str) -> bool:
        """Whether `name` is one of the person's names."""
        return name in (self.email, self.username, self.id, self.name)


def annotator_of(annotation: Mapping[str, Any]) -> Annotator:
    """Who made an annotation: `completed_by` is a number or an object."""
    person = annotation.get("completed_by")
    if isinstance(person, Mapping):
        names = {key: person.get(key) for key in ("email", "username", "id")}
        return Annotator(**{key: str(name) for key, name in names.items() if name})
    return Annotator(id=str(person)) if isinstance(person, int | str) else Annotator()


def made_when(annotation: Mapping[str, Any]) -> tuple[str, int]:
    """What annotations are ordered by: their time, and their number where it is the same."""
    number = annotation.get("id")
    return str(annotation.get("created_at") or ""), number if isinstance(number, int) else 0


def check_choice(choice: str | None, tasks: Iterable[Sequence[Annotator]], file: str) -> None:
    """Raise UserError where a choice between annotators is needed, or names nobody.

    `tasks` are the annotators of each task's annotations.
    """
    people: Counter[str] = Counter()
    shared = 0
    called = False
    for annotators in tasks:
        names = {annotator.name for annotator in annotators}
        people.update(names)
        shared += len(names) > 1
        called = called or any(annotator.is_called(choice or "") for annotator in annotators)
    named = ", ".join(f"{name} ({count} tasks)" for name, count in sorted(people.items()))
    if choice is None and shared:
        raise UserError(
            f"{file}: {shared} tasks were annotated by several people: {named}; choose with "
            "--annotators all (a report each), first (the earliest), majority (spans that more "
            "than half of them marked), or one of the names"
        )
    if choice not in (None, "all", "first", "majority") and not called and people:
        raise UserError(
            f"{file}: --annotators {choice}: nobody of that name; "
            f"expected all, first, majority or one of {named}"
        )


def majority(marked: Sequence[Marked]) -> Marked:
    """The spans that more than half marked, a `Marked` a person.

    They cannot overlap: of two spans that more than half marked each, somebody marked both, and
    nobody's spans overlap. Where one person's annotation cannot be used, there is no vote.
    """
    repairs = [repair for one in marked for repair in one.repairs]
    problems = tuple(problem for one in marked for problem in one.problems)
    if problems:
        return Marked((), problems, repairs)
    votes = Counter(span for one in marked for span in one.spans)
    kept = sorted(span for span, count in votes.items() if 2 * count > len(marked))
    return Marked(tuple(kept), (), repairs)
