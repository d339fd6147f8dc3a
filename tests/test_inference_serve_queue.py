"""Many requests at once: together, in turn, or refused; and the end of the server."""

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import (
    HeldEngine,
    Served,
    serving,
    wait_until,
)
from tiny import LOCATIONS, invent_reports

from inference.predictor import BatchPredictor


def in_background(pool: ThreadPoolExecutor, served: Served, texts: Sequence[str]) -> Any:
    def post() -> httpx.Response:
        return httpx.post(
            f"{served.url}/v1/predict", json={"texts": list(texts)}, timeout=60, trust_env=False
        )

    return pool.submit(post)


def test_requests_that_wait_go_through_the_model_together(tiny_model: Path) -> None:
    held = HeldEngine()
    with serving(tiny_model, engine=held.around) as served, ThreadPoolExecutor(8) as pool:
        first = in_background(pool, served, ["قالت منصة راصد"])
        assert held.entered.wait(30)
        others = [in_background(pool, served, [f"في {name}"]) for name in LOCATIONS[:6]]
        cost = len("قالت منصة راصد") + sum(len(f"في {name}") for name in LOCATIONS[:6]) + 7 * 100
        wait_until(lambda: served.metric("rasd_waiting_characters") == cost)
        held.released.set()
        answers = [one.result() for one in (first, *others)]
    assert held.batches == [1, 6]
    found = [answer.json()["predictions"][0]["spans"] for answer in answers]
    assert [[span["text"] for span in spans] for spans in found] == [
        ["منصة راصد"], *([name] for name in LOCATIONS[:6]),
    ]  # fmt: skip


def test_a_small_request_does_not_wait_for_all_of_a_large_one(tiny_model: Path) -> None:
    held = HeldEngine()
    predictor = BatchPredictor.from_pretrained(tiny_model, device="cpu", batch_tokens=64)
    large = [report.text for report in invent_reports(60, seed=3)]
    with serving(predictor, engine=held.around) as served, ThreadPoolExecutor(8) as pool:
        finished: list[str] = []
        both = [in_background(pool, served, large)]
        assert held.entered.wait(30)
        both.append(in_background(pool, served, ["قالت منصة راصد"]))
        both[0].add_done_callback(lambda _: finished.append("large"))
        both[1].add_done_callback(lambda _: finished.append("small"))
        cost = sum(map(len, large)) + len("قالت منصة راصد") + 61 * 100
        wait_until(lambda: served.metric("rasd_waiting_characters") == cost)
        before = len(held.batches)
        held.released.set()
        assert [len(one.result().json()["predictions"]) for one in both] == [60, 1]
    assert finished == ["small", "large"]
    assert len(held.batches) > before + 30


def test_a_full_queue_answers_429_and_says_when_to_come_back(tiny_model: Path) -> None:
    held = HeldEngine()
    with (
        serving(tiny_model, engine=held.around, queue_characters=500) as served,
        ThreadPoolExecutor(8) as pool,
    ):
        first = in_background(pool, served, ["في تل الورد"] * 3)
        assert held.entered.wait(30)
        full = served.client.post("/v1/predict", json={"texts": ["في تل الورد"] * 2})
        assert full.status_code == 429
        assert 1 <= int(full.headers["Retry-After"]) <= 600
        assert full.json()["detail"].startswith("the queue is full; try again in ")
        # It is the texts that are too many, not the request: another one still fits.
        other = in_background(pool, served, ["قالت منصة راصد"])
        wait_until(lambda: served.metric("rasd_waiting_characters") > 400)
        never = served.client.post("/v1/predict", json={"texts": ["في تل الورد"] * 5})
        assert never.status_code == 413
        assert never.json()["detail"] == (
            "the texts count for 555 characters (their own, and 100 each), the queue holds 500; "
            "send fewer at once"
        )
        assert served.metric("rasd_refused_requests_total") == 1
        held.released.set()
        assert [len(one.result().json()["predictions"]) for one in (first, other)] == [3, 1]
        again = served.client.post("/v1/predict", json={"texts": ["في تل الورد"] * 2})
        assert again.status_code == 200
        assert served.metric("rasd_waiting_characters") == 0


def test_a_request_whose_client_has_gone_is_not_predicted(tiny_model: Path) -> None:
    held = HeldEngine()
    with serving(tiny_model, engine=held.around) as served, ThreadPoolExecutor(8) as pool:
        first = in_background(pool, served, ["في تل الورد"])
        assert held.entered.wait(30)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                f"{served.url}/v1/predict", json={"texts": ["قالت"] * 50}, timeout=0.3,
                trust_env=False,
            )  # fmt: skip
        wait_until(
            lambda: served.metric("rasd_requests_total", path="/v1/predict", status="499") == 1
        )
        held.released.set()
        assert first.result().status_code == 200
        assert served.client.post("/v1/predict", json={"texts": ["قالت"]}).status_code == 200
        assert served.metric("rasd_texts_total") == 2
        assert served.metric("rasd_waiting_characters") == 0


def test_what_was_accepted_is_answered_before_the_server_ends(tiny_model: Path) -> None:
    held = HeldEngine()

    def refuses() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(served.url.rsplit(":", 1)[1]))) != 0

    with ThreadPoolExecutor(8) as pool:
        with serving(tiny_model, engine=held.around) as served:
            both = [in_background(pool, served, [f"في {name}"] * 20) for name in LOCATIONS[:2]]
            cost = sum(20 * (len(f"في {name}") + 100) for name in LOCATIONS[:2])
            wait_until(lambda: served.metric("rasd_waiting_characters") == cost)
            served.client.close()
            served.server.should_exit = True
            wait_until(refuses)
            assert not any(one.done() for one in both)
            held.released.set()
        answers = [one.result() for one in both]
    assert [answer.status_code for answer in answers] == [200, 200]
    for answer, name in zip(answers, LOCATIONS[:2], strict=True):
        spans = [one["spans"] for one in answer.json()["predictions"]]
        assert [[span["text"] for span in one] for one in spans] == [[name]] * 20
