"""Words that names begin with, gathered for Rasd: `known-words.txt` beside this file."""

from functools import cache
from pathlib import Path

from inference.names.letters import folded

KNOWN_WORDS = Path(__file__).parent / "known-words.txt"


@cache
def known_words() -> frozenset[str]:
    """The words, folded."""
    lines = KNOWN_WORDS.read_text("utf-8").splitlines()
    return frozenset(folded(word) for line in lines for word in line.partition("#")[0].split())
