"""What the server answers, and what it does with bad input."""

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from served import (
    VERSION,
    Served,
    serving,
)
from tiny import ACTORS, LOCATIONS, invent_reports

from annotation.labels import labelling_config, load_labels
from annotation.report import Report
from inference.predictor import BatchPredictor
from inference.server.plain_routes import Predictions

CONFIG = labelling_config(load_labels())


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    return invent_reports(12, seed=31)


def spans_of(prediction: dict[str, Any]) -> list[tuple[int, int, str]]:
    return [(span["start"], span["end"], span["label"]) for span in prediction["spans"]]


def gold_of(report: Report) -> list[tuple[int, int, str]]:
    return [(span.start, span.end, span.label) for span in report.spans or ()]


def task_of(text: object, key: str = "text", number: int = 1) -> dict[str, Any]:
    """A task with what else Label Studio sends of it."""
    return {"id": number, "data": {key: text}, "meta": {}, "annotations": [], "predictions": []}


def predict_tasks(
    served: Served, tasks: Sequence[object], config: str = CONFIG
) -> list[dict[str, Any]]:
    """What comes back for tasks, as Label Studio sends them."""
    body = {
        "tasks": tasks,
        "project": "36.1760000000",
        "label_config": config,
        "params": {"login": None, "password": None, "context": None},
    }
    # Like Label Studio: with \\u escapes, which can say a lone surrogate.
    content = json.dumps(body).encode()
    answer = served.client.post(
        "/predict", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["results"]
    results: list[dict[str, Any]] = answer.json()["results"]
    assert len(results) == len(tasks)
    return results


# Plain prediction


def test_texts_get_the_spans_that_the_predictor_finds_in_their_order(
    server: Served, predictor: BatchPredictor, reports: list[Report]
) -> None:
    answer = server.client.post("/v1/predict", json={"texts": [r.text for r in reports]})
    assert answer.status_code == 200
    found = answer.json()
    assert found["model_version"] == VERSION
    assert [spans_of(one) for one in found["predictions"]] == [gold_of(r) for r in reports]
    expected = list(predictor.predict(reports))
    for one, report in zip(found["predictions"], expected, strict=True):
        assert one["uncertainty"] == pytest.approx(report.fields["uncertainty"], abs=1e-5)
        for span, other in zip(one["spans"], report.spans or (), strict=True):
            assert span["text"] == report.text[span["start"] : span["end"]]
            assert span["score"] == pytest.approx(other.score, abs=1e-5)
    Predictions.model_validate(found, strict=True, extra="forbid")


def test_spans_that_are_left_out_stand_beside_the_others(
    tiny_model: Path, predictor: BatchPredictor, reports: list[Report]
) -> None:
    scores = [span.score for report in predictor.predict(reports) for span in report.spans or ()]
    least = float(np.median(np.array(scores, float)))
    cutting = BatchPredictor.from_pretrained(tiny_model, device="cpu", least_score=least)
    with serving(cutting) as server:
        answer = server.client.post("/v1/predict", json={"texts": [r.text for r in reports]})
    found = answer.json()
    Predictions.model_validate(found, strict=True, extra="forbid")
    both = [(one["spans"], one.get("left_out", [])) for one in found["predictions"]]
    assert any(left_out for _, left_out in both)
    assert any(spans for spans, _ in both)
    assert [len(spans) + len(left_out) for spans, left_out in both] == [
        len(report.spans or ()) for report in reports
    ]
    assert all(span["score"] < least for _, left_out in both for span in left_out)


def test_no_texts_get_no_predictions(server: Served) -> None:
    answer = server.client.post("/v1/predict", json={"texts": []})
    assert (answer.status_code, answer.json()["predictions"]) == (200, [])


def test_a_text_that_cannot_be_read_costs_only_itself(server: Served) -> None:
    before = {r: server.metric("rasd_unread_texts_total", reason=r) for r in UNREAD}
    texts = ["قالت منصة راصد", None, 5, "نصف \ud83d", ["قالت"], "", " \n", "🚨 في تل الورد"]
    answer = server.client.post(
        "/v1/predict",
        content=json.dumps({"texts": texts}).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 200
    found = answer.json()["predictions"]
    assert [spans_of(one) for one in found] == [
        [(5, 14, "ACTOR")], [], [], [], [], [], [], [(5, 13, "LOCATION")],
    ]  # fmt: skip
    reasons = [one.get("error", {}).get("reason") for one in found]
    assert reasons == [None, "no_text", "no_text", "lone_surrogate", "no_text", None, None, None]
    assert found[2]["error"]["message"] == "text is int 5, expected a string"
    assert "U+D83D at 4" in found[3]["error"]["message"]
    after = {r: server.metric("rasd_unread_texts_total", reason=r) for r in UNREAD}
    assert {r: after[r] - before[r] for r in UNREAD} == {"no_text": 3, "lone_surrogate": 1}


UNREAD = ("no_text", "lone_surrogate")


def test_openapi_says_that_texts_are_strings_and_what_comes_back(server: Served) -> None:
    described = server.client.get("/openapi.json").json()
    schemas = described["components"]["schemas"]
    assert schemas["Texts"]["properties"]["texts"]["items"] == {"type": "string"}
    operation = described["paths"]["/v1/predict"]["post"]
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Predictions"}
    assert set(schemas["FoundSpan"]["required"]) == {"start", "end", "label", "text", "score"}


MALFORMED = [
    ("nothing", b"", 422),
    ("not JSON", b'{"texts": ["a"', 422),
    ("a list", b"[]", 422),
    ("null", b"null", 422),
    ("not UTF-8", b'{"texts": ["\xff\xfe"]}', 400),
    ("deep", b"[" * 100_000, 400),
    ("a long number", b'{"texts": ' + b"9" * 5_000 + b"}", 400),
    ("another key", b'{"texts": [], "text": "a"}', 422),
    ("no list", b'{"texts": "a", "tasks": "a", "label_config": 5}', 422),
    ("half a character in a key", b'{"\\ud83d": 1}', 422),
]


@pytest.mark.parametrize("path", ["/v1/predict", "/predict", "/setup"])
@pytest.mark.parametrize(
    ("content", "status"), [m[1:] for m in MALFORMED], ids=[m[0] for m in MALFORMED]
)
def test_a_malformed_body_is_the_callers_fault(
    server: Served, path: str, content: bytes, status: int
) -> None:
    answer = server.client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str) and len(answer.json()["detail"]) < 500


def test_a_wrong_body_is_told_where_and_how_without_repeating_it(server: Served) -> None:
    answer = server.client.post("/v1/predict", json={"texts": "قالت منصة راصد", "more": 1})
    assert answer.json()["detail"] == (
        "body.texts: Input should be a valid list; body.more: Extra inputs are not permitted"
    )


# Label Studio's protocol


def test_label_studio_gets_health_setup_and_versions(server: Served) -> None:
    assert server.client.get("/health").json() == {"status": "UP", "model_version": VERSION}
    assert server.client.get("/versions").json() == {"versions": [VERSION]}
    # It sends a body with this one, although it is a GET.
    assert server.client.request("GET", "/versions", json={"project": "1.2"}).status_code == 200
    setup = {
        "project": "25.1760000000",
        "schema": CONFIG,
        "hostname": "http://127.0.0.1:8080",
        "access_token": "0123456789abcdef",
        "extra_params": None,
    }
    answer = server.client.post("/setup", json=setup)
    assert (answer.status_code, answer.json()) == (200, {"model_version": VERSION})


def test_a_task_gets_the_regions_that_its_projects_configuration_asks_for(server: Served) -> None:
    config = CONFIG.replace('name="label" toName="text"', 'name="ner" toName="body"')
    config = config.replace('name="text" value="$text"', 'name="body" value="$article"')
    text = "🚨 قالت  منصة راصد في تل الورد"
    (result,) = predict_tasks(server, [task_of(text, "article")], config)
    actor, place = text.index("منصة"), text.index("تل")
    scores = [region.pop("score") for region in result["result"]]
    assert all(0.5 < score <= 1 for score in scores)
    assert result == {
        "model_version": VERSION,
        "score": min(scores),
        "result": [
            {
                "id": f"body-{start}-{end}",
                "from_name": "ner",
                "to_name": "body",
                "type": "labels",
                "value": {"start": start, "end": end, "text": text[start:end], "labels": [label]},
            }
            for start, end, label in [
                (actor, actor + len("منصة راصد"), "ACTOR"),
                (place, place + len("تل الورد"), "LOCATION"),
            ]
        ],
    }


def test_every_task_gets_one_result_whatever_it_holds(server: Served) -> None:
    good = task_of("في تل الورد")
    bad = [
        task_of(None), task_of(7), task_of("نصف \udc00"), task_of([{"text": "x"}]),
        task_of("في تل الورد", "other"), {"id": 3}, {"data": None}, {"data": "text"}, {}, [],
        None, "task", 5, True,
    ]  # fmt: skip
    reasons = [(r, server.metric("rasd_unread_texts_total", reason=r)) for r in UNREAD]
    results = predict_tasks(server, [good, *bad, good, task_of(""), task_of(" \u00a0\n")])
    found = [region["value"]["text"] for region in results[0]["result"]]
    assert found == ["تل الورد"]
    assert results[15] == results[0]
    assert results[1:15] == [{"result": []}] * 14
    # These were read, and there is nothing in them.
    assert results[16:] == [{"result": [], "model_version": VERSION}] * 2
    assert [
        server.metric("rasd_unread_texts_total", reason=r) - before for r, before in reasons
    ] == [13, 1]


def test_a_whole_selection_in_one_request_gets_a_result_for_each_of_its_tasks(
    server: Served,
) -> None:
    names = [LOCATIONS[number % len(LOCATIONS)] for number in range(1_250)]
    results = predict_tasks(
        server, [task_of(f"في {name}", number=n) for n, name in enumerate(names)]
    )
    found = [[region["value"]["text"] for region in one["result"]] for one in results]
    assert found == [[name] for name in names]


def test_no_tasks_get_no_results(server: Served) -> None:
    assert predict_tasks(server, []) == []


def test_spans_of_labels_that_the_project_lacks_are_left_out_and_counted(server: Served) -> None:
    config = (
        '<View><Labels name="l" toName="t"><Label value="TANK"/><Label value="LOCATION"/></Labels>'
        '<Text name="t" value="$text"/></View>'
    )
    before = [server.metric("rasd_left_out_spans_total", label=name) for name in LEFT_OUT]
    text = "أعلنت بلدية المرفأ الشرقي مقتل ثلاثة مدنيين في حي الزيتون."
    whole, lacking = (
        predict_tasks(server, [task_of(text)]),
        predict_tasks(server, [task_of(text)], config),
    )
    labels = [region["value"]["labels"] for region in whole[0]["result"]]
    assert labels == [["ACTOR"], ["COUNT"], ["LOCATION"]]
    assert [region["value"]["labels"] for region in lacking[0]["result"]] == [["LOCATION"]]
    assert lacking[0]["score"] == lacking[0]["result"][0]["score"]
    after = [server.metric("rasd_left_out_spans_total", label=name) for name in LEFT_OUT]
    assert [a - b for a, b in zip(after, before, strict=True)] == [1, 1, 0]


LEFT_OUT = ("ACTOR", "COUNT", "LOCATION")


def test_several_texts_and_controls_of_a_task_each_get_their_spans(server: Served) -> None:
    config = (
        '<View><Labels name="who" toName="title,body"><Label value="actor" alias="ACTOR"/></Labels>'
        '<labels name="where" toName="body"><Label value="LOCATION"/></labels>'
        '<Choices name="c" toName="body"><Choice value="COUNT"/></Choices>'
        '<Text name="title" value="$head"/><Text name="body" value="$text"/>'
        '<Text name="linked" value="$url" valueType="url"/><Header value="$head"/></View>'
    )
    task = {"id": 1, "data": {"head": "قالت منصة راصد", "text": "قالت منصة راصد في تل الورد"}}
    (result,) = predict_tasks(server, [task], config)
    assert [
        (r["id"], r["from_name"], r["to_name"], r["value"]["labels"]) for r in result["result"]
    ] == [
        ("title-5-14", "who", "title", ["ACTOR"]),
        ("body-5-14", "who", "body", ["ACTOR"]),
        ("body-18-26", "where", "body", ["LOCATION"]),
    ]


def test_labels_that_each_task_brings_along_are_taken_for_those_of_the_model(
    server: Served,
) -> None:
    config = (
        '<View><Labels name="l" toName="t" value="$labels"/><Text name="t" value="$text"/></View>'
    )
    assert server.client.post("/setup", json={"schema": config}).status_code == 200
    (result,) = predict_tasks(server, [task_of("قالت منصة راصد")], config)
    assert [region["value"]["labels"] for region in result["result"]] == [["ACTOR"]]


UNUSABLE = [
    ("<View></View>", "has no Labels on a Text"),
    ("not XML", "cannot be read"),
    ("", "cannot be read"),
    ('<View><Labels name="l" toName="t"/></View>', "has no Labels on a Text"),
    ('<View><Labels name="l" toName="i"><Label value="ACTOR"/></Labels><Image name="i" value="$i"/>'
     "</View>", "has no Labels on a Text"),
    ('<View><Labels name="l" toName="t"><Label value="ACTOR"/></Labels><Text name="t" value="$u" '
     'valueType="url"/></View>', "has no Labels on a Text"),
]  # fmt: skip


@pytest.mark.parametrize(("config", "told"), UNUSABLE)
def test_a_project_that_takes_no_spans_is_refused_at_setup_and_answered_at_predict(
    server: Served, config: str, told: str
) -> None:
    answer = server.client.post("/setup", json={"project": "4.5", "schema": config})
    assert answer.status_code == 422 and told in answer.json()["detail"]
    before = server.metric("rasd_unread_texts_total", reason="no_labelling")
    assert predict_tasks(server, [task_of("في تل الورد")] * 3, config) == [{"result": []}] * 3
    assert server.metric("rasd_unread_texts_total", reason="no_labelling") == before + 3


def test_a_project_without_any_label_of_the_model_is_refused_at_setup(server: Served) -> None:
    config = (
        '<View><Labels name="l" toName="t"><Label value="TANK"/></Labels>'
        '<Text name="t" value="$text"/></View>'
    )
    answer = server.client.post("/setup", json={"schema": config})
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "the project has none of the labels that the model finds: ACTOR, LOCATION, COUNT"
    )
    assert predict_tasks(server, [task_of("قالت منصة راصد")], config) == [
        {"result": [], "model_version": VERSION}
    ]


