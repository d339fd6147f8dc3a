from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.words import find_words

WORDS = [
    ("", []),
    (" \n\t", []),
    ("🚨!؟،.", []),
    ("قال الناطق، أمس.", ["قال", "الناطق", "أمس"]),
    ("مُقَاوَمَةٌ طــويلة", ["مُقَاوَمَةٌ", "طــويلة"]),
    ("٤٥ و12 و۷", ["٤٥", "و12", "و۷"]),
    ("1,250", ["1", "250"]),
    ("snake_case", ["snake_case"]),
    ("الإنسانNovember وداعش", ["الإنسان", "November", "وداعش"]),
    ("NATOالناتو", ["NATO", "الناتو"]),
    ("M16أمريكية", ["M16أمريكية"]),
    ("من\u200fهنا", ["من", "هنا"]),
    ("من\u200cهنا", ["من", "هنا"]),
    ("ـ", ["ـ"]),
    ("(تل_الورد)", ["تل_الورد"]),
    ("\u0000نص", ["نص"]),
]


@pytest.mark.parametrize(("text", "words"), WORDS)
def test_words_follow_the_rule(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in find_words(text)] == words


@given(st.text(alphabet="اب \u064bـ_aZ١2,🚨\u200f\n", max_size=30))
def test_words_are_apart_in_order_and_hold_all_letters(text: str) -> None:
    words = find_words(text)
    assert all(start < end for start, end in words)
    assert all(a.end <= b.start for a, b in pairwise(words))
    inside = {at for start, end in words for at in range(start, end)}
    assert inside == {at for at, c in enumerate(text) if c in "اب\u064bـ_aZ١2"}


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_space_divides_a_text_into_parts_that_are_read_alone(left: str, right: str) -> None:
    shift = len(left) + 1
    moved = [(start + shift, end + shift) for start, end in find_words(right)]
    assert find_words(f"{left} {right}") == [*find_words(left), *moved]
