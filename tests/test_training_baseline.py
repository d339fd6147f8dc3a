import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from marked import report
from tiny import LABELS, TAGS, invent_reports

from annotation.bundled import CORPUS, HOME
from annotation.formats import read_records, write_reports
from annotation.formats.jsonl import read_predictions
from annotation.ledger import Ledger
from annotation.problems import UserError
from annotation.report import Report, Span
from annotation.scoring import Counts, score_reports
from annotation.words import find_words
from inference.tagged_words import WordTagger
from training.__main__ import main
from training.baseline.crf import CrfTagger
from training.baseline.dictionary import NameTagger
from training.baseline.known_names import KnownNames, NameMatch
from training.baseline.word_features import bare_forms, report_features, word_shape

Printed = pytest.CaptureFixture[str]


def named(*marked: str) -> list[Report]:
    return [replace(report(text), id=f"r{number}") for number, text in enumerate(marked)]


def forms(text: str) -> list[str]:
    return [text[start:end] for start, end in find_words(text)]


def count(tagger: WordTagger, gold: Sequence[Report]) -> Counts:
    found = tagger.tag_words(gold)
    pairs = ((one.spans or (), words.spans) for one, words in zip(gold, found, strict=True))
    return score_reports(pairs).micro


# Words


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("الرقة", "ع"),
        ("إِدلـب", "ع"),
        ("2031", "0000"),
        ("٢٠٣١", "٠٠٠٠"),
        ("12345678901", "0000000"),
        ("T72", "A00"),
        ("Reuters", "Aa"),
        ("سهل_الورد", "ع_ع"),
        ("الفرقة17", "ع00"),
        ("ـ", ""),
    ],
)
def test_a_shape_tells_scripts_and_counts_digits(word: str, shape: str) -> None:
    assert word_shape(word) == shape


@pytest.mark.parametrize("word", ["النهرين", "والنهرين", "بالنهرين", "للنهرين", "ولنهرين"])
def test_all_spellings_of_a_name_share_a_form(word: str) -> None:
    assert "نهرين" in bare_forms(word)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("الم", ["الم"]),
        ("وال", ["وال"]),
        ("حلب", ["حلب"]),
        ("وليد", ["وليد", "ليد"]),
        ("والسد", ["والسد", "السد"]),
        ("12", ["12"]),
        ("", [""]),
    ],
)
def test_short_words_keep_what_looks_like_a_proclitic_or_an_article(
    word: str, expected: list[str]
) -> None:
    assert bare_forms(word) == expected


def test_a_word_is_told_what_stands_around_it() -> None:
    text = "قالت «وزارة الصحة»:\nوصل 12"
    rows = report_features(text, find_words(text))
    assert len(rows) == 5
    assert [[f for f in row if f.startswith("gap")] for row in rows] == [
        ["gap-1=nothing", "gap+1=«"],
        ["gap-1=«", "gap+1=blank"],
        ["gap-1=blank", "gap+1=line"],
        ["gap-1=line", "gap+1=blank"],
        ["gap-1=blank", "gap+1=nothing"],
    ]
    assert {"-2:edge", "-1:edge", "+1:word=وزاره", "+2:word=الصحه"} <= set(rows[0])
    assert {"-1:word=وصل", "+1:edge", "+2:edge", "shape=00", "length=2"} <= set(rows[4])
    assert {"pair-1=وزاره الصحه", "pair+1=الصحه وصل", "article=ال", "suf3=صحه"} <= set(rows[2])
    assert not any(f.startswith("pair-1") for f in rows[0])


def test_a_text_without_words_has_no_features() -> None:
    assert report_features(" \n…", []) == []


# Known names


def test_the_longest_name_wins_and_proclitics_are_seen_through() -> None:
    known = KnownNames(
        named(
            "دخلت [A:قوات السد] إلى [L:السد]",
            "غادرت [A:قوات السد الأخضر] [L:السد]",
            "وصلت [A:قوات السد] [L:النهرين]",
        )
    )
    found = known.find(forms("قصفت قوات السد الأخضر وقوات السد بالنهرين والسد"))
    assert [(m.start, m.end, m.label) for m in found] == [
        (1, 4, "ACTOR"),
        (4, 6, "ACTOR"),
        (6, 7, "LOCATION"),
        (7, 8, "LOCATION"),
    ]


def test_a_share_is_how_often_other_training_reports_mark_what_they_hold() -> None:
    """الجسر is marked in r0 and r2 and stands unmarked in r1 and twice in r3."""
    reports = named(
        "قرب [L:الجسر]", "عبروا الجسر", "في [L:الجسر] [L:والميناء]", "الجسر ثم الجسر مغلقان"
    )
    known = KnownNames(reports)
    [match] = known.find(forms("نحو الجسر"))
    assert match == NameMatch(1, 2, "LOCATION", pytest.approx((2 + 1) / (5 + 2)))
    [match] = known.find_in_training(reports[0])
    assert match.share == pytest.approx((1 + 1) / (4 + 2)), "its own is not counted"
    assert [m.share for m in known.find_in_training(reports[3])] == [pytest.approx(3 / 5)] * 2
    assert known.find(forms("نحو الجسر"), least_share=0.5) == []


