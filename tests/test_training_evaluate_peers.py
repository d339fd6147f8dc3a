"""Our counts beside those of two public scorers, on a thousand random cases."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from nervaluate.evaluator import Evaluator
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

from annotation.report import Report, Span
from annotation.scoring import MODES, Counts, score_reports
from annotation.tags import spans_to_tags, tags_to_spans
from annotation.words import find_words
from training.evaluate import evaluate
from training.evaluation.bootstrap import Resampling

LABELS = ("ACTOR", "LOCATION", "COUNT")
CASES = 1000
FEW = Resampling(resamples=2)
KEYS = (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score"))
Pairs = list[tuple[Sequence[Span], Sequence[Span]]]


def random_tags(draw: random.Random, length: int) -> list[str]:
    """Well-formed IOB2, with neighbouring and long spans."""
    tags: list[str] = []
    for _ in range(length):
        follow = [f"I-{tags[-1][2:]}"] * 2 if tags and tags[-1] != "O" else []
        tags.append(draw.choice(["O", "O", *(f"B-{label}" for label in LABELS), *follow]))
    return tags


def random_case(seed: int) -> tuple[list[Report], dict[str, tuple[Span, ...]], list, list]:
    """Gold reports, predictions, and the tags that both came from."""
    draw = random.Random(seed)
    gold, found, gold_tags, found_tags = [], {}, [], []
    for number in range(draw.randint(1, 6)):
        text = " ".join(["كلمة"] * draw.randint(1, 15))
        words = find_words(text)
        true = random_tags(draw, len(words))
        guess = random_tags(draw, len(words)) if draw.random() < 0.5 else list(true)
        gold.append(Report(f"r{number}", text, tuple(tags_to_spans(words, true))))
        found[f"r{number}"] = tuple(tags_to_spans(words, guess))
        gold_tags.append(true)
        found_tags.append(guess)
    return gold, found, gold_tags, found_tags


def random_pairs(seed: int) -> Pairs:
    gold, found, _, _ = random_case(seed)
    return [(report.spans or (), found[report.id]) for report in gold]


def strict_report(gold: list[list[str]], found: list[list[str]]) -> dict[str, Any]:
    return classification_report(
        gold, found, mode="strict", scheme=IOB2, output_dict=True, zero_division=0
    )


def test_strict_figures_equal_seqevals_strict_mode_where_no_gold_is_lost() -> None:
    compared = 0
    for seed in range(CASES):
        gold, found, gold_tags, found_tags = random_case(seed)
        evaluation = evaluate(gold, found, slices={}, resampling=FEW)
        assert evaluation.lost == []
        if not evaluation.scores.labels:
            continue
        expected = strict_report(gold_tags, found_tags)
        ours = evaluation.to_json()
        assert set(expected) == {*ours["labels"], "micro avg", "macro avg", "weighted avg"}
        for name, figures in [*ours["labels"].items(), ("micro avg", ours["micro"])]:
            for key, theirs in KEYS:
                assert figures[key] == pytest.approx(expected[name][theirs]), (seed, name, key)
            assert figures["support"] == expected[name]["support"], (seed, name)
        for key, theirs in KEYS:
            assert ours["macro"][key] == pytest.approx(expected["macro avg"][theirs])
        compared += 1
    assert compared > 950


def test_seqeval_forgives_gold_that_no_tags_can_say_and_we_count_it_as_missed() -> None:
    text = "قصفت قوات السد تل الورد."
    inside = Span(16, 23, "LOCATION")  # begins behind the first letter of تل
    gold = [Report("a", text, (Span(5, 14, "ACTOR"), inside, Span(23, 24, "COUNT")))]
    words = find_words(text)
    tags = spans_to_tags(words, gold[0].spans or ()).tags
    theirs = strict_report([tags], [tags])
    assert (theirs["micro avg"]["f1-score"], theirs["micro avg"]["support"]) == (1, 2)
    ours = evaluate(gold, {"a": tuple(tags_to_spans(words, tags))}, resampling=FEW)
    assert ours.scores.micro == Counts(matched=1, predicted=2, gold=3)
    assert [span for _, span in ours.lost] == [inside, Span(23, 24, "COUNT")]


def nervaluate_of(pairs: Pairs, behind: int = 1) -> dict[str, Any]:
    """Its overall counts by strategy; `behind` is how far an end lies behind the last character."""

    def told(spans: Sequence[Span]) -> list[dict[str, Any]]:
        return [{"label": s.label, "start": s.start, "end": s.end - behind} for s in spans]

    true, found = ([told(pair[side]) for pair in pairs] for side in (0, 1))
    return Evaluator(true, found, list(LABELS), loader="dict").evaluate()["overall"]


def ours_of(pairs: Pairs, mode: str) -> Counts:
    return score_reports(pairs, count=MODES[mode]).micro


def theirs_of(result: Any) -> Counts:
    return Counts(result.correct + result.partial, result.actual, result.possible)


@pytest.mark.parametrize(
    ("mode", "strategy"), [("strict", "strict"), ("boundary", "exact"), ("overlap", "partial")]
)
def test_counts_equal_nervaluates_where_half_a_point_for_a_partial_match_is_a_whole_one(
    mode: str, strategy: str
) -> None:
    """Only its partial strategy gives half points; we leave it to the reader what half is worth."""
    matched = 0
    for seed in range(CASES):
        pairs = random_pairs(seed)
        theirs = nervaluate_of(pairs)[strategy]
        ours = ours_of(pairs, mode)
        assert ours == theirs_of(theirs), (seed, mode)
        if mode != "overlap":
            assert ours.f1 == pytest.approx(theirs.f1)
        matched += ours.matched
    assert matched > 5000


def test_nervaluates_strict_figures_of_each_label_are_ours_too() -> None:
    for seed in range(CASES):
        pairs = random_pairs(seed)
        true, found = (
            [[{"label": s.label, "start": s.start, "end": s.end - 1} for s in p[k]] for p in pairs]
            for k in (0, 1)
        )
        theirs = Evaluator(true, found, list(LABELS), loader="dict").evaluate()["entities"]
        ours = score_reports(pairs).labels
        assert {label: theirs_of(result["strict"]) for label, result in theirs.items()} == ours


def test_type_only_counts_are_nervaluates_or_more_as_its_wrong_labels_take_partners_away() -> None:
    more = 0
    for seed in range(CASES):
        pairs = random_pairs(seed)
        ours, theirs = ours_of(pairs, "type_only"), theirs_of(nervaluate_of(pairs)["ent_type"])
        assert (ours.predicted, ours.gold) == (theirs.predicted, theirs.gold)
        assert ours.matched >= theirs.matched, seed
        more += ours.matched > theirs.matched
    assert 0 < more < CASES / 4
    # The first prediction has no partner of its own label, and takes that of the second.
    gold, found = [Span(0, 9, "ACTOR")], [Span(0, 4, "COUNT"), Span(5, 9, "ACTOR")]
    assert ours_of([(gold, found)], "type_only") == Counts(1, 2, 1)
    assert theirs_of(nervaluate_of([(gold, found)])["ent_type"]) == Counts(0, 2, 1)


def test_nervaluate_told_exclusive_ends_takes_neighbours_for_overlaps_and_misses_spans() -> None:
    gold = [Span(4, 8, "ACTOR")]
    found = [Span(0, 4, "ACTOR"), Span(4, 8, "ACTOR")]
    assert ours_of([(gold, found)], "strict") == Counts(1, 2, 1)
    assert theirs_of(nervaluate_of([(gold, found)])["strict"]).matched == 1
    assert theirs_of(nervaluate_of([(gold, found)], behind=0)["strict"]).matched == 0
