import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from annotation.formats import ReadOptions, read_records, write_reports
from annotation.ledger import Ledger, Record
from annotation.problems import Rejection, Repair, UserError
from annotation.report import Report, Span

TEXT = "قصف داعش الرقة"
DAESH, RAQQA = Span(4, 8, "ACTOR"), Span(9, 14, "LOCATION")
KASF = Span(0, 3, "ACTOR")


def region(start: Any, end: Any, *labels: str, text: str | None = None, **more: Any) -> Any:
    value = {"start": start, "end": end, "labels": list(labels)}
    if text is not None:
        value["text"] = text
    known = {"type": "labels", "from_name": "label", "to_name": "text", "value": value}
    return known | more


def region_of(span: Span) -> Any:
    return region(span.start, span.end, span.label)


def annotation(*regions: Any, by: Any = 1, at: str = "2024-05-01", **more: Any) -> dict[str, Any]:
    return {"result": list(regions), "completed_by": by, "created_at": at, **more}


def task(
    *annotations: dict[str, Any], text: str = TEXT, number: int = 7, **data: Any
) -> dict[str, Any]:
    return {"id": number, "data": {"text": text, **data}, "annotations": list(annotations)}


def read_tasks(tmp_path: Path, *tasks: Any, **options: Any) -> list[Record]:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    return list(read_records([path], ReadOptions(**options)))


def reports_of(records: list[Record]) -> list[Report]:
    return [record for record in records if isinstance(record, Report)]


def repairs_of(records: list[Record]) -> Counter[str]:
    return Counter(record.kind for record in records if isinstance(record, Repair))


def test_a_task_becomes_a_report_with_its_further_data(tmp_path: Path) -> None:
    one = task(annotation(region_of(DAESH)), id="r1", source="dly", nested={"a": [1]})
    assert read_tasks(tmp_path, one) == [
        Report(
            "r1", TEXT, (DAESH,), {"label_studio_task": 7, "source": "dly", "nested": {"a": [1]}}
        )
    ]


def test_an_empty_annotation_says_that_nothing_is_there_and_none_says_nothing(
    tmp_path: Path,
) -> None:
    records = read_tasks(
        tmp_path,
        task(annotation(), number=1),
        task(number=2),
        task(annotation(region_of(DAESH), was_cancelled=True), number=3),
        task(annotation(was_cancelled=True), annotation(region_of(RAQQA)), number=4),
    )
    assert [(r.id, r.spans) for r in reports_of(records)] == [
        ("1", ()),
        ("2", None),
        ("3", None),
        ("4", (RAQQA,)),
    ]
    assert repairs_of(records) == {"cancelled annotations left out": 2}


SHARED = task(
    annotation(region_of(DAESH), region_of(RAQQA), by={"id": 2, "email": "b@x.org"}, at="2024-02"),
    annotation(region_of(DAESH), by=1, at="2024-01"),
    annotation(region(0, 3, "ACTOR"), by={"username": "cee"}, at="2024-03"),
)


def test_several_annotators_without_a_choice_are_named_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_tasks(tmp_path, SHARED, task(annotation(by=1), number=8))
    message = str(caught.value)
    assert "1 tasks were annotated by several people" in message
    assert "1 (2 tasks), b@x.org (1 tasks), cee (1 tasks)" in message
    for choice in ("--annotators all", "first", "majority", "one of the names"):
        assert choice in message


def test_no_choice_is_asked_for_where_spans_are_not(tmp_path: Path) -> None:
    (report,) = read_tasks(tmp_path, SHARED, with_spans=False)
    assert report == Report("7", TEXT, None, {"label_studio_task": 7})


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("all", [("7@1", (DAESH,)), ("7@b@x.org", (DAESH, RAQQA)), ("7@cee", (KASF,))]),
        ("first", [("7", (DAESH,))]),
        ("majority", [("7", (DAESH,))]),
        ("b@x.org", [("7", (DAESH, RAQQA))]),
        ("2", [("7", (DAESH, RAQQA))]),
        ("cee", [("7", (KASF,))]),
    ],
)  # fmt: skip
def test_the_choice_says_whose_spans_are_taken(
    choice: str, expected: list[tuple[str, tuple[Span, ...]]], tmp_path: Path
) -> None:
    records = read_tasks(tmp_path, SHARED, annotators=choice)
    assert [(r.id, r.spans) for r in reports_of(records)] == expected
    assert len(records) == len(expected)
    if choice == "all":
        fields = [dict(r.fields) for r in reports_of(records)]
        assert [f.pop("annotator") for f in fields] == ["1", "b@x.org", "cee"]
        assert fields == [{"label_studio_task": 7, "document": "7"}] * 3


