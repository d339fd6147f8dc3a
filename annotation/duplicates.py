"""Near-duplicates: reports that tell the same story in almost the same words.

Two texts are near-duplicates when the Jaccard similarity of their sets of word 5-grams is at least
0.7. Words are those of the word rule, over a folded text: composed (NFC), without marks (tashkeel)
and tatweel, in one case; digits and letters stay as they are. A text of fewer than five words is
compared as a whole, and one without words is nobody's near-duplicate.

MinHash (datasketch) finds the candidates, the exact Jaccard decides. Signatures are cut in bands;
texts that agree on a whole band are candidates. Bands are compared here with numpy and not by
datasketch's MinHashLSH: its query lists every member of a bucket for every text, which for 10,000
versions of one story is 50 million candidates. Here a pair that is joined already is not compared.
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import regex
from datasketch import MinHash

from annotation.words import find_words

THRESHOLD = 0.7
"""The Jaccard similarity from which two reports are near-duplicates."""
SHINGLE_WORDS = 5
"""How many words a shingle (an n-gram of words) has."""

_PERMUTATIONS = 128
_MISSED = 0.001
"""The most that a pair exactly at the threshold may be missed: a probability."""
_FOLDED_AWAY = regex.compile(r"[\p{M}ـ]+")
_CHUNK = 8192
"""Shingles that are permuted at once: 4 MiB, however long the report."""
_TRIED_AT_ONCE = 256

Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]


class SimilarPair(NamedTuple):
    """Two texts by their index, and their Jaccard similarity."""

    first: int
    second: int
    similarity: float


def fold(text: str) -> str:
    """`text` without the differences that a near-duplicate may have in every word."""
    return str(_FOLDED_AWAY.sub("", unicodedata.normalize("NFC", text))).casefold()


def joining_pairs(texts: Sequence[str], threshold: float = THRESHOLD) -> list[SimilarPair]:
    """The pairs that join the near-duplicates among `texts`, sorted; `first` is less than `second`.

    They are enough to hold every group together (one less than the group has texts), and not all
    the pairs there are: 10,000 copies of a story make 50 million.
    """
    index = _Index.of(texts)
    components = _Components(len(index.shingles))

    def later_and_apart(members: Indices, place: int) -> Indices:
        later = members[place + 1 :]
        apart: Indices = later[components.of[later] != components.of[members[place]]]
        return apart

    pairs = [SimilarPair(first, second, 1.0) for first, second in index.copies()]
    for x, others in index.candidates(threshold, later_and_apart):
        for other, similarity in zip(others, index.similarities(x, others), strict=True):
            if similarity >= threshold and components.join(x, int(other)):
                first, second = sorted((index.first_text[x], index.first_text[other]))
                pairs.append(SimilarPair(first, second, float(similarity)))
    return sorted(pairs)


def near_duplicate_groups(texts: Sequence[str], threshold: float = THRESHOLD) -> list[list[int]]:
    """Groups of two or more near-duplicates, by index, each sorted and all by their first.

    Whoever is near a member is in the group, so two members need not be near each other. The
    groups depend on the texts alone, not on their order.
    """
    components = _Components(len(texts))
    for pair in joining_pairs(texts, threshold):
        components.join(pair.first, pair.second)
    return components.groups()


def near_duplicates_among(
    texts: Sequence[str], others: Sequence[str], threshold: float = THRESHOLD
) -> list[SimilarPair]:
    """For each of `texts` that has a near-duplicate among `others`, one such pair.

    `first` is an index of `texts`, `second` one of `others`. A copy goes before a near-duplicate.
    """
    index = _Index.of([*texts, *others])
    asked, known = index.distinct_of[: len(texts)], index.distinct_of[len(texts) :]
    place_of: dict[int, int] = {}
    for place, distinct in enumerate(known):
        if distinct is not None:
            place_of.setdefault(distinct, place)
    is_known = np.array([distinct in place_of for distinct in range(len(index.shingles))], bool)
    # A text that stands on both sides has found its copy; the others still look for something.
    looking = ~is_known
    found = {distinct: (place, 1.0) for distinct, place in place_of.items()}

    def known_ones(members: Indices, place: int) -> Indices:
        if not looking[members[place]]:
            return members[:0]
        known_members: Indices = members[is_known[members]]
        return known_members

    for x, candidates in index.candidates(threshold, known_ones):
        # In steps, and no further than the first find: the known may be versions of one story.
        for start in range(0, len(candidates), _TRIED_AT_ONCE):
            tried = candidates[start : start + _TRIED_AT_ONCE]
            similarities = index.similarities(x, tried)
            best = int(similarities.argmax())
            if similarities[best] >= threshold:
                found[x] = (place_of[int(tried[best])], float(similarities[best]))
                looking[x] = False
                break
    return [
        SimilarPair(number, *found[distinct])
        for number, distinct in enumerate(asked)
        if distinct is not None and distinct in found
    ]


@dataclass(frozen=True, slots=True)
class _Index:
    """Texts as sets of shingles; texts with the same folded words are one distinct text."""

    distinct_of: list[int | None]
    """Of each text, the distinct text that it is; None for a text without words."""
    first_text: list[int]
    """Of each distinct text, the first text that it is."""
    shingles: list[Indices]
    """Of each distinct text, the numbers of its shingles, each once."""
    signatures: npt.NDArray[np.uint32]
    """MinHash values, a row a distinct text."""
    seen: npt.NDArray[np.bool_]
    """A mark for each shingle there is, all False: what `similarities` counts with."""

    @classmethod
    def of(cls, texts: Sequence[str]) -> "_Index":
        hash_words = _WordHashes()
        numbers: dict[bytes, int] = {}
        distinct_of: list[int | None] = []
        first_text: list[int] = []
        hashes: list[Hashes] = []
        # What was folded once need not be folded again: copies are common in what is scraped.
        distinct_of_text: dict[str, int | None] = {}
        for number, text in enumerate(texts):
            if text in distinct_of_text:
                distinct_of.append(distinct_of_text[text])
                continue
            folded = fold(text)
            words = [folded[start:end] for start, end in find_words(folded)]
            key = blake2b(" ".join(words).encode(), digest_size=16).digest()
            distinct = numbers.setdefault(key, len(numbers)) if words else None
            distinct_of.append(distinct)
            distinct_of_text[text] = distinct
            if distinct == len(first_text):
                first_text.append(number)
                hashes.append(_shingle_hashes(hash_words(words)))
        return cls(distinct_of, first_text, *_number_shingles(hashes))

    def copies(self) -> Iterator[tuple[int, int]]:
        """Each text whose folded words an earlier one has, behind the first of these."""
        for number, distinct in enumerate(self.distinct_of):
            if distinct is not None and self.first_text[distinct] != number:
                yield self.first_text[distinct], number

    def candidates(
        self, threshold: float, select: Callable[[Indices, int], Indices]
    ) -> Iterator[tuple[int, Indices]]:
        """Distinct texts, each with others that it may be near to; no pair twice.

        Of a bucket's members `select` says which the one at a place is to be compared with, at
        the time when it comes up: what was found by then may spare the comparison.
        """
        rows = _rows_of_band(threshold)
        buckets = _number_bands(self.signatures, rows)
        sizes = np.array([len(each) for each in self.shingles])
        for band in range(buckets.shape[1]):
            for members in _shared(buckets[:, band]):
                for place, x in enumerate(members):
                    others = select(members, place)
                    # Sets of too different sizes cannot be similar.
                    small = np.minimum(sizes[others], sizes[x])
                    others = others[small >= threshold * np.maximum(sizes[others], sizes[x])]
                    # Two that agree on an earlier band too were compared there.
                    agreed = buckets[others, :band] == buckets[x, :band]
                    others = others[~agreed.any(axis=1)]
                    if len(others):
                        yield int(x), others

    def similarities(self, x: int, others: Indices) -> npt.NDArray[np.float64]:
        """The exact Jaccard similarity of `x` and each of `others`."""
        own = self.shingles[x]
        theirs = [self.shingles[other] for other in others]
        sizes = np.array([len(each) for each in theirs])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.seen[own] = True
        shared = np.add.reduceat(self.seen[np.concatenate(theirs)].astype(np.int64), starts)
        self.seen[own] = False
        similarities: npt.NDArray[np.float64] = shared / (sizes + len(own) - shared)
        return similarities


class _Components:
    """Which of `n` things hang together: union-find, kept flat so that numpy can ask it."""

    def __init__(self, n: int) -> None:
        self.of: Indices = np.arange(n)
        """Of each thing, the number of its component."""
        self._members: dict[int, list[int]] = {}

    def join(self, one: int, other: int) -> bool:
        """Put two things together; False if they were already."""
        if self.of[one] == self.of[other]:
            return False
        components = [int(self.of[one]), int(self.of[other])]
        small, large = sorted((self._members.pop(c, [c]) for c in components), key=len)
        component = int(self.of[large[0]])
        self.of[small] = component
        large.extend(small)
        self._members[component] = large
        return True

    def groups(self) -> list[list[int]]:
        """The components of two or more, sorted."""
        return sorted(sorted(members) for members in self._members.values())


class _WordHashes:
    """64-bit hashes of words, the same on every machine and day."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __call__(self, words: list[str]) -> Hashes:
        known = self._known
        for word in words:
            if word not in known:
                known[word] = int.from_bytes(blake2b(word.encode(), digest_size=8).digest())
        return np.array([known[word] for word in words], dtype=np.uint64)


