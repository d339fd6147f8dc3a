"""Rules for errors that stand alone: missed spans and spurious ones."""

from annotation.report import Span
from inference.names import NAMED
from inference.numbers import read_count
from inference.numbers.duals import find_dual
from inference.numbers.spelling import TANWIN
from training.evaluation.errors.case import ErrorCase
from training.evaluation.errors.classes import ErrorClass
from training.evaluation.errors.vocabulary import (
    DIGIT,
    is_adjective,
    is_building,
    is_definite,
    is_in_other_script,
    is_nameless,
    is_nationality,
    is_number,
    is_ordinal,
    is_particle,
    is_party_head,
    is_place_head,
    is_preposition,
    is_time,
    is_unit,
    is_vague,
    is_verb,
    tells_age_or_year,
    tells_no_count,
)


def by_what_was_missed(case: ErrorCase) -> ErrorClass | None:
    """What makes a missed span hard."""
    gold = case.gold
    if gold is None or case.predicted is not None:
        return None
    if gold.label == "COUNT":
        return _missed_count(case, gold)
    if gold.label in NAMED and is_in_other_script(case.covered(gold)):
        return "missed_other_script"
    if case.bare is not None and case.bare.proclitics:
        return "missed_behind_proclitic"
    if case.met is None:
        return "missed_other"
    return "missed_met" if case.met else "missed_new"


def _missed_count(case: ErrorCase, gold: Span) -> ErrorClass:
    if DIGIT.search(case.covered(gold)):
        return "missed_digits"
    words = case.words_of(gold)
    if any(map(is_number, words)):
        return "missed_number_words"
    dual = bool(words) and find_dual(words[0]) is not None
    return "missed_dual" if dual else "missed_other"


def by_what_was_made_up(case: ErrorCase) -> ErrorClass | None:
    """What a spurious span takes for a span."""
    predicted = case.predicted
    if predicted is None or case.gold is not None:
        return None
    words = case.words_of(predicted)
    if not words:
        return "spurious_other"
    if all(map(is_particle, words)):
        return "spurious_particle"
    if predicted.label == "COUNT":
        return _made_up_count(case, predicted, words)
    if is_time(words[0]):
        return "spurious_time"
    return _made_up_name(case, predicted, words)


def _made_up_count(case: ErrorCase, predicted: Span, words: list[str]) -> ErrorClass:
    before, behind = case.word_before(predicted.start), case.word_behind(predicted.end)
    if not any(map(is_number, words)):
        if any(map(is_ordinal, words)):
            return "spurious_ordinal"
        return "spurious_vague" if is_vague(words[0]) else "spurious_without_number"
    if is_vague(words[0]):
        return "spurious_vague"
    if is_ordinal(words[0]) or is_ordinal(before):
        return "spurious_ordinal"
    last = words[-1]
    told = last if not is_number(last) else behind
    reason = _reason(case, predicted)
    if "date" in reason or "year" in reason or is_time(told) or tells_age_or_year(before):
        return "spurious_time"
    number = "percentage" in reason or "fraction" in reason or "serial" in reason
    if number or is_unit(told) or tells_no_count(before):
        return "spurious_measure"
    return "spurious_number"


def _reason(case: ErrorCase, span: Span) -> str:
    """Why the house's reader of numbers refuses it; empty where it does not."""
    if span.end > len(case.text):
        return ""
    return read_count(case.text, span).reason or ""


def _made_up_name(case: ErrorCase, predicted: Span, words: list[str]) -> ErrorClass:
    first = words[0]
    place, party = is_place_head(first) or is_building(first), is_party_head(first)
    alone = len(words) == 1 or (len(words) == 2 and is_adjective(words[1]))
    # سورياً is written as the state but for its ending.
    is_state = case.is_state and TANWIN not in first
    if predicted.label in NAMED and not is_state:
        if alone and is_definite(first) and (place or party):
            return "back_reference"
        if all(map(is_nationality, words)):
            return "nationality"
        if predicted.label == "ACTOR" and is_nameless(first):
            return "nameless_party"
        if predicted.label == "LOCATION" and place:
            return "nameless_place"
        if len(words) == 1 and is_verb(first):
            return "verb_as_name"
    if case.met:
        return "spurious_met"
    if predicted.label == "LOCATION" and is_preposition(case.word_before(predicted.start)):
        return "word_behind_preposition"
    return "spurious_other"
