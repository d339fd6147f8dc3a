import json
from pathlib import Path
from typing import Any

import pytest
from label_studio_sdk import LabelStudio

from annotation.__main__ import main
from annotation.adjudicate import AGREED, adjudicate, disputed_to_task
from annotation.disagreement import find_disagreements
from annotation.formats import ReadOptions, read_records, write_reports
from annotation.formats.label_studio import span_to_region
from annotation.label_studio_client import LabelStudioClient
from annotation.label_studio_connection import KEY_VARIABLE, URL_VARIABLE
from annotation.label_studio_server import RunningServer
from annotation.labels import load_labels
from annotation.ledger import Ledger
from annotation.pull import PullOptions, pull_reports
from annotation.readings import SharedReport, read_shared_reports
from annotation.report import Report, Span

TEXT = "🚨 نفت بغداد\r\nدخول 12 جندياً إلى ريف الحسكة"
PARTY, PLACE = Span(6, 11, "ACTOR"), Span(6, 11, "LOCATION")
COUNT, NUMBER = Span(18, 27, "COUNT"), Span(18, 20, "COUNT")
COUNTRYSIDE = Span(32, 42, "LOCATION")
HUDA, OMAR = (PARTY, COUNT, COUNTRYSIDE), (PLACE, NUMBER, COUNTRYSIDE)
SETTLED = (PARTY, NUMBER, COUNTRYSIDE)


def test_the_spans_cover_what_they_are_called() -> None:
    covered = [TEXT[span.start : span.end] for span in (PARTY, COUNT, NUMBER, COUNTRYSIDE)]
    assert covered == ["بغداد", "12 جندياً", "12", "ريف الحسكة"]


def shared(id: str, **readings: tuple[Span, ...]) -> SharedReport:
    return SharedReport(Report(id, TEXT, None, {"source": "dly"}), readings)


def places(prediction: dict[str, Any]) -> list[tuple[int, int, str]]:
    values = [region["value"] for region in prediction["result"]]
    return [(value["start"], value["end"], value["labels"][0]) for value in values]


# Out


def test_a_task_shows_what_each_marked_and_begins_with_what_all_did() -> None:
    report = Report("d1", TEXT, None, {"source": "dly", "label_studio_task": 7})
    task = disputed_to_task(SharedReport(report, {"huda": HUDA, "omar": OMAR}))
    assert "id" not in task, "a task of another project"
    assert task["data"] == {
        "text": TEXT,
        "id": "d1",
        "source": "dly",
        "disagreements": "6–11 (label) huda: ACTOR 6–11 بغداد | omar: LOCATION 6–11 بغداد\n"
        "18–27 (boundary) huda: COUNT 18–27 12 جندياً | omar: COUNT 18–20 12",
    }
    assert [(p["model_version"], places(p)) for p in task["predictions"]] == [
        ("huda", [(6, 11, "ACTOR"), (18, 27, "COUNT"), (32, 42, "LOCATION")]),
        ("omar", [(6, 11, "LOCATION"), (18, 20, "COUNT"), (32, 42, "LOCATION")]),
        (AGREED, [(32, 42, "LOCATION")]),
    ]
    assert "annotations" not in task, "nothing is settled yet"


def write_annotator(path: Path, **spans_of: tuple[Span, ...] | None) -> str:
    reports = [Report(id, TEXT, spans, {"source": "dly"}) for id, spans in spans_of.items()]
    write_reports(reports, path)
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    return [
        write_annotator(tmp_path / "huda.jsonl", d1=HUDA, d2=HUDA, d3=HUDA, d4=(), d5=None),
        write_annotator(tmp_path / "omar.jsonl", d1=OMAR, d2=HUDA, d3=(), d5=None),
    ]