def _shingle_hashes(words: Hashes) -> Hashes:
    """Hashes of the 5-grams of `words`, each once; of fewer words, the hash of them all.

    In 64 bits no two shingles of a data set fall together: the Jaccard over them is exact.
    """
    factor = np.uint64(0x9E3779B97F4A7C15)
    length = min(SHINGLE_WORDS, len(words))
    count = len(words) - length + 1
    hashes: Hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(length):
        hashes = hashes * factor + words[offset : offset + count]
    return np.unique(hashes)


def _number_shingles(
    hashes: list[Hashes],
) -> tuple[list[Indices], npt.NDArray[np.uint32], npt.NDArray[np.bool_]]:
    """Shingles by numbers instead of hashes, the MinHash signatures, and a mark a shingle."""
    if not hashes:
        empty = np.zeros((0, _PERMUTATIONS), dtype=np.uint32)
        return [], empty, np.zeros(0, dtype=np.bool_)
    distinct, numbers = np.unique(np.concatenate(hashes), return_inverse=True)
    ends = np.cumsum([len(each) for each in hashes])
    shingles = np.split(numbers.astype(np.int64), ends[:-1])
    signatures = np.stack([_signature(each) for each in hashes])
    return shingles, signatures, np.zeros(len(distinct), dtype=np.bool_)


