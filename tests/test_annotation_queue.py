import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation import queue
from annotation.__main__ import main
from annotation.duplicates import joining_pairs
from annotation.formats import read_records, write_reports
from annotation.formats.jsonl import copy_predictions, read_predictions, read_uncertainties
from annotation.ledger import Ledger
from annotation.pushed_predictions import read_pushed_predictions
from annotation.queue import pick_queue, worth_of
from annotation.report import Report
from annotation.word_vectors import word_vectors

STORY = (
    "أعلنت إدارة السد صباح الأحد أن فرق الصيانة أنهت إصلاح البوابة الثالثة بعد أسبوعين من العمل "
    "وأن المياه عادت إلى القنوات في القرى الشرقية حيث ينتظر المزارعون موسم القمح القادم"
)
COPY = f"عاجل | {STORY}"
MARKET = "ارتفعت أسعار الخبز في أسواق المدينة القديمة بعد توقف المخبز الكبير عن العمل يومين"
FAIR = "افتتح اتحاد الكتاب معرضاً للكتب المستعملة شارك فيه عشرون ناشراً من خمس محافظات"
ROAD = "أغلقت الثلوج الطريق الجبلي أمام الشاحنات وعلقت حافلة تقل طلاباً قرب الممر الشمالي"


def picked(texts: list[str], worths: list[float], labelled: list[str], count: int) -> list[int]:
    return [one.index for one in pick_queue(texts, worths, labelled, count).picked]


# Vectors


def test_a_cosine_is_one_with_oneself_and_none_with_what_shares_no_word() -> None:
    vectors = word_vectors([STORY, MARKET, "", "…", FAIR])
    cosines = (vectors @ vectors.T).toarray()
    assert np.diag(cosines) == pytest.approx([1, 1, 0, 0, 1])
    assert cosines[1, 4] == 0
    assert 0 < cosines[0, 1] < 0.1, "a few common words"


def test_marks_tatweel_and_repetition_make_no_difference() -> None:
    vectors = word_vectors(["عادت المياه", "عَادَتِ الميـــاه", "عادت المياه عادت المياه", ROAD])
    cosines = (vectors @ vectors.T).toarray()
    assert cosines[0, 1] == pytest.approx(1)
    # Only the pair across the repetition is new; three of four texts have the rest.
    shared, new = 3 * (1 - 3 / 8) ** 2, (1 - 1 / 8) ** 2
    assert cosines[0, 2] == pytest.approx((shared / (shared + new)) ** 0.5)


def test_what_stands_everywhere_weighs_half() -> None:
    """Of five words and pairs two texts share three: at a half each against one each."""
    texts = [f"بيان رسمي كلمة{number}" for number in range(1000)]
    vectors = word_vectors(texts)
    cosine = (vectors[0] @ vectors[1].T).toarray().item()
    assert cosine == pytest.approx(3 / 4 / (3 / 4 + 2), abs=0.002)


# Picking


def test_of_different_texts_the_worthiest_comes_first() -> None:
    assert picked([STORY, MARKET, FAIR, ROAD], [0.1, 0.4, 0.3, 0.2], [], 3) == [1, 2, 3]


def test_of_two_texts_as_uncertain_the_longer_is_worth_more_but_not_by_its_length() -> None:
    assert worth_of("كلمة " * 9, 0.2) == pytest.approx(3 * 0.2)
    assert worth_of("كلمة " * 36, 0.2) == pytest.approx(2 * worth_of("كلمة " * 9, 0.2))
    assert worth_of(" … ", 0.9) == 0


def test_of_equally_worthy_texts_the_first_is_taken() -> None:
    assert picked([FAIR, MARKET], [0.3, 0.3], [], 2) == [0, 1]


def test_a_story_told_ten_times_is_annotated_once() -> None:
    copies = [f"{STORY} نسخة{number}" for number in range(10)]
    found = pick_queue([*copies, MARKET, FAIR], [0.9] * 10 + [0.1, 0.01], [], 12)
    assert [one.index for one in found.picked] == [0, 10, 11]
    assert sorted(found.near_duplicates) == list(range(1, 10))


def test_what_is_annotated_already_is_not_annotated_again() -> None:
    found = pick_queue([COPY, MARKET], [0.9, 0.1], [STORY, FAIR], 2)
    assert [one.index for one in found.picked] == [1]
    assert found.near_duplicates == [0]


def test_where_there_is_only_one_story_it_is_still_known_again() -> None:
    """Words that all texts have weigh little, but they are all that there is."""
    found = pick_queue([STORY] * 5, [0.5] * 5, [], 5)
    assert [one.index for one in found.picked] == [0]
    assert len(found.near_duplicates) == 4


