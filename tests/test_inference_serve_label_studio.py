"""The real Label Studio, with our server as its ML backend."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError
from served import CREDENTIALS, HOOK, PASSWORD, USER, VERSION, Served, serving, wait_until
from tiny import invent_reports

from annotation.corpus.build import reports_to_tasks
from annotation.label_studio_client import LabelStudioClient
from annotation.label_studio_server import RunningServer
from annotation.labels import load_labels
from annotation.report import Report


@pytest.fixture(scope="module")
def backend(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Our server, whose webhook notes each of its starts in a file."""
    script = tmp_path_factory.mktemp("webhook") / "note.py"
    script.write_text(
        "import os, pathlib\n"
        "name = os.environ['RASD_WEBHOOK_ACTION'] + '-' + os.environ['RASD_WEBHOOK_PROJECT']\n"
        "(pathlib.Path(__file__).parent / name).touch()\n",
        "utf-8",
    )
    command = f"'{sys.executable}' '{script}'"
    with serving(tiny_model, CREDENTIALS, on_webhook=command, auth=(USER, PASSWORD)) as served:
        served.notes = script.parent  # type: ignore[attr-defined]
        yield served


def connect(sdk: LabelStudio, backend: Served, project: int, password: str = PASSWORD) -> Any:
    return sdk.ml.create(
        project=project,
        url=backend.url,
        title="Rasd",
        auth_method="BASIC_AUTH",
        basic_auth_user=USER,
        basic_auth_pass=password,
    )


def predict_all(sdk: LabelStudio, project: int) -> None:
    sdk.actions.create(
        project=project, id="retrieve_tasks_predictions", selected_items={"all": True}
    )


def test_a_selection_of_tasks_gets_the_spans_of_the_model(
    client: LabelStudioClient, sdk: LabelStudio, backend: Served, tmp_path: Path
) -> None:
    reports = invent_reports(30, seed=19)
    odd = "🚨 قالت\r\n  منصة راصد  👨‍👩‍👧 في تل الورد"
    reports += [Report("odd", odd), Report("blank", " \n"), Report("nothing", "لم تُسجَّل أي حوادث.")]
    project = client.create_project("pre-annotated", load_labels())
    ids = client.import_tasks(project, reports_to_tasks([Report(r.id, r.text) for r in reports]))
    connected = connect(sdk, backend, project)
    assert (connected.state, connected.model_version) == ("CO", VERSION)
    assert sdk.ml.list_model_versions(connected.id).versions == [VERSION]

    before = backend.metric("rasd_requests_total", path="/predict", status="200")
    predict_all(sdk, project)
    # The whole selection in one request.
    assert backend.metric("rasd_requests_total", path="/predict", status="200") == before + 1

    client.export_project(project, tmp_path / "export.json")
    tasks = {task["id"]: task for task in json.loads((tmp_path / "export.json").read_text("utf-8"))}
    assert sorted(tasks) == sorted(ids)
    for report, number in zip(reports, ids, strict=True):
        (prediction,) = tasks[number]["predictions"]
        assert prediction["model_version"] == VERSION
        found = [
            (r["value"]["start"], r["value"]["end"], r["value"]["labels"])
            for r in prediction["result"]
        ]
        expected = [(s.start, s.end, [s.label]) for s in report.spans or ()]
        if report.id == "odd":
            actor, place = odd.index("منصة"), odd.index("تل")
            expected = [
                (actor, actor + len("منصة راصد"), ["ACTOR"]),
                (place, place + len("تل الورد"), ["LOCATION"]),
            ]
        assert found == expected
        assert {(r["from_name"], r["to_name"], r["type"]) for r in prediction["result"]} <= {
            ("label", "text", "labels")
        }
        scores = [r["score"] for r in prediction["result"]]
        assert prediction["score"] == (min(scores) if scores else None)
        for region in prediction["result"]:
            value = region["value"]
            assert value["text"] == report.text[value["start"] : value["end"]]

    # What has predictions of this model is not sent again.
    predict_all(sdk, project)
    assert backend.metric("rasd_requests_total", path="/predict", status="200") == before + 1


