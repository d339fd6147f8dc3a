import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.report import Span
from annotation.tags import labels_of_tags, spans_to_tags, tag_names, tags_to_spans, to_iob2
from annotation.words import Word, find_words

LABELS = ("ACTOR", "LOCATION", "COUNT")


@st.composite
def words_and_tags(draw: st.DrawFn) -> tuple[list[Word], list[str]]:
    """Words at any distance, neighbours without a gap included, and well-formed IOB2 for them."""
    words, tags, at = [], [], 0
    for _ in range(draw(st.integers(0, 12))):
        start = at + draw(st.integers(0, 2))
        at = start + draw(st.integers(1, 4))
        words.append(Word(start, at))
        follow = [f"I-{tags[-1][2:]}"] if tags and tags[-1] != "O" else []
        tags.append(draw(st.sampled_from(["O", *(f"B-{label}" for label in LABELS), *follow])))
    return words, tags


@given(words_and_tags())
def test_tags_come_back_from_their_spans(case: tuple[list[Word], list[str]]) -> None:
    words, tags = case
    tagging = spans_to_tags(words, tags_to_spans(words, tags))
    assert tagging.tags == tags
    assert (tagging.moved, tagging.lost) == ([], [])


@given(words_and_tags())
def test_spans_of_whole_words_come_back_from_their_tags(case: tuple[list[Word], list[str]]) -> None:
    words, tags = case
    spans = tags_to_spans(words, tags)
    assert tags_to_spans(words, spans_to_tags(words, spans).tags) == spans
    assert len(spans) == sum(tag.startswith("B-") for tag in tags)


@given(st.lists(st.integers(0, 40), max_size=10, unique=True), words_and_tags())
def test_no_span_vanishes_in_silence(places: list[int], case: tuple[list[Word], list[str]]) -> None:
    words, _ = case
    edges = sorted(places)[: len(places) // 2 * 2]
    spans = [Span(a, b, "ACTOR") for a, b in zip(edges[::2], edges[1::2], strict=True)]
    tagging = spans_to_tags(words, spans)
    back = tags_to_spans(words, tagging.tags)
    assert len(back) + len(tagging.lost) == len(spans)
    moved = dict(tagging.moved)
    assert [moved.get(span, span) for span in spans if span not in tagging.lost] == back


TEXT = "قصفت قوات السد تل الورد، فجرح ٤٥ شخصا."


@pytest.mark.parametrize(
    ("span", "covered"),
    [
        ((5, 14), (5, 14)),
        ((6, 14), (5, 14)),
        ((5, 12), (5, 14)),
        ((4, 15), (5, 14)),
        ((13, 16), (10, 17)),
        ((18, 24), (18, 23)),
        ((0, 38), (0, 37)),
        ((23, 24), None),
        ((4, 5), None),
        ((23, 25), None),
    ],
)
def test_edges_move_to_the_words_that_a_span_touches(
    span: tuple[int, int], covered: tuple[int, int] | None
) -> None:
    given_span = Span(*span, "ACTOR")
    words = find_words(TEXT)
    tagging = spans_to_tags(words, [given_span])
    expected = [] if covered is None else [Span(*covered, "ACTOR")]
    assert tags_to_spans(words, tagging.tags) == expected
    assert tagging.lost == ([given_span] if covered is None else [])
    moves = covered is not None and covered != span
    assert tagging.moved == ([(given_span, Span(*covered, "ACTOR"))] if moves and covered else [])


def test_the_second_span_in_a_word_is_lost_and_the_first_kept() -> None:
    spans = [Span(18, 20, "ACTOR"), Span(20, 23, "LOCATION")]
    words = find_words(TEXT)
    tagging = spans_to_tags(words, spans)
    assert tags_to_spans(words, tagging.tags) == [Span(18, 23, "ACTOR")]
    assert tagging.lost == [spans[1]]
    assert tagging.moved == [(spans[0], Span(18, 23, "ACTOR"))]


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        (["I-A"], "I-A of word 0 follows O: not IOB2"),
        (["O", "I-A"], "I-A of word 1 follows O: not IOB2"),
        (["B-A", "I-B"], "I-B of word 1 follows B-A: not IOB2"),
        (["B-A", "I-A", "X-A"], "X-A of word 2 follows I-A: not IOB2"),
        (["B-A"] * 4, "3 words but 4 tags"),
    ],
)
def test_sequences_that_are_not_iob2_are_refused(tags: list[str], told: str) -> None:
    words = [Word(n, n + 1) for n in range(3 if len(tags) > 3 else len(tags))]
    with pytest.raises(ValueError, match=told):
        tags_to_spans(words, tags)


def test_tag_names_and_labels_are_inverse() -> None:
    names = tag_names(LABELS)
    assert names[:3] == ["O", "B-ACTOR", "I-ACTOR"]
    assert len(names) == 7
    assert labels_of_tags(names) == list(LABELS)


@pytest.mark.parametrize(
    ("scheme", "tags", "iob2"),
    [
        ("IOB1", "I-A I-A B-A O I-B", "B-A I-A B-A O B-B"),
        ("IOB2", "B-A I-A B-A O B-B", "B-A I-A B-A O B-B"),
        ("BIOES", "B-A I-A E-A S-A O S-B", "B-A I-A I-A B-A O B-B"),
        ("BILOU", "B-A L-A U-A U-A O U-B", "B-A I-A B-A B-A O B-B"),
        ("broken", "O I-A I-B E-B", "O B-A B-B I-B"),
        ("broken", "S-A I-A", "B-A B-A"),
    ],
)
def test_every_scheme_becomes_iob2(scheme: str, tags: str, iob2: str) -> None:
    assert to_iob2(tags.split()) == iob2.split()
    assert to_iob2(iob2.split()) == iob2.split()


@given(words_and_tags())
def test_iob2_stays_as_it_is(case: tuple[list[Word], list[str]]) -> None:
    assert to_iob2(case[1]) == case[1]


@pytest.mark.parametrize("tag", ["X-A", "B", "B-", "", "o", "A-B"])
def test_a_tag_of_no_scheme_is_told(tag: str) -> None:
    with pytest.raises(ValueError, match="expected O, or one of B- I- E- S- L- U- and a label"):
        to_iob2(["O", tag])