def test_a_name_that_nobody_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--annotators dee: nobody of that name; .* cee"):
        read_tasks(tmp_path, SHARED, annotators="dee")


def test_a_task_that_the_named_person_did_not_annotate_is_not_looked_at(tmp_path: Path) -> None:
    records = read_tasks(tmp_path, SHARED, task(annotation(by=1), number=8), annotators="cee")
    assert [(r.id, r.spans) for r in reports_of(records)] == [
        ("7", (Span(0, 3, "ACTOR"),)),
        ("8", None),
    ]


def test_half_of_the_annotators_are_no_majority(tmp_path: Path) -> None:
    shared = task(annotation(region_of(DAESH), by=1), annotation(region_of(RAQQA), by=2))
    (report,) = read_tasks(tmp_path, shared, annotators="majority")
    assert isinstance(report, Report)
    assert report.spans == ()


def test_of_one_persons_annotations_the_latest_counts(tmp_path: Path) -> None:
    again = task(
        annotation(region_of(RAQQA), at="2024-06"), annotation(region_of(DAESH), at="2024-05")
    )
    for choice in (None, "majority", "first"):
        records = read_tasks(tmp_path, again, annotators=choice)
        assert [r.spans for r in reports_of(records)] == [(RAQQA,)]
        assert repairs_of(records) == {"earlier annotations left out": 1}


def test_one_persons_bad_spans_cost_only_that_persons_report(tmp_path: Path) -> None:
    shared = task(
        annotation(region(3, 1, "ACTOR"), by=1, at="2024-01"),
        annotation(region_of(DAESH), by=2, at="2024-02"),
    )
    rejection, report = read_tasks(tmp_path, shared, annotators="all")
    assert isinstance(rejection, Rejection) and isinstance(report, Report)
    assert (rejection.id, rejection.reason) == ("7@1", "bad_span")
    assert (report.id, report.spans) == ("7@2", (DAESH,))
    assert len(reports_of(read_tasks(tmp_path, shared, annotators="2"))) == 1


def test_what_is_no_span_is_left_alone_and_counted(tmp_path: Path) -> None:
    one = task(
        annotation(
            {"type": "choices", "value": {"choices": ["x"]}},
            {"type": "choices", "value": {"choices": ["y"]}},
            {"type": "relation", "from_id": "a", "to_id": "b"},
            region(0, 3),
            region_of(RAQQA),
            region_of(DAESH),
            region_of(DAESH),
        )
    )
    records = read_tasks(tmp_path, one)
    assert [r.spans for r in reports_of(records)] == [(DAESH, RAQQA)]
    assert repairs_of(records) == {
        "regions that are no spans left alone": 1,
        "regions without a label left out": 1,
        "repeated spans merged": 1,
    }
    assert "2 choices, 1 relation" in str(records[0])


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (region("0", 3, "A"), "start is str '0'"),
        (region(0.5, 3, "A"), "start is float 0.5"),
        (region(0, 3, "A", "B"), "has the labels A, B, expected one"),
        (region(5, 3, "A"), "span A 5–3 is reversed"),
        (region(0, 99, "A"), "outside the text of 14 characters"),
        (region(-2, 3, "A"), "span A -2–3 is outside"),
        (region(5, 9, "A"), "span A 5–9 overlaps ACTOR 4–8"),
        ("nonsense", "region 2 is str 'nonsense'"),
        ({"type": "labels"}, "value is nothing"),
    ],
)
def test_a_bad_region_sets_its_report_aside(bad: Any, said: str, tmp_path: Path) -> None:
    rejection, other = read_tasks(
        tmp_path, task(annotation(region_of(DAESH), bad)), task(annotation(), number=8)
    )
    assert isinstance(rejection, Rejection) and isinstance(other, Report)
    assert (rejection.reason, rejection.id, other.id) == ("bad_span", "7", "8")
    assert said in rejection.message


def test_utf16_offsets_are_converted_where_they_fit_better(tmp_path: Path) -> None:
    text = "🚨🚨 قصف داعش\nالرقة 🚨"
    # Code points: داعش 7–11, الرقة 12–17; a UTF-16 unit more for each of the two emoji before.
    today = annotation(
        region(7, 11, "ACTOR", text="داعش"), region(12, 17, "LOCATION", text="الرقة")
    )
    old = annotation(
        region(9, 13, "ACTOR", text="داعش"),
        region(9, 19, "LOCATION", text="داعش\\nالرقة"),
        region(0, 2, "COUNT"),
    )
    old["result"].pop(0)
    records = read_tasks(tmp_path, task(today, text=text, number=1), task(old, text=text, number=2))
    assert [(r.id, r.spans) for r in reports_of(records)] == [
        ("1", (Span(7, 11, "ACTOR"), Span(12, 17, "LOCATION"))),
        ("2", (Span(0, 1, "COUNT"), Span(7, 17, "LOCATION"))),
    ]
    assert repairs_of(records) == {"UTF-16 offsets converted": 1}
    assert [r.id for r in records if isinstance(r, Repair)] == ["2"]


