"""Reports to a real Label Studio and back, also where the server fails or people were at work."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from faulty_proxy import Fault, FaultyProxy, faulty_proxy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from label_studio_sdk import LabelStudio
from odd_reports import LONG, ODD_REPORTS

from annotation import Report, Span, UserError
from annotation.__main__ import main
from annotation.formats import ReadOptions, read_records
from annotation.formats.label_studio import TASK_FIELD
from annotation.label_studio_client import LabelStudioClient
from annotation.label_studio_connection import KEY_VARIABLE, URL_VARIABLE
from annotation.label_studio_server import RunningServer
from annotation.labels import load_labels
from annotation.ledger import Ledger
from annotation.pull import Pulled, PullOptions, pull_reports
from annotation.push import Pushed, push_reports
from annotation.pushed_predictions import (
    Predictions,
    read_pushed_predictions,
    read_task_predictions,
)

LABELS = load_labels()
IMPORT, TASKS = "/import", "/api/tasks/"
_titles = iter(f"reports {number}" for number in range(10_000))


@pytest.fixture
def proxy(label_studio: RunningServer) -> Iterator[FaultyProxy]:
    with faulty_proxy(label_studio.url) as before:
        yield before


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tasks a request."""
    monkeypatch.setattr("annotation.push._BATCH_TASKS", 2)


def push(
    client: LabelStudioClient,
    reports: Sequence[Any],
    project: int | None = None,
    ledger: Ledger | None = None,
    **more: Any,
) -> Pushed:
    title = None if project else next(_titles)
    ledger = ledger or Ledger()
    return push_reports(
        client, reports, ledger, labels=LABELS, project=project, title=title, **more
    )


def pull(
    client: LabelStudioClient,
    project: int,
    output: Path,
    options: PullOptions | None = None,
) -> Pulled:
    return pull_reports(client, project, output, options)


def read(output: Path) -> list[Report]:
    """The reports of a pull, without the numbers of their tasks."""
    reports = [record for record in read_records([output]) if isinstance(record, Report)]
    return [
        replace(r, fields={k: v for k, v in r.fields.items() if k != TASK_FIELD}) for r in reports
    ]


def held_ids(client: LabelStudioClient, project: int) -> list[str]:
    return [str(task.data["id"]) for task in client.list_tasks(project)]


def numbers_of(client: LabelStudioClient, project: int) -> dict[str, int]:
    return {str(task.data["id"]): task.id for task in client.list_tasks(project)}


def plain(count: int) -> list[Report]:
    return [Report(f"r{number}", f"نبأ رقم {number}", ()) for number in range(count)]


def examples(ledger: Ledger) -> str:
    return "\n".join(ledger.summary())


def region(start: int, end: int, label: str, **more: Any) -> dict[str, Any]:
    value = {"start": start, "end": end, "labels": [label]}
    known = {"id": f"{start}-{end}", "type": "labels", "from_name": "label", "to_name": "text"}
    return known | {"value": value} | more


NOT_YET = Report(
    "not yet", "لم يقرأه أحد 🚨", None, {"source": "odd", "n": 7, "nested": {"a": [1]}}
)


def test_reports_come_back_from_the_server_to_the_code_point(
    client: LabelStudioClient, tmp_path: Path
) -> None:
    assert len(LONG.text) >= 60_000
    reports = [*ODD_REPORTS, LONG, NOT_YET]
    sent = Ledger()
    told: list[int] = []
    pushed = push(client, reports, ledger=sent, progress=told.append)
    assert (pushed.sent, pushed.present, sum(told)) == (len(reports), 0, len(reports))
    assert pushed.notes == []

    pulled = pull(client, pushed.project, tmp_path / "r.jsonl")
    assert (pulled.reports, pulled.changed) == (len(reports), len(reports))
    assert read(tmp_path / "r.jsonl") == reports
    # Reports are equal by what they hold; fields are compared here too.
    assert [dict(r.fields) for r in read(tmp_path / "r.jsonl")] == [dict(r.fields) for r in reports]
    assert (sent.summary(), pulled.ledger.summary()) == ([], [])


def _with_spans(text: str, cuts: Sequence[int]) -> tuple[Span, ...]:
    inside = sorted({cut % (len(text) + 1) for cut in cuts})
    names = [label.name for label in LABELS]
    pairs = zip(inside[::2], inside[1::2], strict=False)
    return tuple(Span(a, b, names[n % len(names)]) for n, (a, b) in enumerate(pairs))


TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from("اهلاًُ 🚨👨‍👩‍👧\r\n\t\u2028\u200f\ufeff\u0085"),
    ),
    max_size=60,
)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXTS, st.lists(st.integers(0, 60), max_size=8)), max_size=25))
def test_any_reports_come_back_as_they_were(
    client: LabelStudioClient,
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[str, list[int]]],
) -> None:
    reports = [
        Report(f"r{n}", text, _with_spans(text, cuts)) for n, (text, cuts) in enumerate(drawn)
    ]
    ledger = Ledger()
    output = tmp_path_factory.mktemp("any") / "r.jsonl"
    pulled = pull(client, push(client, reports, ledger=ledger).project, output)
    assert read(output) == reports
    assert (ledger.summary(), pulled.ledger.summary()) == ([], [])


def test_a_personal_access_token_does_as_well_as_a_legacy_one(
    label_studio: RunningServer, sdk: LabelStudio, proxy: FaultyProxy, tmp_path: Path
) -> None:
    token = sdk.tokens.create().token
    with LabelStudioClient(proxy.url, token) as client:
        pushed = push(client, plain(3))
        assert pull(client, pushed.project, tmp_path / "r.jsonl").reports == 3
    assert proxy.count("POST", "/api/token/refresh/") == 1
    assert read(tmp_path / "r.jsonl") == plain(3)


def test_what_the_project_holds_is_not_sent_again(client: LabelStudioClient) -> None:
    reports = [*plain(3), Report("r3", "جديد", None)]
    project = push(client, reports[:3]).project
    again = push(client, reports, project)
    assert (again.sent, again.present, again.annotated) == (1, 3, 0)
    assert held_ids(client, project) == ["r0", "r1", "r2", "r3"]