def test_a_configuration_that_unfolds_without_end_is_not_read(server: Served) -> None:
    entities = '<!ENTITY e0 "LOCATION">' + "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10)
    )
    config = (
        f'<!DOCTYPE v [{entities}]><View><Labels name="l" toName="t"><Label value="&e9;"/></Labels>'
        '<Text name="t" value="$text"/></View>'
    )
    answer = server.client.post("/setup", json={"schema": config})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("the labelling configuration cannot be read")


# A model that fails


@dataclass
class FailingEngine:
    """An engine that raises over windows of `length` pieces, or gives NaN for them."""

    engine: Any
    length: int
    error: Exception | None
    precision: str = "exact"

    def run(self, windows: Sequence[Any]) -> list[Any]:
        bad = [len(window) == self.length for window in windows]
        if any(bad) and self.error is not None:
            raise self.error
        found = self.engine.run(windows)
        return [
            np.full_like(f, np.nan) if is_bad else f for f, is_bad in zip(found, bad, strict=True)
        ]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("no memory left"), "no memory left"),
        (ValueError("a secret word: قنديل"), "ValueError"),
        (None, "its output is not a number"),
    ],
)
def test_a_text_that_the_model_fails_on_costs_only_itself(
    tiny_model: Path, error: Exception | None, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    predictor = BatchPredictor.from_pretrained(tiny_model, device="cpu", batch_tokens=32)
    texts = ["قالت منصة راصد", " ".join(LOCATIONS[:2]), "في تل الورد"]
    pieces = predictor._tokenizer(texts[1])["input_ids"]

    with serving(
        predictor, engine=lambda engine: FailingEngine(engine, len(pieces), error)
    ) as served:
        answer = served.client.post("/v1/predict", json={"texts": texts})
        assert answer.status_code == 200
        first, second, third = answer.json()["predictions"]
        assert (spans_of(first), spans_of(third)) == ([(5, 14, "ACTOR")], [(3, 11, "LOCATION")])
        assert second["spans"] == [] and second["error"]["reason"] == "model_error"
        assert told in second["error"]["message"]
        assert served.metric("rasd_unread_texts_total", reason="model_error") == 1
        results = predict_tasks(served, [task_of(text) for text in texts])
        assert [len(result["result"]) for result in results] == [1, 0, 1]
        assert results[1] == {"result": []}
        assert served.metric("rasd_unread_texts_total", reason="model_error") == 2
        assert served.metric("rasd_texts_total") == 4
    assert "قنديل" not in caplog.text


# What is counted


def test_metrics_count_requests_texts_and_spans(predictor: BatchPredictor) -> None:
    with serving(predictor) as served:
        texts = [f"قالت {name}" for name in ACTORS[:3]]
        found = served.client.post("/v1/predict", json={"texts": texts}).json()["predictions"]
        assert [len(one["spans"]) for one in found] == [1, 1, 1]
        served.client.get("/somewhere/else?token=x")
        assert served.client.get("/metrics").headers["content-type"].startswith("text/plain")
        assert served.metric("rasd_texts_total") == 3
        assert served.metric("rasd_spans_total", label="ACTOR") == 3
        assert served.metric("rasd_requests_total", path="/v1/predict", status="200") == 1
        assert served.metric("rasd_requests_total", path="other", status="404") == 1
        assert served.metric("rasd_request_seconds_count", path="/v1/predict") == 1
        assert served.metric("rasd_round_texts_sum") == 3
        assert served.metric("rasd_model", version=VERSION) == 1
        assert "somewhere" not in served.client.get("/metrics").text


def test_threads_end_with_the_server(predictor: BatchPredictor) -> None:
    with serving(predictor):
        assert "predictor" in [thread.name for thread in threading.enumerate()]
        before = threading.active_count()
    assert threading.active_count() < before
