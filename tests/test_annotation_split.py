import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.__main__ import main
from annotation.problems import UserError
from annotation.report import Report, Span
from annotation.split import (
    SIDES,
    By,
    Placed,
    Side,
    Split,
    SplitSettings,
    day_of,
    split_reports,
)

STORIES = [
    "افتتحت البلدية جسر المشاة فوق السكة بعد عام من الأعمال وحضر السكان حفلا صغيرا عند المدخل",
    "قال مزارعون إن الصقيع أتلف نصف محصول اللوز في التلال وطلبوا من الجمعية قروضا بلا فائدة",
    "أعادت الورشة تشغيل المولد القديم فعاد الضوء إلى المدرسة والمستوصف وبقيت المضخات متوقفة",
]


def report(name: str, source: str | None = None, **fields: object) -> Report:
    """A report like no other."""
    text = " ".join(f"{name}{word}" for word in ("ا", "ب", "ت", "ث", "ج", "ح"))
    if source is not None:
        fields["source"] = source
    return Report(name, text, (), fields)


def copy_of(original: Report, name: str, source: str | None = None) -> Report:
    """The same text under another id."""
    return Report(name, original.text, (), {} if source is None else {"source": source})


def reports_of(sources: dict[str, int]) -> list[Report]:
    return [report(f"{s}-{n:03}", s) for s, count in sources.items() for n in range(count)]


def ids_on(split: Split, side: Side) -> list[str]:
    return [key for key, there in split.sides.items() if there == side]


def texts_of(split: Split) -> list[str]:
    return [note.text for note in split.notes]


def as_previous(split: Split) -> Placed:
    return Placed(split.settings.by, split.settings.held_out, {**split.absent, **split.sides})


def test_named_sources_are_held_out_whole_and_a_tenth_of_each_other_is_for_development() -> None:
    reports = reports_of({"north": 40, "south": 20, "east": 30, "west": 10})
    split = split_reports(reports, SplitSettings("source", ("south", "west")))
    assert split.counts == {"train": 63, "dev": 7, "held_out": 30}
    assert ids_on(split, "held_out") == [
        r.id for r in reports if r.fields["source"] in ("south", "west")
    ]
    assert sum(key.startswith("north") for key in ids_on(split, "dev")) == 4
    assert sum(key.startswith("east") for key in ids_on(split, "dev")) == 3
    assert split.notes == []


def test_an_unknown_source_is_told_with_the_sources_there_are() -> None:
    with pytest.raises(UserError) as told:
        split_reports(reports_of({"b": 2, "a": 2}), SplitSettings("source", ("a", "x", "y")))
    assert str(told.value) == "no report of the source x, y to hold out; the sources are a, b"


def test_an_unknown_id_is_told() -> None:
    with pytest.raises(UserError, match="no report z to hold out; by report, --held-out takes ids"):
        split_reports(reports_of({"a": 3}), SplitSettings("report", ("z",)))


def test_many_small_sources_give_their_share_together() -> None:
    reports = reports_of({f"s{number:02}": 3 for number in range(40)})
    split = split_reports(reports, SplitSettings(held_out_share=0.2, dev_share=0.1))
    assert split.counts == {"train": 86, "dev": 10, "held_out": 24}


def test_sources_are_drawn_whole_where_none_is_named() -> None:
    reports = reports_of({"a": 10, "b": 10, "c": 10, "d": 10, "e": 10})
    split = split_reports(reports, SplitSettings("source", held_out_share=0.3))
    assert len(split.settings.held_out) == 2
    assert {key[0] for key in ids_on(split, "held_out")} == set(split.settings.held_out)
    assert split.counts["held_out"] == 20
    only = split_reports(reports_of({"a": 10}), SplitSettings("source"))
    assert only.counts["held_out"] == 0 and only.notes[0].problem