def test_a_task_that_nobody_annotated_gets_the_reports_spans_and_no_other_does(
    client: LabelStudioClient, tmp_path: Path
) -> None:
    bare = [replace(report, spans=None) for report in ODD_REPORTS[:2]]
    theirs = Report("annotated", "حلب", ())
    project = push(client, [*bare, theirs]).project
    other = replace(theirs, spans=(Span(0, 3, "LOCATION"),))
    again = push(client, [*ODD_REPORTS[:2], other], project)
    assert (again.sent, again.present, again.annotated) == (0, 3, 2)
    pull(client, project, tmp_path / "r.jsonl")
    assert read(tmp_path / "r.jsonl") == [*ODD_REPORTS[:2], theirs]
    assert push(client, [*ODD_REPORTS[:2], other], project).annotated == 0


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("POST", IMPORT, 500, skip=1), "the server answered 500"),
        (Fault("POST", IMPORT, 503, b'{"detail": "no space left"}', skip=1), "no space left"),
        (Fault("POST", IMPORT, 507, skip=1), "disk is full (507"),
        (Fault("POST", IMPORT, 429, skip=1), "has too much to do (429"),
        (Fault("POST", IMPORT, None, skip=1), "Server disconnected"),
        (Fault("POST", IMPORT, 504, skip=1), "the server answered 504"),
        (Fault("POST", IMPORT, 401, skip=1), "does not accept the key (401"),
    ],
)
def test_a_push_that_breaks_off_goes_on_where_it_was(
    label_studio: RunningServer, proxy: FaultyProxy, tmp_path: Path, fault: Fault, expected: str
) -> None:
    proxy.faults = [replace(fault)]
    reports = plain(6)
    with LabelStudioClient(proxy.url, label_studio.account.token) as client:
        project = push(client, []).project
        with pytest.raises(UserError) as raised:
            push(client, reports, project, settle_seconds=0.2)
        message = str(raised.value)
        assert expected in message and "\n" not in message
        assert "2 reports were sent and are kept: push --project" in message
        assert held_ids(client, project) == ["r0", "r1"]
        assert push(client, reports, project).sent == 4
        assert held_ids(client, project) == [report.id for report in reports]
        pull(client, project, tmp_path / "r.jsonl")
    assert read(tmp_path / "r.jsonl") == reports


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("status", [500, 502, 504, None])
def test_a_batch_whose_answer_was_lost_is_not_sent_again(
    label_studio: RunningServer, proxy: FaultyProxy, status: int | None
) -> None:
    proxy.faults = [Fault("POST", IMPORT, status, forwarded=True, skip=1)]
    with LabelStudioClient(proxy.url, label_studio.account.token) as client:
        pushed = push(client, plain(6))
        assert pushed.sent == 6
        assert held_ids(client, pushed.project) == [f"r{n}" for n in range(6)]
    assert proxy.count("POST", IMPORT) == 3


@pytest.mark.parametrize("status", [500, None])
def test_an_annotation_whose_answer_was_lost_is_not_made_twice(
    label_studio: RunningServer, proxy: FaultyProxy, sdk: LabelStudio, status: int | None
) -> None:
    reports = ODD_REPORTS[:3]
    with LabelStudioClient(proxy.url, label_studio.account.token) as client:
        project = push(client, [replace(report, spans=None) for report in reports]).project
        proxy.faults = [Fault("POST", "/annotations/", status, forwarded=True, skip=1)]
        with pytest.raises(UserError, match=r"could not annotate task \d+: .* goes on$"):
            push(client, reports, project)
        assert push(client, reports, project).annotated == 1
        for number in numbers_of(client, project).values():
            assert len(sdk.annotations.list(id=number)) == 1


def test_a_project_whose_making_was_not_answered_is_not_made_twice(
    label_studio: RunningServer, proxy: FaultyProxy, client: LabelStudioClient
) -> None:
    title = next(_titles)
    proxy.faults = [Fault("POST", "/api/projects/", 500, forwarded=True)]
    with LabelStudioClient(proxy.url, label_studio.account.token) as behind:
        for told in (f"could not create the project '{title}': the server", "to go on with it, or"):
            with pytest.raises(UserError, match=told):
                push_reports(behind, plain(2), Ledger(), labels=LABELS, title=title)
    (project,) = client.find_projects(title)
    assert push(client, plain(2), project).sent == 2


@pytest.mark.usefixtures("small_batches")
def test_a_server_that_is_slower_than_we_wait_is_given_time(
    label_studio: RunningServer, proxy: FaultyProxy
) -> None:
    with LabelStudioClient(proxy.url, label_studio.account.token, request_seconds=2) as client:
        project = push(client, []).project
        proxy.faults = [Fault("POST", IMPORT, forwarded=True, delay_seconds=3, skip=1)]
        assert push(client, plain(6), project).sent == 6
        assert held_ids(client, project) == [f"r{n}" for n in range(6)]


def test_a_server_that_never_answers_is_told(
    label_studio: RunningServer, proxy: FaultyProxy
) -> None:
    with LabelStudioClient(proxy.url, label_studio.account.token, request_seconds=1) as client:
        project = push(client, []).project
        proxy.faults = [Fault("POST", IMPORT, 200, delay_seconds=1.5)]
        with pytest.raises(UserError) as raised:
            push(client, plain(1), project, settle_seconds=0.1)
        assert "no answer within 1 s" in str(raised.value)
        assert "0 reports were sent and are kept" in str(raised.value)
        proxy.faults = [Fault("GET", f"/api/projects/{project}/", 200, delay_seconds=1.5)]
        with pytest.raises(UserError, match=r"could not open project \d+: no answer within 1 s"):
            push(client, plain(1), project)


def test_a_report_that_is_too_large_for_the_server_costs_no_other(
    label_studio: RunningServer, proxy: FaultyProxy, tmp_path: Path
) -> None:
    proxy.faults = [Fault("POST", IMPORT, 413, larger_than=50_000, times=100)]
    reports = [*plain(3), LONG, *ODD_REPORTS]
    ledger = Ledger()
    with LabelStudioClient(proxy.url, label_studio.account.token) as client:
        pushed = push(client, reports, ledger=ledger)
        assert pushed.sent == len(reports) - 1
        pull(client, pushed.project, tmp_path / "r.jsonl")
    assert read(tmp_path / "r.jsonl") == [*plain(3), *ODD_REPORTS]
    assert ledger.rejections == {"refused": 1}
    assert "long: refused: " in examples(ledger)
    assert "takes no request of that size (413" in examples(ledger)