def test_a_name_of_one_report_alone_is_unknown_there_and_known_elsewhere() -> None:
    reports = named("في [L:الميناء]", "في [L:المرفأ] عند الميناء")
    known = KnownNames(reports)
    assert known.find_in_training(reports[0]) == []
    assert [(m.start, m.label) for m in known.find_in_training(reports[1])] == [(3, "LOCATION")]
    assert len(known.find(forms("الميناء والمرفأ"))) == 2


def test_most_reports_decide_on_a_label_and_the_alphabet_where_they_are_equal() -> None:
    twice = named("[A:بغداد] نفت", "في [L:بغداد]")
    assert KnownNames(twice).find(["بغداد"])[0].label == "ACTOR"
    thrice = KnownNames([*twice, replace(report("إلى [L:بغداد]"), id="r2")])
    assert thrice.find(["بغداد"])[0].label == "LOCATION"
    assert thrice.find_in_training(twice[1])[0].label == "ACTOR", "1 to 1 without its own"


# The list of names alone


def test_the_list_alone_marks_names_with_their_share_for_a_score() -> None:
    tagger = NameTagger(named("قرب [L:تل الورد]", "عند [L:تل الورد] أمس", "عند 12 نخلة"))
    [words] = tagger.tag_words([Report("new", "من تل الورد إلى 12 نخلة")])
    [span] = words.spans
    assert (span, span.score) == (Span(3, 11, "LOCATION"), pytest.approx(3 / 4))
    assert np.exp(words.log_probs).sum(-1) == pytest.approx(np.ones(6), abs=1e-6)
    # Words in no match of training reports: 2, 3 and 3, each tag counted once more than it is met.
    outside = np.array([6 + 1, 0 + 1, 0 + 1]) / 9
    assert tagger.tags == ["O", "B-LOCATION", "I-LOCATION"]
    assert np.exp(words.log_probs[0]) == pytest.approx(outside, abs=1e-6)
    assert 0 < words.uncertainty < np.log(3)


# The CRF


@pytest.fixture(scope="module")
def crf() -> CrfTagger:
    return CrfTagger.fit(invent_reports(40))


def test_the_crf_learns_invented_reports(crf: CrfTagger) -> None:
    assert crf.tags == [TAGS[i] for i in (0, 1, 2, 5, 6, 3, 4)], "labels in alphabetical order"
    assert count(crf, invent_reports(40, seed=11)).f1 > 0.95


def test_its_probabilities_are_some_and_its_tags_well_formed(crf: CrfTagger) -> None:
    for one, words in zip(*(2 * [invent_reports(5, seed=3)]), strict=True):
        [tagged] = crf.tag_words([words])
        assert len(tagged.words) == len(tagged.path) == len(find_words(one.text))
        assert np.exp(tagged.log_probs).sum(-1) == pytest.approx(
            np.ones(len(tagged.path)), abs=1e-4
        )
        found = tagged.on(words)
        for span in found.spans or ():
            assert span.score is not None and 0 < span.score <= 1
        assert 0 <= found.fields["uncertainty"] <= np.log(len(TAGS))


def test_blank_texts_have_no_spans(crf: CrfTagger) -> None:
    blank = [Report("empty", ""), Report("blank", " \n"), Report("marks", "…!؟")]
    found = [words.on(one) for one, words in zip(blank, crf.tag_words(blank), strict=True)]
    assert [(one.spans, one.fields) for one in found] == [((), {"uncertainty": 0.0})] * 3


def test_a_text_of_other_scripts_and_a_very_long_word_are_read(crf: CrfTagger) -> None:
    odd = [Report("latin", "UN: 3 km, ½ … 中文"), Report("long", "ا" * 100_000 + " 12")]
    assert [len(words.path) for words in crf.tag_words(odd)] == [5, 2]


def test_on_the_bundled_corpus_the_crf_beats_the_list_of_names() -> None:
    read = Ledger().sort(read_records([HOME / CORPUS]))
    reports = [one for one in read if one.fields["source"] == "dly"]
    learned, asked = reports[:40], reports[40:]
    assert len(asked) == 10
    crf, names = (count(make, asked).f1 for make in (CrfTagger.fit(learned), NameTagger(learned)))
    assert crf > names + 0.1
    assert crf > 0.4
    assert names > 0.05


# The command


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_reports(invent_reports(40), tmp_path / "train.jsonl")
    write_reports(invent_reports(12, seed=5), tmp_path / "gold.jsonl")
    return tmp_path


def run(files: Path, *more: str, output: str = "found.jsonl") -> int:
    arguments = ["--train", str(files / "train.jsonl"), "--gold", str(files / "gold.jsonl")]
    return main(["baseline", *arguments, *more, "--output", str(files / output)])