def test_only_what_is_disputed_becomes_tasks(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "tasks.json"
    assert main(["adjudicate", *files, "--output", str(output)]) == 0
    assert f"2 tasks with 5 disagreements: {output}" in capsys.readouterr().err
    assert [task["data"]["id"] for task in json.loads(output.read_text("utf-8"))] == ["d1", "d3"]


def test_nothing_to_settle_is_said_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = write_annotator(tmp_path / "a.jsonl", d1=HUDA, d2=OMAR)
    b = write_annotator(tmp_path / "b.jsonl", d1=HUDA)
    output = tmp_path / "tasks.json"
    assert main(["adjudicate", a, b, "--output", str(output)]) == 2
    assert "nothing to settle: 1 of 2 documents have two annotators" in capsys.readouterr().err
    assert not output.exists()


def test_a_name_that_label_studio_would_not_import_is_refused(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "tasks.jsonl"
    assert main(["adjudicate", *files, "--output", str(output)]) == 2
    assert "expected a name in .json" in capsys.readouterr().err
    assert not output.exists()


# Back


def test_gold_is_what_was_agreed_on_and_what_was_settled() -> None:
    documents = [
        shared("agreed", huda=HUDA, omar=HUDA),
        shared("settled", huda=HUDA, omar=OMAR),
        shared("open", huda=HUDA, omar=OMAR),
        shared("alone", huda=HUDA),
        shared("unread"),
        shared("overruled", huda=HUDA, omar=HUDA),
        shared("nothing there", huda=(), omar=()),
    ]
    settled = [
        Report("overruled", TEXT, (), {"disagreements": ""}),
        Report("settled", TEXT, SETTLED, {"label_studio_task": 3}),
        Report("open", TEXT, None),
    ]
    ledger = Ledger()
    result = adjudicate(documents, settled, ledger)
    assert [(r.id, r.spans, r.fields["gold_by"]) for r in result.gold] == [
        ("agreed", HUDA, "agreement"),
        ("settled", SETTLED, "adjudication"),
        ("alone", HUDA, "one annotator alone"),
        ("overruled", (), "adjudication"),
        ("nothing there", (), "agreement"),
    ]
    assert result.gold[1] == Report(
        "settled",
        TEXT,
        SETTLED,
        {"source": "dly", "gold_by": "adjudication", "annotators": ["huda", "omar"]},
    )
    assert (result.open, result.unread) == ({"open": 2}, ["unread"])
    assert ledger.rejected == 0 and not ledger.repairs
    assert result.describe() == [
        "5 gold reports: 2 by agreement, 2 by adjudication, 1 by one annotator alone",
        "annotated by nobody: 1 (unread)",
        "still open: open, 2 disagreements",
    ]


def test_what_was_settled_of_another_text_or_document_is_told_and_not_taken() -> None:
    changed = TEXT.replace("نفت", "أكدت")
    ledger = Ledger()
    settled = [Report("d1", changed, ()), Report("d9", TEXT, ())]
    result = adjudicate([shared("d1", huda=HUDA, omar=OMAR)], settled, ledger)
    assert (result.gold, result.open) == ([], {"d1": 2})
    assert ledger.rejections == {"other_text": 1}
    assert ledger.repairs == {"settled reports left out": 1}


def annotated(task: dict[str, Any], *spans_by: tuple[str, tuple[Span, ...]]) -> dict[str, Any]:
    """The task as an export has it when people have settled it."""
    return task | {
        "annotations": [
            {
                "completed_by": {"email": email},
                "created_at": f"2031-02-0{day}",
                "result": [span_to_region(span, TEXT) for span in spans],
            }
            for day, (email, spans) in enumerate(spans_by, 1)
        ]
    }


def gold_spans(path: Path) -> dict[str, tuple[Span, ...] | None]:
    """By id, of a file in which every record is a report of TEXT."""
    reports = list(read_records([path]))
    assert all(isinstance(report, Report) and report.text == TEXT for report in reports)
    return {report.id: report.spans for report in reports if isinstance(report, Report)}


def test_the_tasks_come_back_as_gold_and_what_is_open_is_one(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks, gold = tmp_path / "tasks.json", tmp_path / "gold.jsonl"
    assert main(["adjudicate", *files, "--output", str(tasks)]) == 0
    first, second = json.loads(tasks.read_text("utf-8"))
    export = tmp_path / "export.json"
    export.write_text(json.dumps([annotated(first, ("chair@x.org", SETTLED)), second]), "utf-8")
    command = ["adjudicate", *files, "--settled", str(export), "--output", str(gold)]
    assert main(command) == 1
    assert "still open: d3, 3 disagreements" in capsys.readouterr().err
    assert gold_spans(gold) == {"d1": SETTLED, "d2": HUDA, "d4": ()}
    export.write_text(
        json.dumps([annotated(t, ("chair@x.org", SETTLED)) for t in (first, second)]), "utf-8"
    )
    assert main(command) == 0
    assert "4 gold reports: 1 by agreement, 2 by adjudication, 1 by" in capsys.readouterr().err


def test_who_settles_is_chosen_where_several_did(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks, gold, export = (tmp_path / name for name in ("tasks.json", "gold.jsonl", "export.json"))
    assert main(["adjudicate", *files, "--output", str(tasks)]) == 0
    both = (("a@x.org", HUDA), ("b@x.org", OMAR))
    settled = [annotated(task, *both) for task in json.loads(tasks.read_text("utf-8"))]
    export.write_text(json.dumps(settled), "utf-8")
    command = ["adjudicate", *files, "--settled", str(export), "--output", str(gold)]
    assert main(command) == 2
    assert "2 tasks were annotated by several people: a@x.org (2 tasks)" in capsys.readouterr().err
    assert not gold.exists()
    assert main([*command, "--annotators", "b@x.org"]) == 0
    assert gold_spans(gold)["d1"] == OMAR


# Through the real Label Studio


def predicted_places(sdk: LabelStudio, task: int) -> dict[str, list[tuple[int, int, str]]]:
    """What the predictions of a task say, by their versions."""
    made = [one.dict() for one in sdk.predictions.list(task=task)]
    assert len({one["model_version"] for one in made}) == len(made)
    return {one["model_version"]: places(one) for one in made}


SHOWN = {
    "huda": [(6, 11, "ACTOR"), (18, 27, "COUNT"), (32, 42, "LOCATION")],
    "omar": [(6, 11, "LOCATION"), (18, 20, "COUNT"), (32, 42, "LOCATION")],
    AGREED: [(32, 42, "LOCATION")],
}


def test_disagreements_are_pushed_settled_at_the_page_and_pulled_back_as_gold(
    client: LabelStudioClient,
    sdk: LabelStudio,
    label_studio: RunningServer,
    files: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(URL_VARIABLE, client.url)
    monkeypatch.setenv(KEY_VARIABLE, label_studio.account.token)
    tasks, settled, gold = (
        str(tmp_path / name) for name in ("tasks.json", "settled.jsonl", "gold.jsonl")
    )
    assert main(["adjudicate", *files, "--output", tasks]) == 0
    assert main(["push", "--create", "To be settled", tasks]) == 0
    said = capsys.readouterr().err
    assert "2 reports sent to " in said and "6 predictions added" in said
    (project,) = client.find_projects("To be settled")
    first, second = (task.id for task in client.list_tasks(project))
    assert predicted_places(sdk, first) == SHOWN
    assert predicted_places(sdk, second) == {
        "huda": [(6, 11, "ACTOR"), (18, 27, "COUNT"), (32, 42, "LOCATION")],
        "omar": [],
        AGREED: [],
    }
    assert sdk.projects.get(id=project).model_version == AGREED
    assert main(["push", "--project", str(project), tasks]) == 0
    said = capsys.readouterr().err
    assert "0 reports sent to " in said and "predictions added" not in said

    pull = ["pull", "--project", str(project), "--output", settled]
    settle = ["adjudicate", *files, "--settled", settled, "--output", gold]
    sdk.annotations.create(id=first, result=[span_to_region(span, TEXT) for span in SETTLED])
    assert main(pull) == 0
    assert main(settle) == 1, "the second task is still open"
    assert "still open: d3, 3 disagreements" in capsys.readouterr().err
    assert gold_spans(Path(gold)) == {"d1": SETTLED, "d2": HUDA, "d4": ()}

    sdk.annotations.create(id=second, result=[])
    assert main(pull) == 0
    assert main(settle) == 0
    assert gold_spans(Path(gold)) == {"d1": SETTLED, "d2": HUDA, "d3": (), "d4": ()}
    by = {r.id: r.fields["gold_by"] for r in read_records([gold]) if isinstance(r, Report)}
    assert by == {
        "d1": "adjudication",
        "d2": "agreement",
        "d3": "adjudication",
        "d4": "one annotator alone",
    }


def test_two_people_with_the_same_span_and_other_labels_are_compared_from_a_pull(
    client: LabelStudioClient, sdk: LabelStudio, label_studio: RunningServer, tmp_path: Path
) -> None:
    sdk.users.create(email="omar@example.org", username="omar")
    project = client.create_project("Two people", load_labels())
    mine = {"result": [span_to_region(span, TEXT) for span in (PARTY, COUNTRYSIDE)]}
    theirs = {
        "result": [span_to_region(span, TEXT) for span in (PLACE, COUNTRYSIDE)],
        "completed_by": {"email": "omar@example.org"},
    }
    client.import_tasks(
        project, [{"data": {"id": "d1", "text": TEXT}, "annotations": [mine, theirs]}]
    )
    pulled = tmp_path / "pulled.jsonl"
    pull_reports(client, project, pulled, PullOptions(annotators="all"))
    (document,) = read_shared_reports([pulled], ReadOptions(), Ledger())
    me = label_studio.account.email
    assert document.readings == {me: (PARTY, COUNTRYSIDE), "omar@example.org": (PLACE, COUNTRYSIDE)}
    (disagreement,) = find_disagreements(document)
    assert (disagreement.start, disagreement.end, disagreement.kinds) == (6, 11, ("label",))
    assert disagreement.text == "بغداد"


def test_tasks_that_label_studio_imports_itself_begin_with_what_all_agree_on(
    client: LabelStudioClient, sdk: LabelStudio, files: list[str], tmp_path: Path
) -> None:
    tasks, export, gold = (tmp_path / name for name in ("tasks.json", "export.json", "gold.jsonl"))
    assert main(["adjudicate", *files, "--output", str(tasks)]) == 0
    project = client.create_project("adjudication", load_labels())
    sent = json.loads(tasks.read_text("utf-8"))
    first, _second = client.import_tasks(project, sent)
    # What a new project shows first, and begins annotations from, is what all agree on.
    assert sdk.projects.get(id=project).model_version == AGREED
    assert predicted_places(sdk, first) == SHOWN
    sdk.annotations.create(id=first, result=[span_to_region(span, TEXT) for span in SETTLED])
    client.export_project(project, export)
    command = ["adjudicate", *files, "--settled", str(export), "--output", str(gold)]
    assert main(command) == 1, "the second task is still open"
    assert gold_spans(gold) == {"d1": SETTLED, "d2": HUDA, "d4": ()}
