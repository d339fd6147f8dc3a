"""Rules for errors in which gold and predictions overlap."""

from annotation.report import Span
from training.evaluation.errors.case import ErrorCase, holds, is_name
from training.evaluation.errors.classes import ErrorClass
from training.evaluation.errors.vocabulary import (
    DIGIT,
    is_adjective,
    is_approximator,
    is_building,
    is_definite,
    is_member,
    is_number,
    is_particle,
    is_party_head,
    is_place_head,
    is_preposition,
    is_proclitic,
    words_in,
)

_SHORTEST_BEHIND_WAW = 3


def by_tags(case: ErrorCase) -> ErrorClass | None:
    """Gold that no tagger can find."""
    return None if case.is_taggable else "untaggable"


def by_what_is_inside(case: ErrorCase) -> ErrorClass | None:
    """A part of a longer name that was read as something else."""
    predicted = case.predicted
    if predicted is None:
        return None
    around = [gold for gold in case.gold_beside if is_name(gold) and holds(gold, predicted)]
    if predicted.label == "COUNT" and around and DIGIT.search(case.covered(predicted)):
        return "number_of_name_as_count"
    if predicted.label == "LOCATION" and any(gold.label == "ACTOR" for gold in around):
        return "part_of_actor_as_location"
    return None


def by_segmentation(case: ErrorCase) -> ErrorClass | None:
    """Spans that were run together, or cut."""
    found = case.predicted_beside
    if any("\n" in case.covered(span) for span in found) and not any(
        "\n" in case.covered(span) for span in case.gold_beside
    ):
        return "over_line_break"
    if any(_count(span, case.gold_beside) > 1 for span in found):
        return "joined"
    if any(_count(span, found) > 1 for span in case.gold_beside):
        return "split"
    return None


def _count(span: Span, others: tuple[Span, ...]) -> int:
    return sum(other.start < span.end and span.start < other.end for other in others)


def by_label(case: ErrorCase) -> ErrorClass | None:
    """Another label, with right edges or an overlap."""
    if case.outcome.kind not in ("label", "both") or case.pair is None:
        return None
    gold, predicted = case.pair
    labels = gold.label, predicted.label
    if labels == ("ACTOR", "LOCATION"):
        return "state_as_place" if case.is_state else "actor_as_location"
    if labels == ("LOCATION", "ACTOR"):
        return "place_as_state" if case.is_state else "location_as_actor"
    if is_name(gold) and predicted.label == "COUNT":
        return "name_as_count"
    if gold.label == "COUNT" and is_name(predicted):
        return "count_as_name"
    return "other_label"


def by_edges(case: ErrorCase) -> ErrorClass | None:
    """The right label with another start or end."""
    if case.outcome.kind != "boundary" or case.pair is None:
        return None
    gold, predicted = case.pair
    if gold.start != predicted.start and gold.end != predicted.end:
        return "both_edges"
    if gold.start != predicted.start:
        return _by_start(case, gold, predicted)
    return _by_end(case, gold, predicted)


def _by_start(case: ErrorCase, gold: Span, predicted: Span) -> ErrorClass:
    left_out = gold.start < predicted.start
    first, second = sorted((gold.start, predicted.start))
    between = case.text[first:second]
    words = words_in(between)
    if case.cuts_word(second) and len(words) == 1 and is_proclitic(words[0]):
        return "proclitic_left_out" if left_out else "proclitic_taken_in"
    # Some approximators are prepositions as well: نحو.
    if gold.label == "COUNT" and not left_out and words and all(map(is_approximator, words)):
        return "approximator_taken_in"
    if words and all(map(is_particle, words)):
        return "proclitic_left_out" if left_out else "proclitic_taken_in"
    if gold.label == "COUNT":
        if any(map(is_number, words)):
            return "number_part"
    else:
        head = is_party_head if gold.label == "ACTOR" else _is_place
        if any(map(head, words)):
            return "head_left_out" if left_out else "head_taken_in"
        if not left_out and any(map(is_member, words)):
            return "member_taken_in"
    return "words_before_left_out" if left_out else "words_before_taken_in"


def _is_place(word: str) -> bool:
    return is_place_head(word) or is_building(word)


def _by_end(case: ErrorCase, gold: Span, predicted: Span) -> ErrorClass:
    left_out = predicted.end < gold.end
    words = words_in(case.text[min(gold.end, predicted.end) : max(gold.end, predicted.end)])
    if gold.label == "COUNT":
        if any(map(is_number, words)):
            return "number_part"
        return "counted_noun_left_out" if left_out else "counted_noun_taken_in"
    first = words[0] if words else ""
    if words and all(map(is_adjective, words)):
        return "adjective_left_out" if left_out else "adjective_taken_in"
    if first.startswith("و") and len(first) > _SHORTEST_BEHIND_WAW:
        return "coordinated_left_out" if left_out else "coordinated_taken_in"
    if is_preposition(first) or _has_preposition(first):
        return "prepositional_left_out" if left_out else "prepositional_taken_in"
    if left_out and words and DIGIT.search(first):
        return "unit_number_left_out"
    return "words_behind_left_out" if left_out else "words_behind_taken_in"


def _has_preposition(word: str) -> bool:
    """بإقليم, للتأهيل: ب or ل before a definite word, or before a noun of a place or a party."""
    if word[:1] not in ("ب", "ل"):
        return False
    behind = word[1:].lstrip("ـ")
    glued = is_definite(word) or behind.startswith("ال")
    return glued or (len(behind) > 2 and (is_place_head(behind) or is_party_head(behind)))
