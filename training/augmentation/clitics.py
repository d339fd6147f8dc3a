"""Which words of a corpus carry a proclitic, told by its other words alone."""

from collections.abc import Iterable

from inference.names.proclitics import LETTERS, PREFIXES, CliticWord, attach, detach


class CliticReader:
    """Knows from the words that names begin with which of them carry a proclitic."""

    def __init__(self, first_words: Iterable[str], bare: Iterable[str] = ()) -> None:
        """`first_words` come with proclitics and without, `bare` ones surely without."""
        self._bare = frozenset(bare)
        self._known = self._bare.union(first_words)

    def read(self, word: str) -> CliticWord | None:
        """The word without its proclitics; None where nothing tells whether it carries one."""
        for prefix in PREFIXES:
            for rest in detach(word, prefix):
                if rest in self._known:
                    return CliticWord(prefix, rest)
        bare = word[0] not in LETTERS or word in self._bare
        if bare or any(attach(prefix, word) in self._known for prefix in PREFIXES):
            return CliticWord("", word)
        return None