def test_predictions_are_sent_once_a_version_and_shown(
    client: LabelStudioClient, sdk: LabelStudio
) -> None:
    first, second = (replace(report, spans=None) for report in ODD_REPORTS[:2])
    scored = tuple(replace(span, score=0.9 - n / 10) for n, span in enumerate(ODD_REPORTS[0].spans))
    ledger = Ledger()
    one = Predictions("p.jsonl", {first.id: scored, second.id: ()}, "m1")
    pushed = push(client, [first, second], ledger=ledger, predictions=[one])
    assert (pushed.sent, pushed.predicted, pushed.annotated) == (2, 2, 0)
    assert push(client, [first, second], pushed.project, predictions=[one]).predicted == 0
    two = replace(one, spans={first.id: scored[:1]}, model_version="m12")
    assert push(client, [first, second], pushed.project, predictions=[two]).predicted == 1
    assert push(client, [first, second], pushed.project, predictions=[two]).predicted == 0
    # m1 is part of m12's name, and another version all the same.
    assert push(client, [first, second], pushed.project, predictions=[one]).predicted == 0

    made = {
        p.model_version: p
        for p in sdk.predictions.list(task=numbers_of(client, pushed.project)["plain"])
    }
    assert sorted(made) == ["m1", "m12"]
    assert made["m1"].score == pytest.approx(0.7)
    regions = [(r["value"]["start"], r["value"]["end"], r["score"]) for r in made["m1"].result]
    assert regions == [(s.start, s.end, pytest.approx(s.score)) for s in scored]
    assert len(made["m12"].result) == 1
    assert sdk.projects.get(id=pushed.project).model_version == "m12"
    assert ledger.summary() == []


def test_predictions_that_stand_in_tasks_go_with_them_each_under_its_version(
    client: LabelStudioClient, sdk: LabelStudio, tmp_path: Path
) -> None:
    text = "قصف داعش حلب"

    def said(version: str | None, *regions: dict[str, Any]) -> dict[str, Any]:
        return {"result": list(regions)} | ({"model_version": version} if version else {})

    actor, place, beyond = region(4, 8, "ACTOR"), region(9, 12, "LOCATION"), region(9, 40, "ACTOR")
    tasks = [
        {"data": {"id": "a", "text": text}, "predictions": [said("m 1", actor), said("m 2")]},
        {"data": {"id": "b", "text": text}, "predictions": [said(None, place), said("m 2", place)]},
        {"data": {"id": "c", "text": text}, "predictions": [said("m 1", beyond), 17]},
        {"data": {"id": "d"}, "predictions": [said("m 1", actor)]},
    ]
    source = tmp_path / "others.json"
    source.write_text(json.dumps(tasks), "utf-8")
    ledger = Ledger()
    standing = read_task_predictions([source], ReadOptions(), ledger)
    assert ledger.rejections == {"bad_span": 1}, "the task without a text is the reader's"
    assert standing == [
        Predictions(str(source), {"a": (Span(4, 8, "ACTOR"),)}, "m 1"),
        Predictions(str(source), {"b": (Span(9, 12, "LOCATION"),)}, "others"),
        Predictions(str(source), {"a": (), "b": (Span(9, 12, "LOCATION"),)}, "m 2"),
    ]
    newer = Predictions("p", {"b": (), "c": (Span(0, 3, "ACTOR", 0.5),)}, "m 1")
    records = list(read_records([source]))
    pushed = push(client, records, ledger=ledger, predictions=[*standing, newer])
    # The later word of a version counts.
    expected = {"a": {"m 1": 1, "m 2": 0}, "b": {"m 1": 0, "others": 1, "m 2": 1}, "c": {"m 1": 1}}
    assert (pushed.sent, pushed.predicted) == (3, 6)
    assert predicted_regions(client, sdk, pushed.project) == expected
    assert sdk.projects.get(id=pushed.project).model_version == "m 1"
    again = push(client, records, pushed.project, predictions=[*standing, newer])
    assert (again.sent, again.predicted) == (0, 0)
    sdk.predictions.delete(
        id=sdk.predictions.list(task=numbers_of(client, pushed.project)["c"])[0].id
    )
    again = push(client, records, pushed.project, predictions=[*standing, newer])
    assert (again.sent, again.predicted) == (0, 1)
    assert predicted_regions(client, sdk, pushed.project) == expected


def predicted_regions(
    client: LabelStudioClient, sdk: LabelStudio, project: int
) -> dict[str, dict[str, int]]:
    """How many regions each version predicted in each report."""
    made = {
        name: [(one.model_version, len(one.result)) for one in sdk.predictions.list(task=number)]
        for name, number in numbers_of(client, project).items()
    }
    assert all(len(dict(regions)) == len(regions) for regions in made.values())
    return {name: dict(regions) for name, regions in made.items()}


@pytest.mark.parametrize("status", [500, None])
def test_predictions_whose_answer_was_lost_are_not_sent_again(
    label_studio: RunningServer, proxy: FaultyProxy, sdk: LabelStudio, status: int | None
) -> None:
    proxy.faults = [Fault("POST", "/import/predictions", status, forwarded=True)]
    predictions = Predictions("p", {f"r{n}": () for n in range(3)}, "m1")
    with LabelStudioClient(proxy.url, label_studio.account.token) as client:
        project = push(client, plain(3)).project
        assert push(client, plain(3), project, predictions=[predictions]).predicted == 3
        for number in numbers_of(client, project).values():
            assert len(sdk.predictions.list(task=number)) == 1