def test_reports_of_a_day_and_later_are_held_out() -> None:
    days = ["2024-04-29", "2024-04-30T23:59:59+03:00", "2024-05-01", "2024-05-01T00:10Z", "2025"]
    reports = [report(f"r{n}", date=day) for n, day in enumerate(days)]
    split = split_reports(reports, SplitSettings("date", ("2024-05-01",), dev_share=0))
    assert split.sides == {"r0": "train", "r1": "train", "r2": "held_out", "r3": "held_out"}
    assert split.apart == {"r4": "undated"}
    assert [note.problem for note in split.notes] == [True]
    assert texts_of(split) == [
        "1 set apart: no date that can be read, expected ISO 8601 as 2024-05-01: r4 '2025'"
    ]


def test_the_newest_days_are_held_out_whole_where_no_day_is_named() -> None:
    days = ["2024-01-01"] * 5 + ["2024-01-02"] * 2 + ["2024-01-03"] * 2 + ["2024-01-04"]
    reports = [report(f"r{n}", date=day) for n, day in enumerate(days)]
    split = split_reports(reports, SplitSettings("date", held_out_share=0.2, dev_share=0))
    assert split.settings.held_out == ("2024-01-03",)
    assert ids_on(split, "held_out") == ["r7", "r8", "r9"]


@pytest.mark.parametrize("value", [None, "", "أمس", "2024-13-01", 20240501, ["2024-05-01"]])
def test_what_is_no_iso_date_is_no_day(value: object) -> None:
    assert day_of(Report("r", "نص", (), {"date": value})) is None


def test_near_duplicates_of_held_out_reports_are_held_out_and_named() -> None:
    reports = reports_of({"a": 10, "b": 10})
    reports.append(copy_of(reports[0], "b-copy", "b"))
    split = split_reports(reports, SplitSettings("source", ("a",), dev_share=0))
    assert split.counts == {"train": 10, "dev": 0, "held_out": 11}
    assert texts_of(split) == [
        "1 held out beside near-duplicates that are held out: b-copy",
    ]
    assert not split.needs_a_look


def test_reports_that_nobody_annotated_are_set_apart_and_told() -> None:
    reports = [*reports_of({"a": 20}), Report("new", "نص جديد")]
    split = split_reports(reports, SplitSettings())
    assert "new" not in split.sides
    assert split.apart == {"new": "unannotated"}
    assert texts_of(split) == ["1 set apart: nobody has annotated them yet: new"]
    with pytest.raises(UserError, match="none of 1 reports can be placed: expected reports with"):
        split_reports(reports[-1:], SplitSettings())


def test_an_empty_side_is_told() -> None:
    split = split_reports(reports_of({"a": 2}), SplitSettings("report", ("a-000",)))
    assert split.counts == {"train": 1, "dev": 0, "held_out": 1}
    assert texts_of(split) == [
        "no report is in dev: 0.1 of the rest is less than a report (or than a group of them)"
    ]
    assert split.needs_a_look


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"dev_share": 1.0}, "the share dev is 1.0, expected 0 or more and less than 1"),
        ({"held_out_share": -0.1}, "the share held out is -0.1, expected 0 or more"),
        ({"by": "date", "held_out": ("May",)}, "held out by date is 'May', expected the first day"),
        ({"by": "date", "held_out": ("2024-01-01", "2024-02-01")}, "expected the first day"),
    ],
)
def test_settings_that_cannot_be_are_told(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told):
        SplitSettings(**arguments)  # type: ignore[arg-type]


def test_newcomers_join_their_near_duplicates_and_the_strongest_side_wins() -> None:
    old = [report(name) for name in ("t", "d", "h", "x1")]
    old.append(copy_of(old[3], "x2"))
    previous = Placed(
        "report", (), {"t": "train", "d": "dev", "h": "held_out", "x1": "train", "x2": "dev"}
    )
    new = [copy_of(old[n], f"{old[n].id}-new") for n in range(4)]
    split = split_reports([*new, *old], SplitSettings(), previous)
    assert split.sides == {
        "t-new": "train",
        "d-new": "dev",
        "h-new": "held_out",
        "x1-new": "dev",
        **previous.sides,
    }
    assert texts_of(split) == [
        "4 new, placed beside near-duplicates that were placed before: d-new, h-new, t-new, x1-new",
        "1 groups of near-duplicates were placed on several sides before, and stay there: "
        "x1 ~ x1-new ~ x2",
    ]
    assert [note.problem for note in split.notes] == [False, True]


