"""Other names in the place of those in a report: of one label and kind, with proclitics kept."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import regex
from numpy.random import Generator

from annotation.report import Report
from inference.names.proclitics import attach
from training.augmentation.clitics import CliticReader
from training.augmentation.edits import Edit
from training.augmentation.names import Names

COMMON_HEAD = 6
"""A first word that begins so many different names is a kind of its own: وزارة, ريف, محمد."""
OTHER_KIND = 0.3
"""How often a name of another kind is taken, so that no context is tied to one kind."""
PLACE_INSIDE = 0.5
"""How often of a name that ends in a place (`ريف حلب`, `شرطة عدن`) the place alone is changed."""

PLACE = "LOCATION"
"""The label whose names stand inside other names too."""

_NUMBER = regex.compile(r"[0-9]+|[٠-٩]+")


class _Name(NamedTuple):
    clitics: str
    base: str
    """The name without its proclitics."""
    kind: str


class MentionSwapper:
    """Draws other names for the mentions of reports."""

    def __init__(self, reports: Sequence[Report], names: Names) -> None:
        """Names come from the spans of `reports`, and from `names`."""
        mentions = {
            (span.label, report.text[span.start : span.end])
            for report in reports
            for span in report.spans or ()
        }
        self._persons = names
        listed = {(label, name) for label, known in names.by_label.items() for name in known}
        self._clitics = CliticReader(
            (_first_word(mention) for _, mention in mentions),
            {*names.first, *(_first_word(name) for _, name in listed)},
        )
        mentions |= listed
        heads: Counter[tuple[str, str]] = Counter()
        for label, mention in mentions:
            read = self._clitics.read(_first_word(mention))
            if read and " " in mention:
                heads[label, read.word] += 1
        self._heads = {head for head, count in heads.items() if count >= COMMON_HEAD}
        self._pool: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        found = {(label, self._read(label, mention)) for label, mention in mentions}
        for label, name in sorted((label, name) for label, name in found if name):
            self._pool[label][name.kind].append(name.base)
        places = self._pool[PLACE].values()
        self._places = sorted({name for kind in places for name in kind if " " not in name})
        self._known_places = frozenset(self._places)

    def swaps(self, report: Report, share: float, random: Generator) -> list[Edit]:
        """Edits that give about `share` of the mentions another name or number.

        A name that stands in the report twice gets the same other name both times.
        """
        edits: list[Edit] = []
        given: dict[tuple[str, str], str | None] = {}
        for span in report.spans or ():
            mention = report.text[span.start : span.end]
            if _NUMBER.search(mention):
                if random.random() < share:
                    edits.append(Edit(span.start, span.end, _other_number(mention, random)))
            elif name := self._read(span.label, mention):
                key = (span.label, name.base)
                if key not in given:
                    swapped = random.random() < share
                    given[key] = self._other(span.label, name, random) if swapped else None
                if other := given[key]:
                    edits.append(Edit(span.start, span.end, attach(name.clitics, other)))
        return edits

    def _other(self, label: str, name: _Name, random: Generator) -> str:
        """A name without proclitics, of a person for that of a person."""
        if self._persons.begins_with_a_person(name.base):
            return self._persons.person(len(name.base.split()), random)
        *head, last = name.base.split(" ")
        if head and last in self._known_places and random.random() < PLACE_INSIDE:
            return " ".join([*head, self._places[int(random.integers(len(self._places)))]])
        kinds = self._pool[label]
        names = kinds[name.kind]
        if random.random() < OTHER_KIND:
            names = [other for kind in kinds.values() for other in kind]
        return names[int(random.integers(len(names)))]

    def _read(self, label: str, mention: str) -> _Name | None:
        first = _first_word(mention)
        read = self._clitics.read(first)
        # Marks of noise, numbers (a brigade's): left as it is.
        if read is None or not all(word.isalpha() for word in mention.split(" ")):
            return None
        kind = read.word if (label, read.word) in self._heads else ""
        return _Name(read.clitics, read.word + mention[len(first) :], kind)


def _other_number(mention: str, random: Generator) -> str:
    """The mention with other digits, of the same script and about as many."""

    def drawn(match: regex.Match[str]) -> str:
        zero = "0" if match.group().isascii() else "٠"
        value = str(int(random.integers(2, 10 ** len(match.group()) + 1)))
        return "".join(chr(ord(zero) + int(digit)) for digit in value)

    return str(_NUMBER.sub(drawn, mention))


def _first_word(mention: str) -> str:
    return mention.split(maxsplit=1)[0]