def test_labels_that_the_project_lacks_are_told(client: LabelStudioClient, tmp_path: Path) -> None:
    text = "قصف داعش حلب"
    good = Report("good", text, (Span(4, 8, "ACTOR"),))
    foreign = Report("foreign", text, (Span(0, 3, "WEAPON"), Span(4, 8, "ACTOR")))
    spans = {
        "good": (Span(0, 3, "WEAPON", 0.5), Span(9, 12, "LOCATION", 0.6)),
        "beyond": (Span(9, 40, "LOCATION"),),
        "nowhere": (),
    }
    ledger = Ledger()
    records = [good, foreign, Report("beyond", text, None)]
    predictions = Predictions("p.jsonl", spans, "m1")
    pushed = push(client, records, ledger=ledger, predictions=[predictions])
    assert (pushed.sent, pushed.predicted) == (2, 1)
    assert ledger.rejections == {"bad_span": 2}
    assert ledger.repairs == {"predicted spans left out": 1, "predictions without a report": 1}
    told = examples(ledger)
    project = pushed.project
    assert (
        f"foreign: bad_span: project {project} has no label WEAPON; it has ACTOR, COUNT, LOCATION"
    ) in told
    assert "p.jsonl (beyond): bad_span: the prediction is not of this text: span LOCATION" in told
    assert f"good: predicted spans left out: WEAPON 0–3: project {project} has no such" in told
    assert "nowhere: predictions without a report" in told
    (task,) = (t for t in client.list_tasks(project, model_version="m1"))
    assert task.model_versions == {"m1"} and task.data["id"] == "good"


