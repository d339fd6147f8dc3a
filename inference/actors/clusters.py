"""Unknown parties: spellings of one name get one id, which holds for a run."""

from collections import Counter
from dataclasses import dataclass

from inference.actors.heads import HEADS, ORDINALS, without_head
from inference.actors.near_names import NearNames
from inference.names.letters import ARTICLE, name_words

_KUNYA = frozenset(name_words("أبو أبي أبا أم ابن بنت"))


@dataclass(slots=True)
class Cluster:
    """An unknown party."""

    id: str
    name: str
    """As it was written where it was first met."""
    head: str
    """The head noun of those of its names that have one; empty where none has."""


class Clusters:
    """Gives ids, `unknown-1` and so on, in the order in which unknown parties are met.

    A name goes to the cluster of one that is spelt the same but for what `name_words` leaves out,
    for a head noun, or for a slip of the pen. Two head nouns make two parties.
    """

    def __init__(self) -> None:
        self._count = 0
        self._of_name: dict[str, Cluster] = {}
        self._of_rest: dict[str, list[Cluster]] = {}
        """By the name without its head noun."""
        self._near = NearNames()
        self._names_with: Counter[str] = Counter()
        """In how many names a word was met."""

    def of(self, name: str) -> Cluster:
        """The cluster of a bare name, a new one where it is like none before."""
        if name not in self._of_name:
            self._of_name[name] = self._place(name)
        return self._of_name[name]

    def _place(self, name: str) -> Cluster:
        words = name_words(name)
        rest = without_head(words)
        head, rest = (words[0], rest) if rest else ("", words)
        key = "".join(rest)
        cluster = self._same(key, head) or self._similar(rest, head)
        if cluster is None:
            self._count += 1
            cluster = Cluster(f"unknown-{self._count}", name, head)
        cluster.head = cluster.head or head
        self._remember(rest, key, cluster)
        return cluster

    def _same(self, key: str, head: str) -> Cluster | None:
        clusters = self._of_rest.get(key, [])
        fitting = [one for one in clusters if not head or one.head in ("", head)]
        return fitting[0] if fitting else None

    def _similar(self, words: tuple[str, ...], head: str) -> Cluster | None:
        for other, _ in self._near.slips(words, _CommonWords(self._names_with)):
            cluster = self._same(other, head)
            if cluster is not None:
                return cluster
        return None

    def _remember(self, words: tuple[str, ...], key: str, cluster: Cluster) -> None:
        clusters = self._of_rest.setdefault(key, [])
        if cluster not in clusters:
            clusters.append(cluster)
        if key not in self._near:
            self._near.add(words)
            self._names_with.update(set(words))


def short_forms(name: str) -> set[str]:
    """The words that a person's full name is shortened to, the first and the last, folded.

    Nothing for a body's name, whose last word is another's (مجلس الشعب), and for a kunya (أم غسان).
    """
    words = name_words(name)
    if len(words) < 2 or words[0] in HEADS or (len(words) == 2 and words[0] in _KUNYA):
        return set()
    # The last word of a name with the article is told with it: الحموي.
    return {one for word in (words[0], words[-1]) for one in (word, ARTICLE + word)}


class _CommonWords:
    """Words met in several names, and those that are words of their own anyway."""

    def __init__(self, names_with: Counter[str]) -> None:
        self._names_with = names_with

    def __contains__(self, word: object) -> bool:
        return word in HEADS or word in ORDINALS or self._names_with[str(word)] > 1
