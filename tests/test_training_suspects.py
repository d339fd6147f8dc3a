import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmark_suspects import WAYS, Spoilt, describe, measure, spoil
from tiny import invent_reports
from tiny_fit import weights, write_inputs

from annotation.disagreement import Disagreement
from annotation.formats import read_records, write_reports
from annotation.label_studio_config import own_control
from annotation.label_studio_tasks import report_to_task, spans_to_task_prediction
from annotation.labels import load_labels
from annotation.ledger import Ledger
from annotation.pushed_predictions import read_pushed_predictions
from annotation.report import Report, Span
from annotation.words import find_words
from inference.tagged_words import TaggedWords, WordTagger, word_array
from training.__main__ import main
from training.suspects.find import SuspectSearch, rank_suspects
from training.suspects.suspicion import Suspect, find_suspects, suggestion

Printed = pytest.CaptureFixture[str]
NAMES = ["O", "B-A", "I-A", "B-L", "I-L"]
TEXT = "عبر الرتل جسر الحجر صباحا نحو الميناء القديم"
"""Eight words."""
PLACES = [(start, end) for start, end in find_words(TEXT)]


def span(first: int, last: int, label: str) -> Span:
    return Span(PLACES[first][0], PLACES[last][1], label)


def tagged(path: str, **sure: dict[str, float]) -> TaggedWords:
    """`path` names the tags of the words; of `w3={"B-A": 0.2}` the rest goes to the path's tag."""
    columns = [NAMES.index(tag) for tag in path.split()]
    probabilities = np.full((len(columns), len(NAMES)), 1e-6)
    for place, column in enumerate(columns):
        for tag, probability in sure.get(f"w{place}", {}).items():
            probabilities[place, NAMES.index(tag)] = probability
        probabilities[place, column] += 1 - probabilities[place].sum()
    log_probs = np.log(probabilities).astype(np.float32)
    words = word_array(find_words(TEXT))
    return TaggedWords(words, log_probs, np.array(columns, np.int64), NAMES)


def report(*spans: Span, id: str = "r") -> Report:
    return Report(id, TEXT, spans)


def brief(suspects: Iterable[Suspect]) -> list[tuple[int, int, tuple[str, ...], float]]:
    return [
        (
            one.disagreement.start,
            one.disagreement.end,
            one.disagreement.kinds,
            round(one.suspicion, 3),
        )
        for one in suspects
    ]


# Suspicion


def test_where_a_model_agrees_nothing_is_suspect_however_unsure_it_is() -> None:
    unsure = {"w2": {"O": 0.4}, "w3": {"O": 0.4}}
    agreed = tagged("O O B-L I-L O O O O", **unsure)
    assert find_suspects(report(span(2, 3, "L")), agreed) == []


@pytest.mark.parametrize(
    ("annotated", "path", "sure", "kinds", "suspicion"),
    [
        # The model sees a span where none is marked: of its two words the one more surely inside.
        ([], "O O B-L I-L O O O O", {"w2": {"O": 0.3}, "w3": {"O": 0.1}}, ("missing",), 0.9),
        # It sees none where one is marked.
        ([span(2, 3, "L")], "O O O O O O O O", {"w2": {"B-L": 0.2}}, ("missing",), 1.0),
        # A shorter one: the words that both mark do not make it more suspect.
        ([span(2, 3, "L")], "O O B-L O O O O O", {"w3": {"I-L": 0.25}}, ("boundary",), 0.75),
        ([span(2, 3, "L")], "O O B-A I-A O O O O", {"w2": {"B-L": 0.2}, "w3": {"I-L": 0.3}},
         ("label",), 0.8),
    ],
)  # fmt: skip
def test_a_suspicion_is_what_the_least_probable_of_the_annotated_tags_lacks(
    annotated: list[Span],
    path: str,
    sure: dict[str, dict[str, float]],
    kinds: tuple[str, ...],
    suspicion: float,
) -> None:
    found = find_suspects(report(*annotated), tagged(path, **sure))
    [(start, end, told, how)] = brief(found)
    assert (start, end, told) == (PLACES[2][0], PLACES[3][1], kinds)
    assert how == pytest.approx(suspicion, abs=2e-3)
    assert found[0].annotated == tuple(annotated)
    assert all(one.score is not None for one in found[0].suggested)