def test_a_lone_surrogate_is_refused_by_name_and_its_neighbours_go(
    client: LabelStudioClient, tmp_path: Path
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(
        '{"id": "half", "text": "نص \\ud83d"}\n{"id": "whole", "text": "نص 🚨"}\n'
        '{"id": "field", "text": "نص", "source": "\\udc00"}\n',
        "utf-8",
    )
    ledger = Ledger()
    pushed = push(client, list(read_records([source])), ledger=ledger)
    assert held_ids(client, pushed.project) == ["whole"]
    assert ledger.rejections == {"lone_surrogate": 2}
    assert "(half): lone_surrogate: text has the lone surrogate U+D83D at 3" in examples(ledger)
    assert "(field): lone_surrogate: 'source' has a lone surrogate" in examples(ledger)


def test_a_number_that_json_cannot_hold_costs_its_report_alone(client: LabelStudioClient) -> None:
    ledger = Ledger()
    reports = [Report("nan", "نص", None, {"weight": float("nan")}), *plain(1)]
    assert held_ids(client, push(client, reports, ledger=ledger).project) == ["r0"]
    assert ledger.rejections == {"bad_json": 1}


def test_another_text_under_the_same_id_is_set_aside(client: LabelStudioClient) -> None:
    project = push(client, plain(2)).project
    ledger = Ledger()
    again = push(client, [Report("r0", "غيره"), *plain(2)[1:]], project, ledger)
    assert (again.sent, again.present) == (0, 1)
    assert ledger.rejections == {"other_text": 1}
    number = numbers_of(client, project)["r0"]
    assert f"r0: other_text: task {number} of project {project} holds another" in examples(ledger)


def test_documents_that_stand_twice_in_the_project_are_told(
    client: LabelStudioClient, tmp_path: Path
) -> None:
    project = push(client, plain(1)).project
    (second,) = client.import_tasks(project, [{"data": {"text": plain(1)[0].text, "id": "r0"}}])
    first = numbers_of(client, project)["r0"] - 1
    ledger = Ledger()
    assert push(client, plain(1), project, ledger).present == 1
    assert ledger.repairs == {"documents with several tasks": 1}
    assert f"r0: documents with several tasks: tasks {first}, {second} of" in examples(ledger)
    for _ in range(2):  # It is told as long as it is so.
        pulled = pull(client, project, tmp_path / "r.jsonl")
        assert (pulled.reports, pulled.ledger.rejections) == (1, {"duplicate_id": 1})
    client_sdk_delete(client, first)
    pulled = pull(client, project, tmp_path / "r.jsonl")
    assert (pulled.reports, pulled.ledger.rejections) == (1, {})


def client_sdk_delete(client: LabelStudioClient, task: int) -> None:
    client._sdk.tasks.delete(id=str(task))


def test_a_title_that_is_taken_makes_no_second_project(client: LabelStudioClient) -> None:
    title = next(_titles)
    made = push_reports(client, plain(1), Ledger(), labels=LABELS, title=title)
    with pytest.raises(UserError, match=f"give --project {made.project} to go on with it"):
        push_reports(client, plain(1), Ledger(), labels=LABELS, title=title)
    assert client.find_projects(title) == [made.project]
    assert client.find_projects(f"{title} of nobody") == []


# Projects that somebody else made.

FOREIGN = """<View>
  <Choices name="kind" toName="doc"><Choice value="قصف"/><Choice value="اعتقال"/></Choices>
  <Labels name="who" toName="doc"><Label value="ACTOR"/><Label value="GROUP"/></Labels>
  <Relations><Relation value="of"/></Relations>
  <Text name="doc" value="$body"/>
</View>"""
TWO_TEXTS = """<View>
  <Labels name="l1" toName="t1"><Label value="ACTOR"/></Labels><Text name="t1" value="$title"/>
  <Labels name="l2" toName="t2"><Label value="ACTOR"/></Labels><Text name="t2" value="$body"/>
</View>"""
NO_SPANS = """<View><Choices name="kind" toName="text"><Choice value="a"/></Choices>
  <Text name="text" value="$text"/></View>"""
FEWER = """<View><Labels name="label" toName="text"><Label value="ACTOR"/></Labels>
  <Text name="text" value="$text"/></View>"""
OTHERS = FEWER.replace("ACTOR", "PERSON")


def project_with(sdk: LabelStudio, config: str | None) -> int:
    more = {} if config is None else {"label_config": config}
    return int(sdk.projects.create(title=next(_titles), **more).id)


@pytest.mark.parametrize(
    ("config", "said"), [(None, "had no labelling configuration"), (FEWER, "lacked the labels")]
)
def test_a_project_without_our_labels_gets_them(
    client: LabelStudioClient, sdk: LabelStudio, config: str | None, said: str
) -> None:
    project = project_with(sdk, config)
    pushed = push(client, ODD_REPORTS[:1], project)
    assert len(pushed.notes) == 1 and said in pushed.notes[0]
    got = client.get_project(project).config
    assert 'granularity="word"' in got and "direction: rtl" in got and 'hotkey="1"' in got
    assert push(client, ODD_REPORTS[:1], project).notes == []


def test_other_labels_are_left_as_somebody_made_them(
    client: LabelStudioClient, sdk: LabelStudio
) -> None:
    project = project_with(sdk, OTHERS)
    ledger = Ledger()
    person = Report("person", "قال خالد", (Span(4, 8, "PERSON"),))
    pushed = push(client, [person, *ODD_REPORTS[:1]], project, ledger)
    assert pushed.sent == 1
    assert pushed.notes == [
        f"project {project} lacks the labels ACTOR, LOCATION, COUNT; its configuration was left "
        "as it is, since it is not made of the labels file alone"
    ]
    assert client.get_project(project).config == OTHERS
    assert ledger.rejections == {"bad_span": 1}


def test_spans_go_to_and_come_from_controls_of_other_names(
    client: LabelStudioClient, sdk: LabelStudio, tmp_path: Path
) -> None:
    project = project_with(sdk, FOREIGN)
    report = Report("r", "قصف داعش حلب", (Span(4, 8, "ACTOR"),), {"source": "x"})
    predictions = Predictions("p", {"r": (Span(4, 8, "GROUP", 0.5),)}, "m1")
    ledger = Ledger()
    assert push(client, [report], project, ledger, predictions=[predictions]).predicted == 1
    (number,) = numbers_of(client, project).values()
    assert next(client.list_tasks(project)).data == {"id": "r", "source": "x", "body": report.text}

    pulled = pull(client, project, tmp_path / "r.jsonl")
    assert read(tmp_path / "r.jsonl") == [report]
    assert (ledger.summary(), pulled.ledger.summary()) == ([], [])
    (annotation,) = sdk.annotations.list(id=number)
    more = [
        region(9, 12, "GROUP", id="g", from_name="who", to_name="doc"),
        {
            "id": "c",
            "type": "choices",
            "from_name": "kind",
            "to_name": "doc",
            "value": {"choices": ["قصف"]},
        },
        {"type": "relation", "from_id": "g", "to_id": "span-4-8", "direction": "right"},
    ]
    sdk.annotations.update(id=annotation.id, result=[*annotation.result, *more])
    pulled = pull(client, project, tmp_path / "r.jsonl")
    assert pulled.changed == 1
    assert read(tmp_path / "r.jsonl") == [
        replace(report, spans=(Span(4, 8, "ACTOR"), Span(9, 12, "GROUP")))
    ]
    assert pulled.ledger.repairs == {"regions that are no spans left alone": 1}
    assert "1 choices, 1 relation" in examples(pulled.ledger)


def test_of_several_texts_a_task_one_is_chosen(
    client: LabelStudioClient, sdk: LabelStudio, tmp_path: Path
) -> None:
    project = project_with(sdk, TWO_TEXTS)
    title, body = {"from_name": "l1", "to_name": "t1"}, {"from_name": "l2", "to_name": "t2"}
    data = {"id": "r", "title": "بيان داعش", "body": "قصف داعش حلب"}
    both = [region(5, 9, "ACTOR", **title), region(4, 8, "ACTOR", **body)]
    client.import_tasks(
        project,
        [
            {"data": data, "annotations": [{"result": both}]},
            {"data": data | {"id": "s"}, "annotations": [{"result": both[:1]}]},
        ],
    )
    output = tmp_path / "r.jsonl"
    choose = f"project {project} marks spans in several texts a task: title, body; choose one with"
    with pytest.raises(UserError, match=choose):
        pull(client, project, output)
    with pytest.raises(UserError, match=choose):
        push(client, plain(1), project)
    with pytest.raises(UserError, match="marks spans in title, body, not in text"):
        pull(client, project, output, PullOptions(text_column="text"))
    assert not output.exists()
    pulled = pull(client, project, output, PullOptions(text_column="body"))
    assert [(r.id, r.text, r.spans) for r in read(output)] == [
        ("r", data["body"], (Span(4, 8, "ACTOR"),)),
        ("s", data["body"], ()),
    ]
    assert pulled.ledger.repairs == {"regions of another text left out": 2}


def test_a_project_that_marks_no_spans_is_told(
    client: LabelStudioClient, sdk: LabelStudio, tmp_path: Path
) -> None:
    project = project_with(sdk, NO_SPANS)
    for call in (
        lambda: push(client, plain(1), project),
        lambda: pull(client, project, tmp_path / "r.jsonl"),
    ):
        with pytest.raises(UserError) as raised:
            call()
        assert str(raised.value).startswith(
            f"project {project} marks no spans in a text: it has <Choices> kind; expected a"
        )
    assert held_ids(client, project) == [] and list(tmp_path.iterdir()) == []


# What people do between two pulls.


def test_only_what_changed_since_the_last_pull_is_pulled(
    client: LabelStudioClient, sdk: LabelStudio, label_studio: RunningServer, tmp_path: Path
) -> None:
    output = tmp_path / "r.jsonl"
    reports = [replace(report, spans=None) for report in ODD_REPORTS[:6]]
    project = push(client, reports).project
    numbers = numbers_of(client, project)
    first = pull(client, project, output)
    assert (first.incremental, first.changed, first.reports) == (False, 6, 6)
    before = output.read_bytes()
    second = pull(client, project, output)
    assert (second.incremental, second.changed, second.reports) == (True, 0, 6)
    assert output.read_bytes() == before

    made = sdk.annotations.create(id=numbers["emoji"], result=[region(2, 6, "ACTOR")])
    client.import_tasks(project, [{"data": {"id": "new", "text": "جديد"}}])
    third = pull(client, project, output)
    assert (third.changed, third.reports) == (2, 7)
    assert [(r.id, r.spans) for r in read(output)] == [
        ("plain", None),
        ("emoji", (Span(2, 6, "ACTOR"),)),
        *[(report.id, None) for report in reports[2:]],
        ("new", None),
    ]

    sdk.annotations.update(id=made.id, result=[region(7, 12, "COUNT")])
    assert pull(client, project, output).changed == 1
    assert read(output)[1].spans == (Span(7, 12, "COUNT"),)

    sdk.annotations.delete(id=made.id)
    assert pull(client, project, output).changed == 1
    assert read(output)[1].spans is None

    client_sdk_delete(client, numbers["crlf"])
    last = pull(client, project, output)
    assert (last.incremental, last.changed, last.reports) == (True, 0, 6)
    assert "crlf" not in [report.id for report in read(output)]
    assert last.ledger.repairs == {"tasks deleted": 1}
    assert pull(client, project, output).changed == 0

    headers = {"Authorization": f"Token {label_studio.account.token}"}
    for left in (f"/api/projects/{project}/exports/", f"/api/dm/views/?project={project}"):
        answer = httpx.get(label_studio.url + left, headers=headers, trust_env=False)
        assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("name", "changed"),
    [("r.parquet", 1), ("r.conll", 1), ("r.json", 1), ("r.jsonl.gz", 1), ("r.csv", 3)],
)
def test_a_pull_goes_on_in_any_format_that_can_be_read_again(
    client: LabelStudioClient, sdk: LabelStudio, tmp_path: Path, name: str, changed: int
) -> None:
    output = tmp_path / name
    project = push(client, [*plain(2), ODD_REPORTS[1]]).project
    pull(client, project, output)
    sdk.annotations.create(id=numbers_of(client, project)["r1"], result=[region(0, 3, "ACTOR")])
    again = pull(client, project, output)
    assert (again.changed, again.reports) == (changed, 3)
    if name != "r.csv":
        assert read(output) == [
            plain(2)[0],
            replace(plain(2)[1], spans=(Span(0, 3, "ACTOR"),)),
            ODD_REPORTS[1],
        ]