def test_reports_that_have_gone_are_told_and_keep_their_place() -> None:
    reports = reports_of({"a": 30})
    first = split_reports(reports, SplitSettings())
    gone = ids_on(first, "held_out")[0]
    second = split_reports(
        [r for r in reports if r.id != gone], SplitSettings(), as_previous(first)
    )
    assert second.absent == {gone: "held_out"}
    assert texts_of(second) == [f"1 placed before, but not there (with spans) now: {gone}"]
    third = split_reports(reports, SplitSettings(), as_previous(second))
    assert third.sides == first.sides


def test_what_was_held_out_before_holds_on() -> None:
    reports = reports_of({"a": 10, "b": 10, "c": 10})
    first = split_reports(reports, SplitSettings("source", ("b",)))
    newcomer = report("b-999", "b")
    second = split_reports([*reports, newcomer], SplitSettings("source"), as_previous(first))
    assert second.settings.held_out == ("b",)
    assert second.sides["b-999"] == "held_out"
    other = split_reports(reports, SplitSettings("source", ("c",)), as_previous(first))
    assert other.sides == first.sides
    assert other.notes[0].text.startswith("10 held out by the rule, but placed elsewhere before")
    assert other.needs_a_look


def test_newcomers_fill_up_what_is_missing_of_the_shares() -> None:
    reports = reports_of({"a": 200})
    split = split_reports(reports[:50], SplitSettings())
    for count in range(51, 201):
        split = split_reports(reports[:count], SplitSettings(), as_previous(split))
    assert split.counts == {"train": 144, "dev": 16, "held_out": 40}


def test_two_reports_with_one_id_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="same id"):
        split_reports([report("a"), report("a")], SplitSettings())


@st.composite
def some_reports(draw: st.DrawFn) -> list[Report]:
    """Reports of a few sources and days, some with the same story."""
    chosen = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["a", "b", "c", None]),
                st.integers(1, 9),
                st.sampled_from([*STORIES, None, None, None]),
            ),
            min_size=2,
            max_size=25,
        )
    )
    made = []
    for number, (source, day, story) in enumerate(chosen):
        plain = report(f"r{number:02}", source, date=f"2024-01-0{day}")
        made.append(plain if story is None else replace(plain, text=f"{story} {number}"))
    return made


rules = st.sampled_from(["report", "source", "date"])


@settings(max_examples=60)
@given(some_reports(), rules, st.integers(0, 5), st.randoms(use_true_random=False))
def test_a_split_is_a_partition_that_keeps_stories_together_in_any_order(
    reports: list[Report], by: By, seed: int, chance: random.Random
) -> None:
    asked = SplitSettings(by, seed=seed, dev_share=0.25, held_out_share=0.25)
    split = split_reports(reports, asked)
    assert list(split.sides) == [r.id for r in reports]
    assert set(split.sides.values()) <= set(SIDES)
    for story in STORIES:
        assert len({split.sides[r.id] for r in reports if r.text.startswith(story)}) <= 1
    shuffled = list(reports)
    chance.shuffle(shuffled)
    assert split_reports(shuffled, asked).sides == split.sides


@settings(max_examples=60)
@given(some_reports(), rules, rules, st.data())
def test_no_report_that_was_placed_ever_moves(
    reports: list[Report], by: By, then: By, data: st.DataObject
) -> None:
    first = split_reports(reports[: data.draw(st.integers(1, len(reports)))], SplitSettings(by))
    second = split_reports(reports, SplitSettings(then, seed=99), as_previous(first))
    assert {key: second.sides[key] for key in first.sides} == first.sides
    assert set(second.sides) == {r.id for r in reports}


def test_another_seed_draws_others() -> None:
    reports = reports_of({"a": 100})
    one, same, other = (split_reports(reports, SplitSettings(seed=s)).sides for s in (1, 1, 2))
    assert one == same
    assert one != other