def test_a_label_that_the_model_does_not_know_is_as_suspect_as_can_be() -> None:
    [one] = find_suspects(report(span(2, 3, "SOUND")), tagged("O O B-L I-L O O O O"))
    assert one.suspicion == 1
    assert one.told == "annotated: SOUND 10–19 جسر الحجر | suggested: L 10–19 جسر الحجر (1.000)"


def test_each_stretch_is_a_suspect_of_its_own() -> None:
    gold = report(span(0, 1, "A"), span(6, 7, "L"))
    found = find_suspects(gold, tagged("O O B-L I-L O O B-L O", w7={"I-L": 0.4}))
    assert [one.disagreement.kinds for one in found] == [("missing",), ("missing",), ("boundary",)]
    assert [len(one.annotated) for one in found] == [1, 0, 1]


def test_a_span_with_edges_inside_words_is_judged_by_its_words() -> None:
    cut = Report("r", TEXT, (Span(PLACES[2][0] + 1, PLACES[3][1] - 1, "L"),))
    assert find_suspects(cut, tagged("O O B-L I-L O O O O")) == []


def test_a_suggestion_has_the_models_spans_in_place_of_the_suspects_and_keeps_the_rest() -> None:
    cut = Span(PLACES[6][0] + 2, PLACES[6][1], "L")
    gold = Report("r", TEXT, (span(0, 1, "A"), span(2, 3, "L"), cut), {"source": "s"})
    found = find_suspects(gold, tagged("O O B-A B-L O O B-L I-L"))
    assert [one.disagreement.kinds for one in found] == [
        ("missing",),
        ("boundary", "label"),
        ("boundary",),
    ]
    assert suggestion(gold, found[1:]).spans == (
        span(0, 1, "A"), span(2, 2, "A"), span(3, 3, "L"), span(6, 7, "L"),
    )  # fmt: skip
    assert suggestion(gold, found[:1]).spans == (span(2, 3, "L"), cut)
    assert suggestion(gold, []) == gold


# Ranking


class Reader:
    """Knows beforehand what it says of each report."""

    def __init__(self, says: dict[str, TaggedWords]) -> None:
        self.says = says

    def tag_words(self, reports: Iterable[Report]) -> Iterator[TaggedWords]:
        return (self.says[one.id] for one in reports)


def test_suspects_of_all_folds_are_ranked_and_equal_ones_go_by_place() -> None:
    missing = report(id="c"), report(id="a"), report(id="b")
    says = {
        "a": tagged("O O B-L O O B-L O O", w2={"O": 0.5}, w5={"O": 0.5}),
        "b": tagged("O O B-L O O O O O", w2={"O": 0.1}),
        "c": tagged("O O B-L O O O O O", w2={"O": 0.5}),
    }
    learned = []

    def reader(number: int, others: Sequence[Report], held_out: Sequence[Report]) -> WordTagger:
        learned.append((number, [one.id for one in others], [one.id for one in held_out]))
        return Reader(says)

    ranked = rank_suspects([missing[:2], missing[2:]], reader)
    assert learned == [(1, ["b"], ["c", "a"]), (2, ["c", "a"], ["b"])]
    assert [(one.disagreement.document, one.disagreement.start) for one in ranked] == [
        ("b", PLACES[2][0]), ("a", PLACES[2][0]), ("a", PLACES[5][0]), ("c", PLACES[2][0]),
    ]  # fmt: skip


# The command


def spoilt_reports() -> tuple[list[Report], dict[str, Span]]:
    """60 reports with three mistakes, and the wrong or missing span of each by id."""
    reports = invent_reports(60, seed=21)
    wrong: dict[str, Span] = {}

    def first(report: Report, label: str) -> Span:
        return next(one for one in report.spans or () if one.label == label)

    for number, way in ((7, "label"), (23, "left out"), (41, "boundary")):
        one = reports[number]
        label = "LOCATION" if way == "boundary" else "ACTOR"
        span = next(
            s for s in one.spans or () if s.label == label and " " in one.text[s.start : s.end]
        )
        rest = [other for other in one.spans or () if other != span]
        if way == "label":
            rest.append(replace(span, label="LOCATION"))
        elif way == "boundary":
            rest.append(replace(span, end=span.start + one.text[span.start : span.end].index(" ")))
        wrong[one.id] = span
        reports[number] = replace(one, spans=tuple(rest))
    return reports, wrong


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suspects")
    reports, _ = spoilt_reports()
    write_reports(reports, folder / "gold.jsonl")
    arguments = [str(folder / "gold.jsonl"), "--baseline", "--folds", "3", "--count", "5"]
    assert main(["suspects", *arguments, "--output", str(folder / "out")]) == 0
    return folder / "out"