def test_a_format_without_texts_is_refused(client: LabelStudioClient, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--to predictions: a pull writes one of jsonl, csv"):
        pull_reports(client, 1, tmp_path / "r.jsonl", output_format="predictions")


def test_of_a_great_many_changes_the_whole_project_is_exported(
    client: LabelStudioClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "r.jsonl"
    project = push(client, plain(3)).project
    pull(client, project, output)
    push(client, [Report(f"new {number}", "جديد") for number in range(2)], project)
    monkeypatch.setattr("annotation.label_studio_export._NAMED_TASKS", 1)
    assert pull(client, project, output).changed == 2
    assert [report.id for report in read(output)] == ["r0", "r1", "r2", "new 0", "new 1"]


def test_a_pull_that_cannot_build_on_the_last_one_takes_all(
    client: LabelStudioClient, tmp_path: Path
) -> None:
    output = tmp_path / "r.jsonl"
    project = push(client, plain(3)).project
    pull(client, project, output)
    state = Path(f"{output}.pull.json")

    output.write_text(output.read_text("utf-8").replace("نبأ", "خبر"), "utf-8")
    edited = pull(client, project, output)
    assert (edited.incremental, edited.changed) == (False, 3)
    assert edited.notes == [f"all tasks are pulled: {output} was changed since the last pull"]
    assert read(output) == plain(3)

    other = pull(client, project, output, PullOptions(annotators="first"))
    assert (other.incremental, other.notes) == (
        False,
        [f"all tasks are pulled: {state} is of a pull with other options"],
    )
    state.write_text("{", "utf-8")
    assert pull(client, project, output).changed == 3
    assert pull(client, project, output).changed == 0
    state.unlink()
    assert pull(client, project, output).changed == 3
    whole = pull_reports(client, project, output, everything=True)
    assert (whole.incremental, whole.changed) == (False, 3)


def test_a_text_that_was_edited_after_annotation_is_set_aside_until_it_is_back(
    client: LabelStudioClient, sdk: LabelStudio, tmp_path: Path
) -> None:
    output = tmp_path / "r.jsonl"
    text = "قصف داعش حلب"
    reports = [Report("a", text, (Span(4, 8, "ACTOR"),)), Report("b", text, None), *plain(1)]
    project = push(client, reports).project
    numbers = numbers_of(client, project)
    (foreign,) = client.import_tasks(
        project,
        [{"data": {"id": "f", "text": text}, "annotations": [{"result": [region(4, 8, "ACTOR")]}]}],
    )
    pull(client, project, output)
    for number, name in ((numbers["a"], "a"), (numbers["b"], "b"), (foreign, "f")):
        sdk.tasks.update(id=str(number), data={"id": name, "text": "ثم " + text})
    ledger = pull(client, project, output).ledger
    assert ledger.rejections == {"other_text": 2}
    assert ledger.repairs == {"texts changed on the server": 1}
    assert f"project {project} (a): other_text: the text of task {numbers['a']}" in examples(ledger)
    assert [(r.id, r.text) for r in read(output)] == [
        ("b", "ثم " + text),
        ("r0", plain(1)[0].text),
    ]
    ledger = pull(client, project, output).ledger
    assert (ledger.rejections, ledger.repairs) == ({"other_text": 2}, {})
    whole = pull_reports(client, project, output, everything=True)
    assert (whole.changed, whole.ledger.rejections) == (4, {"other_text": 2})

    for number, name in ((numbers["a"], "a"), (foreign, "f")):
        sdk.tasks.update(id=str(number), data={"id": name, "text": text})
    state = tmp_path / "r.jsonl.pull.json"
    assert json.loads(state.read_text("utf-8"))["again"] == sorted((numbers["a"], foreign))
    # What is annotated after the edit is of the edited text.
    sdk.annotations.create(id=numbers["b"], result=[region(7, 11, "ACTOR")])
    ledger = pull(client, project, output).ledger
    assert ledger.summary() == []
    assert [(r.id, r.spans) for r in read(output)] == [
        ("a", (Span(4, 8, "ACTOR"),)),
        ("b", (Span(7, 11, "ACTOR"),)),
        ("r0", ()),
        ("f", (Span(4, 8, "ACTOR"),)),
    ]


def test_further_keys_that_changed_on_the_server_are_listed(
    client: LabelStudioClient, sdk: LabelStudio, tmp_path: Path
) -> None:
    report = Report("a", "نص", (), {"source": "x", "date": "2024-05-01", "n": 1.5})
    project = push(client, [report]).project
    (number,) = numbers_of(client, project).values()
    sdk.tasks.update(id=str(number), data={"id": "a", "text": "نص", "source": "y"})
    ledger = pull(client, project, tmp_path / "r.jsonl").ledger
    assert ledger.repairs == {"further keys changed on the server": 1}
    assert [dict(r.fields) for r in read(tmp_path / "r.jsonl")] == [{"source": "y"}]


def test_bad_spans_are_set_aside_at_every_pull_until_somebody_mends_them(
    client: LabelStudioClient, sdk: LabelStudio, tmp_path: Path
) -> None:
    output = tmp_path / "r.jsonl"
    project = push(client, plain(2)).project
    overlapping = [region(0, 3, "ACTOR"), region(2, 5, "COUNT")]
    data = {"id": "bad@x", "text": "قصف داعش حلب"}
    client.import_tasks(project, [{"data": data, "annotations": [{"result": overlapping}]}])
    for changed in (3, 1, 1):
        pulled = pull(client, project, output)
        assert (pulled.changed, pulled.ledger.rejections) == (changed, {"bad_span": 1})
        assert read(output) == plain(2)
    (annotation,) = sdk.annotations.list(id=numbers_of(client, project)["bad@x"])
    sdk.annotations.update(id=annotation.id, result=overlapping[:1])
    pulled = pull(client, project, output)
    assert (pulled.reports, pulled.ledger.rejected) == (3, 0)
    assert pull(client, project, output).changed == 0


def test_several_peoples_annotations_need_a_choice_and_nothing_is_lost_without_one(
    client: LabelStudioClient, sdk: LabelStudio, label_studio: RunningServer, tmp_path: Path
) -> None:
    sdk.users.create(email="second@example.org", username="second")
    output = tmp_path / "r.jsonl"
    project = push(client, plain(2)).project
    pull(client, project, output)
    before = output.read_bytes()
    theirs = {"completed_by": {"email": "second@example.org"}, "result": [region(0, 3, "ACTOR")]}
    data = {"id": "shared", "text": "قصف داعش حلب"}
    both = [{"result": [region(0, 3, "COUNT")]}, theirs]
    client.import_tasks(project, [{"data": data, "annotations": both}])
    with pytest.raises(UserError) as raised:
        pull(client, project, output)
    message = str(raised.value)
    assert message.startswith(f"project {project}: 1 tasks were annotated by several people: ")
    assert "second@example.org (1 tasks)" in message and "--annotators all" in message
    assert output.read_bytes() == before

    everybody = PullOptions(annotators="all")
    mine = label_studio.account.email
    shared = {f"shared@{mine}": "COUNT", "shared@second@example.org": "ACTOR"}
    for changed in (3, 0):
        assert pull(client, project, output, everybody).changed == changed
        found = {r.id: r.spans for r in read(output) if r.id.startswith("shared")}
        assert found == {name: (Span(0, 3, label),) for name, label in shared.items()}
    named = PullOptions(annotators="second@example.org")
    for _ in range(2):
        assert pull(client, project, output, named).changed == 3
        assert [r.spans for r in read(output)] == [None, None, (Span(0, 3, "ACTOR"),)]


def test_the_list_of_tasks_comes_in_pages_and_misses_none_when_some_are_deleted(
    client: LabelStudioClient,
) -> None:
    project = push(client, plain(7)).project
    numbers = sorted(numbers_of(client, project).values())
    listed = client.list_tasks(project, page_tasks=2)
    seen = [next(listed).id, next(listed).id]
    client_sdk_delete(client, numbers[0])
    client_sdk_delete(client, numbers[4])
    seen += [task.id for task in listed]
    assert seen == [number for number in numbers if number != numbers[4]]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("GET", "/exports/", 500, times=9), "could not export project"),
        (Fault("GET", "/download", 502, times=9), "the server answered 502"),
        (Fault("GET", "/download", None, times=9), "Server disconnected"),
        (Fault("POST", "/exports/", 403, b'{"detail": "not yours"}'), "not yours"),
        (Fault("POST", "/api/dm/views/", 500), "could not select 2 tasks"),
    ],
)
def test_a_pull_that_fails_leaves_the_last_one_as_it_was(
    label_studio: RunningServer,
    sdk: LabelStudio,
    proxy: FaultyProxy,
    tmp_path: Path,
    fault: Fault,
    expected: str,
) -> None:
    output = tmp_path / "r.jsonl"
    with LabelStudioClient(proxy.url, label_studio.account.token) as client:
        project = push(client, plain(2)).project
        half = [region(0, 3, "ACTOR"), region(2, 5, "COUNT")]
        data = {"id": "bad", "text": "قصف داعش"}
        client.import_tasks(project, [{"data": data, "annotations": [{"result": half}]}])
        assert pull(client, project, output).ledger.rejected == 1
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        number = numbers_of(client, project)["r0"]
        sdk.annotations.create(id=number, result=[region(0, 3, "ACTOR")])
        proxy.faults = [replace(fault)]
        with pytest.raises(UserError) as raised:
            pull(client, project, output)
        assert expected in str(raised.value) and "\n" not in str(raised.value)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
        assert sorted(before) == ["r.jsonl", "r.jsonl.pull.json", "r.jsonl.rejected.jsonl"]
        proxy.faults = []
        assert pull(client, project, output).changed == 2


