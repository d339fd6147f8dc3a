import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.duplicates import (
    SimilarPair,
    fold,
    joining_pairs,
    near_duplicate_groups,
    near_duplicates_among,
)
from annotation.words import find_words

STORY_TEXT = (
    "أعلنت إدارة السد صباح الأحد أن فرق الصيانة أنهت إصلاح البوابة الثالثة بعد أسبوعين من العمل "
    "وأن المياه عادت إلى القنوات في القرى الشرقية حيث ينتظر المزارعون موسم القمح القادم"
)
STORY = STORY_TEXT.split()
"""30 words: 26 word 5-grams."""


def numbered(count: int) -> list[str]:
    """Words that stand in no other text."""
    return [f"كلمة{number}" for number in range(count)]


def exact_groups(texts: list[str], threshold: float) -> list[list[int]]:
    """What the groups are, by comparing all with all."""
    sets = []
    for text in texts:
        folded = fold(text)
        words = [folded[a:b] for a, b in find_words(folded)]
        length = min(5, len(words))
        sets.append({(length, *words[i : i + length]) for i in range(len(words) - length + 1)})
        if not words:
            sets[-1] = set()
    group_of = list(range(len(texts)))
    for i, one in enumerate(sets):
        for j, other in enumerate(sets[:i]):
            if one and other and len(one & other) / len(one | other) >= threshold:
                group_of = [group_of[j] if g == group_of[i] else g for g in group_of]
    groups: dict[int, list[int]] = {}
    for index, group in enumerate(group_of):
        groups.setdefault(group, []).append(index)
    return sorted(group for group in groups.values() if len(group) > 1)


def test_the_story_has_thirty_words() -> None:
    assert len(find_words(" ".join(STORY))) == 30


@pytest.mark.parametrize(
    ("shared", "own", "similarity"),
    [
        # n words each: n - 4 shingles; `shared` words at the front give shared - 4 common ones.
        (30, 0, 1.0),
        (30, 1, 26 / 28),
        (30, 5, 26 / 36),
        (25, 4, 21 / 29),
    ],
)
def test_the_similarity_is_the_exact_jaccard_of_word_five_grams(
    shared: int, own: int, similarity: float
) -> None:
    first = " ".join([*STORY[:shared], *numbered(own)])
    second = " ".join([*STORY[:shared], *reversed(numbered(own * 2)[own:])])
    assert joining_pairs([first, second]) == [SimilarPair(0, 1, similarity)]


@pytest.mark.parametrize(("own", "together"), [(1, True), (2, True), (3, True), (4, False)])
def test_a_pair_counts_from_seven_tenths_on(own: int, together: bool) -> None:
    # 18 shared words: 14 common shingles of 14 + 2 * own; own = 3 is exactly 0.7.
    first = " ".join([*STORY[:18], *numbered(own)])
    second = " ".join([*STORY[:18], *numbered(2 * own)[own:]])
    assert near_duplicate_groups([first, second]) == ([[0, 1]] if together else [])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("وصلت القافلة", "وصلت  القافلة!"),
        ("وَصَلَتِ القافلةُ", "وصلت القافلة"),
        ("وصلت القافـــلة", "وصلت القافلة"),
        ("Convoy REACHED الجسر", "convoy reached الجسر"),
        ("أمل", "أمل"),
    ],
)
def test_marks_tatweel_case_and_punctuation_make_no_difference(one: str, other: str) -> None:
    assert joining_pairs([one, other]) == [SimilarPair(0, 1, 1.0)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("وصلت 3 قوافل", "وصلت 4 قوافل"),
        ("وصلت 3 قوافل", "وصلت ٣ قوافل"),
        ("أمل", "امل"),
        ("وصلت القافلة", "القافلة وصلت"),
        ("وصلت القافلة إلى الجسر", "وصلت القافلة إلى الجسر الجديد"),
        ("", ""),
        ("؟!", "؟!"),
        ("\u200f", " "),
    ],
)
def test_short_texts_are_compared_whole_and_texts_without_words_not_at_all(
    one: str, other: str
) -> None:
    assert near_duplicate_groups([one, other]) == []


def test_a_chain_is_one_group_though_its_ends_are_not_alike() -> None:
    chain = [" ".join(STORY[start : start + 24]) for start in (0, 3, 6)]
    assert near_duplicate_groups([chain[0], chain[2]]) == []
    assert near_duplicate_groups([chain[0], "شيء آخر", chain[1], chain[2]]) == [[0, 2, 3]]


def test_the_pairs_hold_each_group_together_and_are_no_more() -> None:
    texts = [" ".join(STORY)] * 3 + ["خبر قصير"] * 2 + ["غيره"]
    assert joining_pairs(texts) == [
        SimilarPair(0, 1, 1.0),
        SimilarPair(0, 2, 1.0),
        SimilarPair(3, 4, 1.0),
    ]
    assert near_duplicate_groups(texts) == [[0, 1, 2], [3, 4]]


def test_each_text_is_asked_for_among_others() -> None:
    story, changed = " ".join(STORY), " ".join([*STORY[:-1], "الشتاء"])
    texts = ["لا شبيه له هنا", changed, story, "", changed]
    others = ["خبر قصير", story, story]
    assert near_duplicates_among(texts, others) == [
        SimilarPair(1, 1, 25 / 27),
        SimilarPair(2, 1, 1.0),
        SimilarPair(4, 1, 25 / 27),
    ]
    assert near_duplicates_among([], others) == near_duplicates_among(texts, []) == []
    assert near_duplicate_groups([]) == []


versions = st.lists(
    st.tuples(st.integers(0, 12), st.integers(13, 30), st.integers(0, 3)).map(
        lambda cut: " ".join([*STORY[cut[0] : cut[1]], *numbered(cut[2])])
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(versions, st.sampled_from([0.5, 0.7, 0.9]))
def test_the_groups_are_those_of_comparing_all_with_all(texts: list[str], threshold: float) -> None:
    assert near_duplicate_groups(texts, threshold) == exact_groups(texts, threshold)


@settings(max_examples=40)
@given(versions, st.randoms(use_true_random=False))
def test_the_groups_do_not_depend_on_the_order(texts: list[str], chance: random.Random) -> None:
    order = list(range(len(texts)))
    chance.shuffle(order)
    shuffled = near_duplicate_groups([texts[index] for index in order])
    back = sorted(sorted(order[index] for index in group) for group in shuffled)
    assert back == near_duplicate_groups(texts)


@settings(max_examples=40)
@given(versions, versions)
def test_what_is_found_among_others_is_what_comparing_all_finds(
    texts: list[str], others: list[str]
) -> None:
    found = near_duplicates_among(texts, others)
    expected = [
        index
        for index, text in enumerate(texts)
        if any(exact_groups([text, other], 0.7) for other in others)
    ]
    assert [pair.first for pair in found] == expected
    for pair in found:
        both = joining_pairs([texts[pair.first], others[pair.second]])
        assert both == [SimilarPair(0, 1, pair.similarity)]


def test_ten_thousand_versions_of_one_story_are_one_group_within_seconds() -> None:
    chance = random.Random(13)
    texts = []
    for number in range(10_000):
        words = list(STORY)
        words[chance.randrange(3)] = f"رقم{number}"
        texts.append(" ".join(words))
    began = time.perf_counter()
    groups = near_duplicate_groups([*texts, *texts[:5000]])
    took = time.perf_counter() - began
    assert [len(group) for group in groups] == [15_000]
    assert took < 30, f"{took:.0f} s: the time of comparing all with all"