@pytest.mark.parametrize(("more", "least"), [([], 0.95), (["--only-names"], 0.6)])
def test_what_it_writes_is_measured_like_a_model(
    more: list[str], least: float, files: Path, capsys: Printed
) -> None:
    assert run(files, *more) == 0
    assert "12 reports predicted, 40 reports learned from" in capsys.readouterr().err
    gold = invent_reports(12, seed=5)
    lines = [json.loads(line) for line in (files / "found.jsonl").read_text("utf-8").splitlines()]
    assert [line["id"] for line in lines] == [one.id for one in gold]
    assert [line["source"] for line in lines] == [one.fields["source"] for one in gold]
    assert all(line["uncertainty"] > 0 for line in lines)
    for one, line in zip(gold, lines, strict=True):
        for span in line["spans"]:
            assert span["text"] == one.text[span["start"] : span["end"]]
            assert 0 < span["score"] < 1 or not more
    output = str(files / "evaluation")
    predictions = ["--predictions", str(files / "found.jsonl")]
    assert (
        main(["evaluate", *predictions, "--gold", str(files / "gold.jsonl"), "--output", output])
        == 0
    )
    evaluation = json.loads((files / "evaluation" / "evaluation.json").read_text("utf-8"))
    found = read_predictions(files / "found.jsonl")
    expected = score_reports((one.spans or (), found[one.id]) for one in gold).micro
    assert evaluation["micro"]["matched"] == expected.matched
    assert evaluation["micro"]["f1"] == pytest.approx(expected.f1)
    assert expected.f1 > least
    assert evaluation["calibration"]["unscored"] == 0
    record = json.loads((files / "found.jsonl.run.json").read_text("utf-8"))
    assert (record["predicted"], record["training_reports"], record["set_aside"]) == (12, 40, 0)
    assert record["baseline"] == ("names" if more else "crf")
    assert ("python-crfsuite" in record["versions"]) is not bool(more)


def test_gold_spans_are_not_looked_at(files: Path) -> None:
    assert run(files) == 0
    before = (files / "found.jsonl").read_bytes()
    bare = [replace(one, spans=()) for one in invent_reports(12, seed=5)]
    write_reports(bare, files / "gold.jsonl")
    assert run(files, output="again.jsonl") == 0
    assert (files / "again.jsonl").read_bytes() == before


def test_the_same_reports_give_the_same_file_in_every_process(files: Path) -> None:
    found = []
    for seed in ("1", "2"):
        output = files / f"{seed}.jsonl"
        train, gold = str(files / "train.jsonl"), str(files / "gold.jsonl")
        command = ["baseline", "--train", train, "--gold", gold, "--output", str(output)]
        subprocess.run(
            [sys.executable, "-m", "training", *command],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(HOME)},
            check=True,
            capture_output=True,
        )
        found.append(output.read_bytes())
    assert found[0] == found[1]


def test_training_files_are_joined_and_what_is_set_aside_shows_in_the_status(
    files: Path, capsys: Printed
) -> None:
    reports = invent_reports(40)
    write_reports(reports[:20], files / "train.jsonl")
    write_reports(reports[19:], files / "more.jsonl")
    assert run(files, "--train", str(files / "more.jsonl"), "--only-names") == 1
    assert "40 reports learned from" in capsys.readouterr().err
    record = json.loads((files / "found.jsonl.run.json").read_text("utf-8"))
    assert record["set_aside"] == 1
    assert len(record["train"]) == 2


def test_one_training_report_is_enough_and_one_label_too() -> None:
    [one] = invent_reports(1)
    assert set(CrfTagger.fit([one]).tags) == {"O", *(f"{p}-{x}" for p in "BI" for x in LABELS)}
    places = named("في [L:الميناء] مساء")
    [words] = CrfTagger.fit(places).tag_words(places)
    assert words.names == ["O", "B-LOCATION", "I-LOCATION"]


@pytest.mark.parametrize("more", [[], ["--only-names"]])
@pytest.mark.parametrize(
    ("train", "told"),
    [
        ("", "no annotated report in it"),
        ('{"id": "1", "text": "لم يقرأه أحد"}\n', "no annotated report in it"),
        (
            '{"id": "1", "text": "هدوء تام", "spans": []}\n',
            "nothing to learn: none of 1 training reports has a span; expected annotated reports",
        ),
    ],
)
def test_nothing_to_learn_from_is_one_line(
    train: str, told: str, more: list[str], files: Path, capsys: Printed
) -> None:
    (files / "train.jsonl").write_text(train, "utf-8")
    assert run(files, *more) == 2
    assert told in capsys.readouterr().err.splitlines()[-1]
    assert not (files / "found.jsonl").exists()


def test_files_that_are_not_there_are_told(files: Path, capsys: Printed) -> None:
    (files / "gold.jsonl").unlink()
    assert run(files) == 2
    assert capsys.readouterr().err == f"{files}/gold.jsonl: no such file or folder\n"


def test_without_the_library_the_crf_says_how_to_get_it_and_names_alone_work(
    files: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycrfsuite", None)
    assert run(files) == 2
    assert capsys.readouterr().err == (
        "the CRF needs python-crfsuite, which comes with pip install 'rasd[baseline]'\n"
    )
    with pytest.raises(UserError):
        CrfTagger.fit(invent_reports(2))
    assert run(files, "--only-names") == 0