def test_the_units_are_decided_for_each_annotation(tmp_path: Path) -> None:
    text = "🚨 قصف داعش"
    records = read_tasks(
        tmp_path,
        task(
            annotation(region(6, 10, "ACTOR", text="داعش"), by=1, at="2022"),
            annotation(region(7, 11, "ACTOR", text="داعش"), by=2, at="2021"),
            text=text,
        ),
        annotators="all",
    )
    assert [r.spans for r in reports_of(records)] == [(Span(6, 10, "ACTOR"),)] * 2
    assert [r.id for r in records if isinstance(r, Repair)] == ["7@2"]


def test_without_evidence_offsets_stay_code_points(tmp_path: Path) -> None:
    text = "🚨 قصف داعش قصف"
    no_text = annotation(region(7, 11, "ACTOR"))
    tie = annotation(region(2, 5, "A", text="قصف"), region(13, 16, "B", text="قصف"))
    records = read_tasks(tmp_path, task(no_text, text=text, number=1))
    assert [r.spans for r in reports_of(records)] == [(Span(7, 11, "ACTOR"),)]
    assert repairs_of(records) == {}
    # One region fits as code points, the other as UTF-16: one to one is no reason to convert,
    # and the second then lies outside the text.
    (rejection,) = [
        r for r in read_tasks(tmp_path, task(tie, text=text, number=2)) if isinstance(r, Rejection)
    ]
    assert "span B 13–16 is outside the text of 14" in rejection.message


def test_an_utf16_offset_inside_a_character_is_a_bad_span(tmp_path: Path) -> None:
    one = annotation(region(3, 6, "A", text="قصف"), region(1, 3, "B"))
    records = read_tasks(tmp_path, task(one, text="🚨 قصف"))
    (rejection,) = [record for record in records if isinstance(record, Rejection)]
    assert "UTF-16 offsets 1–3 cut a character in two" in rejection.message
    assert reports_of(records) == []


def test_texts_of_regions_are_compared_loosely_and_offsets_win(tmp_path: Path) -> None:
    text = "وزارة  الدفاع\r\nالعراقية قصف"
    one = annotation(
        region(0, 23, "ACTOR", text="وزارة الدفاع\\nالعراقية"), region(24, 27, "A", text="داعش")
    )
    records = read_tasks(tmp_path, task(one, text=text))
    assert [r.spans for r in reports_of(records)] == [(Span(0, 23, "ACTOR"), Span(24, 27, "A"))]
    assert repairs_of(records) == {"span text differs": 1}
    assert "A 24–27 covers 'قصف', but its text is 'داعش'" in str(records[0])


def test_the_only_string_is_the_text_where_the_named_key_is_absent(tmp_path: Path) -> None:
    fitting = task(annotation(region(4, 8, "ACTOR", text="داعش")), number=1)
    fitting["data"] = {"body": TEXT, "nr": 5}
    unfitting = task(annotation(region(4, 8, "ACTOR", text="غيره")), number=2)
    unfitting["data"] = {"title": TEXT}
    several = {"data": {"body": TEXT, "title": "عنوان"}}
    report, *rejections = read_tasks(tmp_path, fitting, unfitting, several)
    assert report == Report("1", TEXT, (DAESH,), {"label_studio_task": 1, "nr": 5})
    assert [r.reason for r in rejections if isinstance(r, Rejection)] == ["no_text", "no_text"]
    (named,) = read_tasks(tmp_path, several, text_column="title")
    assert isinstance(named, Report)
    assert (named.text, named.fields) == ("عنوان", {"body": TEXT})