def test_a_project_that_the_server_cannot_export_is_told(
    client: LabelStudioClient, label_studio: RunningServer, tmp_path: Path
) -> None:
    project = push(client, plain(1)).project
    half = b'[{"data": {"id": "half", "text": "\\ud83d"}}]'
    headers = {
        "Authorization": f"Token {label_studio.account.token}",
        "Content-Type": "application/json",
    }
    address = f"{label_studio.url}/api/projects/{project}/import"
    assert httpx.post(address, content=half, headers=headers, trust_env=False).status_code == 201
    with pytest.raises(UserError, match=r"could not export project \d+; .* lone surrogate"):
        pull(client, project, tmp_path / "r.jsonl")
    with pytest.raises(UserError, match=r"could not list the tasks .* answered 500.*surrogate"):
        push(client, plain(2), project)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "note"),
    [
        (b'{"release": "1.9.2"}', ["runs Label Studio 1.9.2; this was tried against 1.23"]),
        (b'{"release": "1.23.9"}', []),
    ],
)
def test_another_release_is_told_and_tried(
    label_studio: RunningServer, proxy: FaultyProxy, said: bytes, note: list[str]
) -> None:
    proxy.faults = [Fault("GET", "/api/version/", rewrite=lambda _: said)]
    with LabelStudioClient(proxy.url, label_studio.account.token) as client:
        pushed = push(client, plain(1))
    assert pushed.sent == 1
    assert len(pushed.notes) == len(note)
    assert all(part in said for part, said in zip(note, pushed.notes, strict=True))