def test_mistakes_made_on_purpose_come_first(searched: Path) -> None:
    _, wrong = spoilt_reports()
    lines = (searched / "ranking.jsonl").read_text("utf-8").splitlines()
    ranking = [json.loads(line) for line in lines]
    assert [one["rank"] for one in ranking] == list(range(1, len(ranking) + 1))
    found = {one["document"]: one for one in ranking[: len(wrong)]}
    assert found.keys() == wrong.keys()
    for key, right in wrong.items():
        [suggested] = found[key]["readings"]["suggested"]
        assert (suggested["start"], suggested["end"]) == (right.start, right.end)
        assert suggested["label"] == right.label
    kinds = {key: one["kinds"] for key, one in found.items()}
    assert kinds == {"tiny-007": ["label"], "tiny-023": ["missing"], "tiny-041": ["boundary"]}
    suspicions = [one["suspicion"] for one in ranking]
    assert suspicions == sorted(suspicions, reverse=True)


def test_the_reports_to_look_at_carry_the_annotation_and_what_is_suspected(searched: Path) -> None:
    reports, wrong = spoilt_reports()
    gold = {one.id: one for one in reports}
    read = list(Ledger().sort(read_records([searched / "suspects.jsonl"])))
    assert {one.id for one in read[:3]} == wrong.keys()
    for one in read:
        assert (one.text, one.spans) == (gold[one.id].text, gold[one.id].spans)
        assert one.fields["source"] == gold[one.id].fields["source"]
        assert 0 < one.fields["suspicion"] <= 1
        assert " | suggested: " in one.fields["suspects"]
    predictions = read_pushed_predictions(searched / "suspects.jsonl.predictions.jsonl")
    assert predictions.model_version == "suspects"
    assert list(predictions.spans) == [one.id for one in read]
    for key, right in wrong.items():
        assert right in predictions.spans[key]
        kept = set(gold[key].spans or ()) & set(predictions.spans[key])
        assert len(kept) == len(predictions.spans[key]) - 1


def test_a_task_of_it_shows_the_annotation_and_the_suggestion(searched: Path) -> None:
    one = next(iter(Ledger().sort(read_records([searched / "suspects.jsonl"]))))
    control = own_control(load_labels())
    predictions = read_pushed_predictions(searched / "suspects.jsonl.predictions.jsonl")
    suggested = predictions.spans[one.id]
    version = predictions.model_version
    prediction = spans_to_task_prediction(suggested, one.text, version, control)
    task = report_to_task(one, control, [prediction])
    assert task["data"]["suspects"] == one.fields["suspects"]
    annotated = task["annotations"][0]["result"]
    assert len(annotated) == len(one.spans or ())
    assert task["predictions"][0]["model_version"] == "suspects"
    assert len(task["predictions"][0]["result"]) == len(suggested)
    assert annotated != task["predictions"][0]["result"]