def test_regions_of_a_tasks_other_text_are_left_out(tmp_path: Path) -> None:
    one = task(annotation(region_of(DAESH), region(0, 2, "A", to_name="title")), title="قصف")
    records = read_tasks(tmp_path, one)
    assert [r.spans for r in reports_of(records)] == [(DAESH,)]
    assert repairs_of(records) == {"regions of another text left out": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not JSON: Expecting value at line 1, column 1"),
        ('[{"data": ', "not JSON: Expecting value at line 1"),
        ('{"text": "a"}\n{"text": "b"}\n', "give --from jsonl"),
        ('{"text": "a"}', "expected the list of tasks"),
        ("7", "int 7, expected the list of tasks"),
        ('["x"]', "task 1 is str 'x', expected an object with data"),
        ('[{"data": {"text": "\\ud800"}}]', "U+D800"),
        ('[{"data": {"text": "a", "x": "\\ud800"}}]', "'x' has a lone surrogate"),
    ],
)
def test_a_broken_export_is_set_aside(content: str, said: str, tmp_path: Path) -> None:
    broken, whole = tmp_path / "a.json", tmp_path / "b.json"
    broken.write_text(content)
    whole.write_text('[{"data": {"text": "b"}}]')
    rejection, report = read_records([broken, whole])
    assert isinstance(rejection, Rejection)
    assert rejection.file == str(broken)
    assert said in rejection.message
    assert report == Report(f"{whole}:1", "b")


def test_json_min_is_refused_with_what_to_export(tmp_path: Path) -> None:
    row = {"id": 1, "text": TEXT, "annotator": 1, "annotation_id": 5, "label": []}
    with pytest.raises(UserError, match=r"JSON_MIN export .* export as JSON"):
        read_tasks(tmp_path, row)


def test_tasks_for_import_carry_ids_in_their_data(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    reports = [
        Report("r1", TEXT, (DAESH,), {"source": "dly", "label_studio_task": 3}),
        Report("r2", TEXT, ()),
        Report("r3", TEXT, None),
    ]
    assert write_reports(reports, path) == 3
    assert json.loads(path.read_text("utf-8")) == [
        {
            "id": 3,
            "data": {"text": TEXT, "id": "r1", "source": "dly"},
            "annotations": [
                {
                    "result": [
                        {
                            "id": "span-4-8",
                            "from_name": "label",
                            "to_name": "text",
                            "type": "labels",
                            "value": {"start": 4, "end": 8, "text": "داعش", "labels": ["ACTOR"]},
                        }
                    ]
                }
            ],
        },
        {"data": {"text": TEXT, "id": "r2"}, "annotations": [{"result": []}]},
        {"data": {"text": TEXT, "id": "r3"}},
    ]
    assert list(read_records([path])) == reports


def test_no_reports_are_an_empty_list(tmp_path: Path) -> None:
    assert write_reports([], tmp_path / "out.json") == 0
    assert json.loads((tmp_path / "out.json").read_text()) == []


def test_predictions_carry_scores_and_the_model(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    spans = (Span(4, 8, "ACTOR", 0.9), Span(9, 14, "LOCATION", 0.6))
    report = Report("r1", TEXT, spans, {"model_version": "m1", "uncertainty": 0.2})
    assert write_reports([report], path, "label-studio-predictions") == 1
    (written,) = json.loads(path.read_text("utf-8"))
    assert written["data"] == {"text": TEXT, "id": "r1", "uncertainty": 0.2}
    (prediction,) = written["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("m1", 0.6)
    assert [r["score"] for r in prediction["result"]] == [0.9, 0.6]
    assert "annotations" not in written


def test_the_newest_prediction_is_read(tmp_path: Path) -> None:
    old = {"result": [], "created_at": "2024-01", "model_version": "m1"}
    new = {
        "result": [region(4, 8, "ACTOR", score=0.5)],
        "created_at": "2024-02",
        "model_version": "m2",
    }
    one = {"id": 1, "data": {"text": TEXT}, "predictions": [new, old]}
    only_numbers = {"id": 2, "data": {"text": TEXT}, "predictions": [11, 12]}
    none = {"id": 3, "data": {"text": TEXT}}
    records = read_tasks(tmp_path, one, only_numbers, none, format="label-studio-predictions")
    first, second, third = reports_of(records)
    assert first == Report("1", TEXT, (DAESH,), {"label_studio_task": 1, "model_version": "m2"})
    assert first.spans is not None
    assert first.spans[0].score == 0.5
    assert (second.spans, third.spans) == (None, None)
    assert repairs_of(records) == {"predictions left out": 1}
    # What a model said is not what people marked.
    assert [r.spans for r in reports_of(read_tasks(tmp_path, one))] == [None]


def test_span_keys_that_a_region_has_no_place_for_are_told(tmp_path: Path) -> None:
    ledger = Ledger()
    report = Report("a", "abc", (Span(0, 3, "A", None, {"text": "abc", "note": 1}),))
    write_reports([report], tmp_path / "out.json", ledger=ledger)
    assert ledger.repairs == {"span keys left out": 1}