def write(path: Path, reports: list[Report]) -> Path:
    lines = [
        {"id": r.id, "text": r.text, "spans": [], **r.fields}
        if r.spans is not None
        else {"id": r.id, "text": r.text, **r.fields}
        for r in reports
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def test_the_command_writes_a_file_a_side_and_goes_on_from_its_own_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = reports_of({"a": 20, "b": 10})
    path = write(tmp_path / "reports.jsonl", [*reports, Report("new", "نص جديد")])
    out = tmp_path / "out"
    arguments = ["split", str(path), "--by", "source", "--held-out", "b", "--output", str(out)]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "1 set apart: nobody has annotated them yet: new" in captured.err
    record = json.loads((out / "splits.json").read_text("utf-8"))
    assert record["counts"] == {"train": 18, "dev": 2, "held_out": 10, "unannotated": 1}
    assert (record["by"], record["held_out"], record["seed"]) == ("source", ["b"], 13)
    sides = {}
    for side in SIDES:
        for line in (out / f"{side}.jsonl").read_text("utf-8").splitlines():
            sides[json.loads(line)["id"]] = side
    assert sides == record["reports"]
    assert json.loads((out / "unannotated.jsonl").read_text("utf-8"))["id"] == "new"

    more = write(tmp_path / "more.jsonl", [*reports[1:], report("b-new", "b")])
    again = ["split", str(more), "--previous", str(out / "splits.json"), "--output", str(out)]
    assert main(again) == 0
    later = json.loads((out / "splits.json").read_text("utf-8"))
    assert later["absent"] == {"a-000": record["reports"]["a-000"]}
    assert later["reports"] == {
        **{key: side for key, side in record["reports"].items() if key != "a-000"},
        "b-new": "held_out",
    }
    assert not (out / "unannotated.jsonl").exists()


def test_the_command_sets_broken_reports_aside_and_divides_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "reports.jsonl", reports_of({"a": 20}))
    with path.open("a", encoding="utf-8") as stream:
        stream.write("{broken\n")
    assert main(["split", str(path), "--output", str(tmp_path / "out")]) == 1
    assert "set aside: 1 × bad_json" in capsys.readouterr().err
    rejected = (tmp_path / "out" / "rejected.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["line"] for line in rejected] == [21]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--by", "source", "--held-out", "x"], "the sources are a"),
        (["--dev-share", "2"], "the share dev is 2.0"),
        (["--previous", "absent.json"], "expected splits.json of an earlier split"),
        (["--previous", "reports.jsonl"], "reports.jsonl: "),
    ],
)
def test_what_the_user_can_mend_ends_with_two_and_a_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "reports.jsonl", reports_of({"a": 20}))
    assert main(["split", "reports.jsonl", "--output", "out", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out" / "train.jsonl").exists()


def test_spans_and_further_keys_come_out_again(tmp_path: Path) -> None:
    text = "وصلت القافلة إلى تدمر"
    line = {
        "id": "r",
        "text": text,
        "spans": [{"start": 17, "end": 21, "label": "LOCATION"}],
        "source": "a",
        "desk": 7,
    }
    (tmp_path / "one.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    assert Report("r", text, (Span(17, 21, "LOCATION"),)).text[17:21] == "تدمر"
    assert main(["split", str(tmp_path / "one.jsonl"), "--output", str(tmp_path / "out")]) == 1
    assert json.loads((tmp_path / "out" / "train.jsonl").read_text("utf-8")) == line


CORPUS = Path(__file__).resolve().parents[2] / "shared" / "reports" / "corpus.jsonl"


@pytest.mark.skipif(not CORPUS.is_file(), reason="../shared/reports/corpus.jsonl is not there")
def test_the_corpus_is_divided_as_the_main_job_does(tmp_path: Path) -> None:
    rule = ["--by", "source", "--held-out", "dly,cor", "--seed", "13"]
    assert main(["split", str(CORPUS), *rule, "--output", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "splits.json").read_text("utf-8"))
    assert record["counts"] == {"train": 778, "dev": 86, "held_out": 90}
    dev = [key[:3] for key, side in record["reports"].items() if side == "dev"]
    assert {dev.count(source) for source in set(dev)} == {4, 5} and len(set(dev)) == 20