def test_similar_news_waits_for_what_is_new() -> None:
    half = len(STORY) // 2
    similar = f"{STORY[:half]} {ROAD} {MARKET}"
    vectors = word_vectors([STORY, similar, FAIR])
    nearest = (vectors[0] @ vectors[1].T).toarray().item()
    assert 0.3 < nearest < 0.6
    assert picked([STORY, similar, FAIR], [0.5, 0.4, 0.35], [], 3) == [0, 2, 1]
    assert picked([STORY, similar, FAIR], [0.5, 0.4, 0.1], [], 3) == [0, 1, 2]


def test_each_pick_says_how_near_it_was() -> None:
    found = pick_queue([STORY, FAIR], [0.5, 0.4], [MARKET], 2)
    assert [one.index for one in found.picked] == [0, 1]
    assert 0 < found.picked[0].similarity < 0.1
    vectors = word_vectors([STORY, FAIR, MARKET])
    nearest = max((vectors[1] @ vectors[i].T).toarray().item() for i in (0, 2))
    assert found.picked[1].similarity == pytest.approx(nearest)


def test_nothing_to_pick_from_gives_nothing() -> None:
    assert picked([], [], [STORY], 3) == []
    assert picked([STORY], [0.5], [], 0) == []


WORDS = [f"كلمة{number}" for number in range(12)]


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_no_two_in_the_queue_are_near_duplicates(seed: int, count: int) -> None:
    draw = random.Random(seed)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(1, 12))) for _ in range(12)]
    texts += [f"{text} {draw.choice(WORDS)}" for text in texts]
    unsure = [draw.random() for _ in texts]
    found = pick_queue(texts, unsure, texts[:3], count)
    kept = [texts[one.index] for one in found.picked] + texts[:3]
    apart = [pair for pair in joining_pairs(kept) if pair.first < len(found.picked)]
    assert apart == []
    passed = len(found.picked) + len(found.near_duplicates)
    assert len(found.picked) == count or passed == len(texts)


# Files