@pytest.mark.parametrize("said", [b"{}", b"[]", b"<html>hello</html>"])
def test_what_is_no_label_studio_gets_no_project(
    label_studio: RunningServer, proxy: FaultyProxy, said: bytes, tmp_path: Path
) -> None:
    proxy.faults = [Fault("GET", "/api/version/", rewrite=lambda _: said, times=9)]
    with LabelStudioClient(proxy.url, label_studio.account.token) as client:
        for call in (lambda: push(client, plain(1)), lambda: pull(client, 1, tmp_path / "r.jsonl")):
            with pytest.raises(UserError, match="does not speak as Label Studio does"):
                call()
    assert {path for _, path in proxy.asked} == {"/api/version/"}


# The commands.


@pytest.fixture
def environment(label_studio: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, label_studio.url)
    monkeypatch.setenv(KEY_VARIABLE, label_studio.account.token)


@pytest.mark.usefixtures("environment")
def test_the_commands_send_and_bring_and_tell(
    client: LabelStudioClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    text = "قصف داعش حلب"
    lines: list[dict[str, Any]] = [
        {"id": "a", "text": text, "spans": [{"start": 4, "end": 8, "label": "ACTOR"}]},
        {"id": "b", "text": text},
        {"id": "c", "text": text, "spans": [{"start": 4, "end": 8, "label": "WEAPON"}]},
    ]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    predicted = tmp_path / "p.jsonl"
    spans = [{"start": 9, "end": 12, "label": "LOCATION", "score": 0.75}]
    predicted.write_text(json.dumps({"id": "b", "spans": spans, "uncertainty": 0.1}) + "\n")
    Path(f"{predicted}.run.json").write_text(json.dumps({"model": "0123456789abcdef" * 4}))
    title = next(_titles)
    rejected = tmp_path / "rejected.jsonl"
    sent = ["push", "--create", title, str(source), "--predictions", str(predicted)]
    assert main([*sent, "--rejected", str(rejected)]) == 1
    assert [json.loads(line)["id"] for line in rejected.read_text("utf-8").splitlines()] == ["c"]
    said = capsys.readouterr().err
    (project,) = client.find_projects(title)
    assert f"2 reports sent to {client.url}/projects/{project}" in said
    assert "1 predictions added" in said and "set aside: 1 × bad_span" in said
    (task,) = client.list_tasks(project, model_version="0123456789ab")
    assert task.model_versions == {"0123456789ab"}

    assert main(["pull", "--project", str(project), "--output", str(output)]) == 0
    said = capsys.readouterr().err
    assert f"2 tasks in the project; 2 reports in {output}" in said
    reports = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert [(r["id"], r["text"], r.get("spans")) for r in reports] == [
        ("a", text, [{"start": 4, "end": 8, "label": "ACTOR"}]),
        ("b", text, None),
    ]
    assert main(["pull", "--project", str(project), "--output", str(output)]) == 0
    assert "0 tasks changed since the last pull; 2 reports" in capsys.readouterr().err


@pytest.mark.usefixtures("environment")
def test_what_the_queue_picks_is_pushed_in_its_order_with_what_the_model_says(
    client: LabelStudioClient, sdk: LabelStudio, tmp_path: Path
) -> None:
    texts = ["قصف داعش حلب", "زار الوزير مصنعاً جديداً", "هطلت أمطار غزيرة", "عاد الهدوء إلى السوق"]
    archive, predicted, queue = (
        str(tmp_path / name) for name in ("archive.jsonl", "predicted.jsonl", "queue.jsonl")
    )
    with Path(archive).open("w", encoding="utf-8") as reports, Path(predicted).open("w") as said:
        for number, text in enumerate(texts):
            span = {"start": 0, "end": len(text.split()[0]), "label": "ACTOR", "score": 0.5}
            prediction = {"id": f"r{number}", "spans": [span], "uncertainty": number / 10}
            reports.write(json.dumps({"id": f"r{number}", "text": text}) + "\n")
            said.write(json.dumps(prediction) + "\n")
    picked = ["--reports", archive, "--predictions", predicted, "--count", "3", "--output", queue]
    assert main(["queue", *picked]) == 0
    title = next(_titles)
    pushed = ["--create", title, queue, "--predictions", f"{queue}.predictions.jsonl"]
    assert main(["push", *pushed, "--model-version", "queued"]) == 0
    (project,) = client.find_projects(title)
    assert held_ids(client, project) == ["r3", "r2", "r1"]
    assert predicted_regions(client, sdk, project) == {
        name: {"queued": 1} for name in ("r1", "r2", "r3")
    }


@pytest.mark.parametrize(
    ("variables", "arguments", "expected"),
    [
        ({URL_VARIABLE: "", KEY_VARIABLE: ""}, ["--project", "1"], "LABEL_STUDIO_URL and"),
        ({KEY_VARIABLE: ""}, ["--project", "1"], "LABEL_STUDIO_API_KEY not set"),
        ({URL_VARIABLE: "http://127.0.0.1:9"}, ["--project", "1"], "no server answers there"),
        ({KEY_VARIABLE: "wrong"}, ["--project", "1"], "does not accept the key (401"),
        ({}, ["--project", "99999"], "could not open project 99999: there is no such thing"),
    ],
)
@pytest.mark.usefixtures("environment")
def test_what_the_user_can_mend_is_one_line_and_status_two(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    arguments: list[str],
    expected: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    source = tmp_path / "in.jsonl"
    source.write_text('{"id": "a", "text": "نص"}\n', "utf-8")
    output = tmp_path / "out.jsonl"
    for command in (["push", str(source)], ["pull", "--output", str(output)]):
        assert main([command[0], *arguments, *command[1:]]) == 2
        said = capsys.readouterr().err
        assert expected in said and "Traceback" not in said
        assert len(said.strip().splitlines()) == 1
    assert not output.exists()


def test_the_version_of_a_model_is_named_or_told_by_its_run_or_by_the_file(tmp_path: Path) -> None:
    path = tmp_path / "may.jsonl"
    path.write_text('{"id": "a", "spans": []}\n')
    assert read_pushed_predictions(path).model_version == "may"
    run = Path(f"{path}.run.json")
    for content, version in (('{"model": null}', "may"), ("{", "may"), ('{"model": "abc"}', "abc")):
        run.write_text(content)
        assert read_pushed_predictions(path).model_version == version
    assert read_pushed_predictions(path, "named") == Predictions(str(path), {"a": ()}, "named")
    assert Counter(read_pushed_predictions(path).spans) == {"a": ()}