_BLANK = MinHash(num_perm=_PERMUTATIONS, seed=1, hashfunc=int, scheme="affine32")


def _signature(hashes: Hashes) -> npt.NDArray[np.uint32]:
    minhash = _BLANK.copy()
    low_halves = (hashes & np.uint64(0xFFFFFFFF)).tolist()
    for start in range(0, len(low_halves), _CHUNK):
        minhash.update_batch(low_halves[start : start + _CHUNK])
    values: npt.NDArray[np.uint32] = minhash.hashvalues
    return values


def _rows_of_band(threshold: float) -> int:
    """The most rows a band can have while a pair at `threshold` is hardly ever missed.

    It is missed with probability (1 − threshold^rows)^bands (Leskovec, Rajaraman, Ullman, Mining
    of Massive Datasets, 3.4).
    """
    fitting = [
        rows
        for rows in range(1, _PERMUTATIONS + 1)
        if (1 - threshold**rows) ** (_PERMUTATIONS // rows) <= _MISSED
    ]
    return max(fitting, default=1)


def _number_bands(signatures: npt.NDArray[np.uint32], rows: int) -> Indices:
    """Of each text (row) and band (column) a number; texts that agree on the band share it."""
    bands = _PERMUTATIONS // rows
    numbers = np.empty((len(signatures), bands), dtype=np.int64)
    for band in range(bands):
        part = np.ascontiguousarray(signatures[:, band * rows : (band + 1) * rows])
        whole = part.view(np.dtype((np.void, part.dtype.itemsize * rows))).ravel()
        numbers[:, band] = np.unique(whole, return_inverse=True)[1]
    return numbers


def _shared(numbers: Indices) -> Iterator[Indices]:
    """The texts that share a number, where two or more do."""
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    ends = np.append(starts[1:], len(order))
    for start, end in zip(starts, ends, strict=False):
        if end - start > 1:
            yield order[start:end]