def test_a_task_without_the_text_costs_only_itself(
    client: LabelStudioClient, sdk: LabelStudio, backend: Served
) -> None:
    project = client.create_project("tasks without text", load_labels())
    ids = client.import_tasks(
        project,
        [
            {"data": {"text": "في تل الورد"}},
            {"data": {"text": 5}},
            {"data": {"text": "في حي الزيتون"}},
        ],
    )
    connect(sdk, backend, project)
    before = backend.metric("rasd_unread_texts_total", reason="no_text")
    predict_all(sdk, project)
    results = [[p.result for p in sdk.predictions.list(task=number)] for number in ids]
    assert [[len(result) for result in task] for task in results] == [[1], [0], [1]]
    assert backend.metric("rasd_unread_texts_total", reason="no_text") == before + 1


def test_a_wrong_password_is_told_by_label_studio_when_it_connects(
    client: LabelStudioClient, sdk: LabelStudio, backend: Served
) -> None:
    project = client.create_project("wrong password", load_labels())
    with pytest.raises(ApiError) as raised:
        connect(sdk, backend, project, "wrong")
    assert raised.value.status_code == 400
    assert "authentication parameters were either not provided or are incorrect" in str(
        raised.value.body
    )


def test_a_project_without_our_labels_is_told_by_label_studio_when_it_connects(
    sdk: LabelStudio, backend: Served
) -> None:
    config = (
        '<View><Labels name="l" toName="t"><Label value="TANK"/></Labels>'
        '<Text name="t" value="$text"/></View>'
    )
    project = sdk.projects.create(title="other labels", label_config=config)
    with pytest.raises(ApiError) as raised:
        connect(sdk, backend, int(project.id))
    assert "incompatible with the current labeling configuration" in str(raised.value.body)


def test_an_annotation_starts_the_command_through_label_studios_webhook(
    client: LabelStudioClient, sdk: LabelStudio, backend: Served, label_studio: RunningServer
) -> None:
    project = client.create_project("webhooks", load_labels())
    (task,) = client.import_tasks(project, [{"data": {"text": "في تل الورد"}}])
    for secret in ("wrong", "hook-55aa"):
        created = httpx.post(
            f"{label_studio.url}/api/webhooks/",
            json={
                "project": project, "url": f"{backend.url}/webhook", "headers": {HOOK: secret},
                "send_payload": True, "send_for_all_actions": False,
                "actions": ["ANNOTATION_CREATED"],
            },
            headers={"Authorization": f"Token {label_studio.account.token}"},
            trust_env=False,
        )  # fmt: skip
        assert created.status_code == 201, created.text
    before = backend.metric("rasd_webhooks_total", outcome="refused")
    sdk.annotations.create(id=task, result=[])
    notes: Path = backend.notes  # type: ignore[attr-defined]
    wait_until(lambda: (notes / f"ANNOTATION_CREATED-{project}").is_file())
    wait_until(lambda: backend.metric("rasd_webhooks_total", outcome="refused") == before + 1)
    assert backend.metric("rasd_webhooks_total", outcome="started") == 1


def test_the_button_that_starts_training_is_answered_and_starts_nothing(
    client: LabelStudioClient, sdk: LabelStudio, backend: Served
) -> None:
    """Label Studio sends no secret header there: who wants training adds a webhook that does."""
    connected = connect(sdk, backend, client.create_project("training", load_labels()))
    before = [backend.metric("rasd_webhooks_total", outcome=o) for o in ("refused", "started")]
    sdk.ml.train(connected.id)
    after = [backend.metric("rasd_webhooks_total", outcome=o) for o in ("refused", "started")]
    assert after == [before[0] + 1, before[1]]
    assert sdk.ml.get(connected.id).state == "CO"