def write_predictions(path: Path, **uncertainty: Any) -> Path:
    lines = [
        json.dumps({"id": id, "spans": [], "uncertainty": value, "model": "m1"}, indent=None)
        for id, value in uncertainty.items()
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    reports = {"story": STORY, "copy": COPY, "market": MARKET, "fair": FAIR, "road": ROAD}
    write_reports(
        [Report(id, text, None, {"source": "dly"}) for id, text in reports.items()],
        tmp_path / "archive.jsonl",
    )
    write_predictions(
        tmp_path / "predictions.jsonl", story=0.5, copy=0.6, market=0.2, fair=0.3, road=0.4
    )
    write_reports([Report("road", ROAD, ())], tmp_path / "gold.jsonl")
    return tmp_path


def call(folder: Path, *more: str, count: int = 2) -> int:
    names = {name: str(folder / f"{name}.jsonl") for name in ("archive", "predictions", "gold")}
    command = ["queue", "--reports", names["archive"], "--predictions", names["predictions"]]
    command += ["--labelled", names["gold"], "--count", str(count)]
    return main([*command, "--output", str(folder / "queue.jsonl"), *more])


def test_the_queue_and_its_predictions_are_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(folder) == 0
    assert list(read_records([folder / "queue.jsonl"])) == [
        Report("copy", COPY, None, {"source": "dly", "uncertainty": 0.6}),
        Report("fair", FAIR, None, {"source": "dly", "uncertainty": 0.3}),
    ]
    beside = folder / "queue.jsonl.predictions.jsonl"
    assert beside.read_text("utf-8").splitlines() == [
        '{"id": "copy", "spans": [], "uncertainty": 0.6, "model": "m1"}',
        '{"id": "fair", "spans": [], "uncertainty": 0.3, "model": "m1"}',
    ]
    assert read_predictions(beside) == {"copy": (), "fair": ()}
    assert capsys.readouterr().err.splitlines() == [
        "2 of 5 reports are in the queue",
        "1 annotated already",
    ]


def test_which_model_it_was_goes_with_the_predictions(folder: Path) -> None:
    run = folder / "predictions.jsonl.run.json"
    run.write_text('{"model": "0123"}', "utf-8")
    assert call(folder) == 0
    beside = folder / "queue.jsonl.predictions.jsonl.run.json"
    assert beside.read_bytes() == run.read_bytes()
    pushed = read_pushed_predictions(folder / "queue.jsonl.predictions.jsonl")
    assert pushed.model_version == "0123"
    assert pushed.spans == {"copy": (), "fair": ()}
    run.unlink()
    assert call(folder) == 0
    assert not beside.exists(), "the record of another run says nothing of this one"


def test_asked_for_more_than_there_is_the_queue_says_why_it_is_short(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = [Report("blank", "…", None), Report("new", "تقرير لم يقرأه أحد", None)]
    write_reports(reports, folder / "more.jsonl")
    with (folder / "archive.jsonl").open("a", encoding="utf-8") as archive:
        archive.write((folder / "more.jsonl").read_text("utf-8"))
    with (folder / "predictions.jsonl").open("a", encoding="utf-8") as predictions:
        predictions.write('{"id": "blank", "spans": [], "uncertainty": 0.0}\n')
    assert call(folder, count=10) == 0
    assert capsys.readouterr().err.splitlines() == [
        "3 of 7 reports are in the queue",
        "1 annotated already",
        "1 without a prediction: left out",
        "1 without a word: left out",
        "1 nearly the same as an annotated or picked one: passed over",
        "asked for 10: there are no more that differ",
    ]


def test_a_queue_goes_on_where_the_last_one_ended(folder: Path) -> None:
    assert call(folder) == 0
    earlier = folder / "earlier.jsonl"
    (folder / "queue.jsonl").rename(earlier)
    assert call(folder, "--labelled", str(folder / "gold.jsonl"), str(earlier)) == 0
    assert [record.id for record in read_records([folder / "queue.jsonl"])] == ["market"]


def test_without_anything_annotated_a_queue_begins(folder: Path) -> None:
    command = ["queue", "--reports", str(folder / "archive.jsonl"), "--count", "2"]
    command += ["--predictions", str(folder / "predictions.jsonl")]
    assert main([*command, "--output", str(folder / "q.jsonl")]) == 0
    assert [record.id for record in read_records([folder / "q.jsonl"])] == ["copy", "road"]


def test_of_a_large_archive_the_worthiest_are_compared(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "CONSIDERED", 3)
    assert call(folder, count=5) == 0
    assert [record.id for record in read_records([folder / "queue.jsonl"])] == ["copy", "fair"]
    assert "the 3 worthiest were compared, 1 not" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"id": "fair", "spans": []}', "uncertainty is nothing, expected a number from 0 to"),
        ('{"id": "fair", "uncertainty": "high"}', "uncertainty is str 'high', expected a number"),
        ('{"id": "fair", "uncertainty": true}', "uncertainty is bool True"),
        ('{"id": "fair", "uncertainty": -0.1}', "uncertainty is float -0.1"),
        ('{"id": "fair", "uncertainty": NaN}', "uncertainty is float nan"),
        (f'{{"id": "fair", "uncertainty": 1{"0" * 400}}}', "uncertainty is int 1000"),
        ('{"spans": [], "uncertainty": 1}', "no id, expected that of the report"),
        ('{"id": "fair", ', "not JSON"),
        ('{"id": "story", "spans": [], "uncertainty": 9}', "an earlier line has this id"),
    ],
)
def test_a_prediction_that_cannot_be_used_costs_that_one(
    folder: Path, line: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = folder / "predictions.jsonl"
    lines = [one for one in predictions.read_text("utf-8").splitlines() if '"fair"' not in one]
    predictions.write_text("\n".join([*lines, line]) + "\n", "utf-8")
    assert call(folder, count=3) == 1
    assert [record.id for record in read_records([folder / "queue.jsonl"])] == ["copy", "market"]
    (rejected,) = (folder / "queue.jsonl.rejected.jsonl").read_text("utf-8").splitlines()
    assert reason in json.loads(rejected)["message"]
    assert json.loads(rejected)["line"] == 5
    assert f"{predictions}:5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--count", "0"], "--count 0: expected 1 or more"),
        (["--output", "queue.csv"], "queue.csv: a queue is written as JSONL"),
        (["--predictions", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (["--reports", "nowhere.jsonl"], "nowhere.jsonl: no such file or folder"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_two(
    folder: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(folder, *more) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (folder / "queue.jsonl").exists()


def test_predictions_of_other_reports_are_an_error_that_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_predictions(folder / "predictions.jsonl", other=0.5)
    assert call(folder) == 2
    message = capsys.readouterr().err
    assert "of 5 reports 1 are annotated already, 4 have no prediction" in message
    assert "are the ids of the reports those of the predictions?" in message


def test_predictions_are_copied_as_they_are(tmp_path: Path) -> None:
    source = tmp_path / "predictions.jsonl"
    content = b'{"id":"a","uncertainty":1,  "x":"\\u0627"}\r\n\n{"id": 2, "uncertainty": 2}'
    source.write_bytes(content)
    assert copy_predictions(source, {"2", "a", "missing"}, tmp_path / "out.jsonl") == 2
    assert (tmp_path / "out.jsonl").read_bytes() == (
        b'{"id":"a","uncertainty":1,  "x":"\\u0627"}\n{"id": 2, "uncertainty": 2}\n'
    )
    assert read_uncertainties(tmp_path / "out.jsonl", Ledger()) == {"a": 1.0, "2": 2.0}