def test_the_record_and_the_lines_tell_what_was_done(
    searched: Path, tmp_path: Path, capsys: Printed
) -> None:
    record = json.loads((searched / "suspects.json").read_text("utf-8"))
    assert (record["model"], record["folds"], record["seed"]) == ("crf", 3, 13)
    assert (record["reports"], record["set_aside"]) == (60, 0)
    assert record["listed"] == len((searched / "ranking.jsonl").read_text("utf-8").splitlines())
    gold = str(searched.parent / "gold.jsonl")
    output = tmp_path / "again"
    arguments = [gold, "--baseline", "--folds", "3", "--count", "1", "--output", str(output)]
    assert main(["suspects", *arguments]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(
        f"{record['disagreements']} disagreements in 60 reports; the 1 likeliest"
    )
    assert second.startswith("tiny-0") and " | suggested: " in second
    [line] = (output / "ranking.jsonl").read_text("utf-8").splitlines()
    again = (searched / "ranking.jsonl").read_text("utf-8").splitlines()[0]
    assert line == again, "the same reports give the same suspects"


def lines_of(reports: Sequence[Report]) -> str:
    spans = [
        [{"start": s.start, "end": s.end, "label": s.label} for s in r.spans or ()] for r in reports
    ]
    rows = [{"id": r.id, "text": r.text, "spans": s} for r, s in zip(reports, spans, strict=True)]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("content", "more", "told"),
    [
        ("", [], "no annotated report in it"),
        (lines_of(invent_reports(1)), [], "--folds 5: one report only, and nothing is left"),
        (lines_of(invent_reports(3)), [], "--folds 5: expected 2 to 3, as many as there are"),
        (lines_of(invent_reports(3)), ["--folds", "1"], "--folds 1: expected 2 to 3"),
        (lines_of(invent_reports(3)), ["--count", "0"], "--count 0: expected 1 or more"),
        (lines_of([replace(r, spans=()) for r in invent_reports(6)]), [], "nothing to learn: none"),
        (lines_of(invent_reports(6)), ["--resume"], "--set and --resume are for --config"),
    ],
)
def test_what_cannot_be_searched_is_one_line(
    content: str, more: list[str], told: str, tmp_path: Path, capsys: Printed
) -> None:
    (tmp_path / "gold.jsonl").write_text(content, "utf-8")
    arguments = [str(tmp_path / "gold.jsonl"), "--baseline", *more]
    assert main(["suspects", *arguments, "--output", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out" / "suspects.jsonl").exists()


def test_copies_of_one_report_cannot_judge_each_other(tmp_path: Path, capsys: Printed) -> None:
    one = invent_reports(1)[0]
    copies = [replace(one, id=f"copy-{number}") for number in range(6)]
    write_reports(copies, tmp_path / "gold.jsonl")
    arguments = [str(tmp_path / "gold.jsonl"), "--baseline", "--output", str(tmp_path / "out")]
    assert main(["suspects", *arguments]) == 2
    assert "--folds 5: 6 near-duplicates of one report only" in capsys.readouterr().err


def test_reports_with_one_id_are_set_aside_and_the_others_searched(
    tmp_path: Path, capsys: Printed
) -> None:
    reports = invent_reports(6)
    (tmp_path / "gold.jsonl").write_text(lines_of([*reports, reports[2]]), "utf-8")
    arguments = [str(tmp_path / "gold.jsonl"), "--baseline", "--folds", "2"]
    assert main(["suspects", *arguments, "--output", str(tmp_path / "out")]) == 1
    record = json.loads((tmp_path / "out" / "suspects.json").read_text("utf-8"))
    assert (record["reports"], record["set_aside"]) == (6, 1)


def test_the_library_is_asked_for_before_anything_is_read(
    tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycrfsuite", None)
    arguments = [str(tmp_path / "none.jsonl"), "--baseline", "--output", str(tmp_path / "out")]
    assert main(["suspects", *arguments]) == 2
    assert "pip install 'rasd[baseline]'" in capsys.readouterr().err


def test_the_model_of_a_configuration_is_fitted_for_each_fold(
    tmp_path: Path, capsys: Printed
) -> None:
    """Fitted for three steps it knows little: what is tested is which reports it learned from."""
    config = write_inputs(tmp_path, invent_reports(4), invent_reports(2, seed=2))
    gold = invent_reports(9, seed=3, sentences=2)
    write_reports(gold, tmp_path / "gold.jsonl")
    short = ["--set", "trainer.max_steps=3", "--set", 'trainer.report_to=["none"]']
    arguments = [str(tmp_path / "gold.jsonl"), "--config", str(config), *short, "--folds", "2"]
    arguments += ["--output", str(tmp_path / "out")]
    assert main(["suspects", *arguments]) == 0
    held_out: list[str] = []
    for number in (1, 2):
        fold = tmp_path / "out" / f"fold-{number}"
        learned, asked = (
            [one.id for one in Ledger().sort(read_records([fold / f"{part}.jsonl"]))]
            for part in ("train", "held_out")
        )
        assert sorted([*learned, *asked]) == [one.id for one in gold]
        held_out += asked
    assert sorted(held_out) == [one.id for one in gold]
    record = json.loads((tmp_path / "out" / "suspects.json").read_text("utf-8"))
    assert record["model"]["trainer"]["max_steps"] == 3
    assert record["disagreements"] >= record["listed"] > 0
    files = ("suspects.jsonl", "ranking.jsonl", "suspects.jsonl.predictions.jsonl")
    written = {name: (tmp_path / "out" / name).read_bytes() for name in files}
    models = [weights(tmp_path / "out" / f"fold-{number}" / "model") for number in (1, 2)]
    assert models[0] != models[1]
    capsys.readouterr()
    before = [path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("model.safetensors"))]
    assert main(["suspects", *arguments, "--resume"]) == 0
    assert [p.stat().st_mtime_ns for p in sorted(tmp_path.rglob("model.safetensors"))] == before
    assert {name: (tmp_path / "out" / name).read_bytes() for name in files} == written


def test_a_label_that_the_configuration_does_not_name_is_told_with_the_users_file(
    tmp_path: Path, capsys: Printed
) -> None:
    config = write_inputs(tmp_path, invent_reports(4), invent_reports(2, seed=2))
    odd = replace(invent_reports(1)[0], id="odd", spans=(Span(0, 5, "SOUND"),))
    write_reports([*invent_reports(4), odd], tmp_path / "gold.jsonl")
    arguments = [str(tmp_path / "gold.jsonl"), "--config", str(config)]
    assert main(["suspects", *arguments, "--output", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"{tmp_path}/gold.jsonl: label SOUND: 1 spans, the first in odd 0–5")


@pytest.mark.parametrize("given", [[], ["--baseline", "--config", "configs/embedded.toml"]])
def test_a_way_to_look_is_asked_for(given: list[str], capsys: Printed) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["suspects", "gold.jsonl", *given, "--output", "out"])
    assert ended.value.code == 2
    assert "--baseline" in capsys.readouterr().err


def test_the_defaults_of_the_command_are_those_of_the_search() -> None:
    assert SuspectSearch() == SuspectSearch(folds=5, count=100, seed=13)


# The benchmark's own arithmetic


def test_spans_are_spoilt_in_four_ways_equally_and_the_rest_is_left_alone() -> None:
    reports = invent_reports(40)
    total = sum(len(one.spans or ()) for one in reports)
    changed, spoilt = spoil(reports, 0.1, seed=1)
    assert len(spoilt) == round(total / 10)
    counts = Counter(one.way for one in spoilt)
    assert set(counts) == set(WAYS)
    assert max(counts.values()) - min(counts.values()) <= 1
    lost = added = 0
    for before, after in zip(reports, changed, strict=True):
        assert (after.id, after.text) == (before.id, before.text)
        ours, theirs = set(before.spans or ()), set(after.spans or ())
        lost, added = lost + len(ours - theirs), added + len(theirs - ours)
        here = [one for one in spoilt if one.report == before.id]
        for one in (ours - theirs) | (theirs - ours):
            assert any(s.start <= one.start and one.end <= s.end for s in here)
    assert lost == len(spoilt) - counts["added"]
    assert added == len(spoilt) - counts["left out"]
    assert spoil(reports, 0.1, seed=1) == (changed, spoilt)
    assert spoil(reports, 0.1, seed=2)[1] != spoilt


def test_precision_and_recall_count_what_overlaps_what_was_spoilt() -> None:
    def suspect(id: str, start: int, end: int) -> Suspect:
        return Suspect(Disagreement(id, start, end, "", ("missing",), {}), 0.5)

    spoilt = [
        Spoilt("a", "left out", 0, 5),
        Spoilt("a", "added", 10, 15),
        Spoilt("b", "edge moved", 0, 5),
        Spoilt("b", "other label", 20, 25),
    ]
    ranked = [
        suspect("a", 3, 8),  # right
        suspect("b", 5, 20),  # touches two, overlaps none
        suspect("a", 4, 12),  # right: one found before, and one more
        suspect("c", 0, 5),
        suspect("b", 24, 30),  # right
    ]
    measured = measure(ranked, spoilt)
    assert (measured["spoilt"], measured["suspects"]) == (4, 5)
    at_4, at_all = measured["at"][4], measured["at"][5]
    assert (at_4["precision"], at_4["recall"]) == (2 / 4, 2 / 4)
    assert (at_all["precision"], at_all["recall"]) == (3 / 5, 3 / 4)
    assert at_all["recall_of"] == {"left out": 1, "edge moved": 0, "other label": 1, "added": 1}
    assert len(describe(measured)) == 2 + len(measured["at"])
