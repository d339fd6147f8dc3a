"""`python -m inference serve`: how it starts, what it logs, and how it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from served import HOOK, PASSWORD, TOKEN, USER, wait_until
from tiny import invent_reports

from annotation.bundled import HOME
from annotation.labels import labelling_config, load_labels
from annotation.report import Report
from inference.__main__ import main
from inference.model_folder import model_hash

SECRET = "hook-55aa"
ENVIRONMENT = {
    "RASD_SERVE_USER": USER,
    "RASD_SERVE_PASSWORD": PASSWORD,
    "RASD_SERVE_TOKEN": TOKEN,
    "RASD_SERVE_WEBHOOK_SECRET": SECRET,
}
VARIABLES = tuple(ENVIRONMENT)
Printed = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of whoever runs the tests are not meant for them."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@contextmanager
def process(
    model: Path, log: Path, environment: Mapping[str, str], *more: str
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server in a process of its own, and its URL."""
    with log.open("wb") as stream:
        started = subprocess.Popen(
            [sys.executable, "-m", "inference", "serve", "--model", str(model), "--port", "0",
             "--device", "cpu", *more],
            cwd=HOME,
            env={**os.environ, "PYTHONPATH": str(HOME), "OMP_NUM_THREADS": "1", **environment},
            stdout=stream,
            stderr=stream,
        )  # fmt: skip
    try:
        wait_until(
            lambda: " answers at " in log.read_text("utf-8") or started.poll() is not None, 120
        )
        found = re.search(r" answers at (\S+)\n", log.read_text("utf-8"))
        assert found, log.read_text("utf-8")
        yield started, found.group(1)
    finally:
        if started.poll() is None:
            started.kill()
        started.wait()


def test_nothing_that_came_with_a_request_is_ever_logged(tiny_model: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = f"'{sys.executable}' -c pass"
    texts = ["قالت منصة راصد سرجل", "نصف سرجل \ud83d", None]
    config = labelling_config(load_labels())
    with (
        process(tiny_model, log, ENVIRONMENT, "--on-webhook", command) as (server, url),
        httpx.Client(base_url=url, trust_env=False, timeout=60) as stranger,
        httpx.Client(base_url=url, trust_env=False, timeout=60, auth=(USER, PASSWORD)) as client,
    ):
        tasks = [{"id": 1, "data": {"text": text}} for text in texts]
        bodies = {
            "/v1/predict": {"texts": texts},
            "/predict": {"tasks": tasks, "label_config": config, "project": "36.5 سرجل"},
            "/setup": {"schema": config, "access_token": "ls-token-77", "project": "36.5"},
        }
        found = []
        for path, body in bodies.items():
            for content in (json.dumps(body).encode(), json.dumps(body).encode()[:-3]):
                answer = client.post(
                    path, content=content, headers={"Content-Type": "application/json"}
                )
                found.append(answer.status_code)
        assert found == [200, 422, 200, 422, 200, 422]
        unusable = {"schema": "<View><Text name='سرجل'/></View>", "access_token": "ls-token-77"}
        assert client.post("/setup", json=unusable).status_code == 422
        assert client.get(f"/سرجل/{TOKEN}", params={"token": TOKEN}).status_code == 404
        assert stranger.get("/health", auth=(USER, "wrong-password-9")).status_code == 401
        for secret in (SECRET, "wrong-secret-9"):
            answer = stranger.post("/webhook", json={"text": "سرجل"}, headers={HOOK: secret})
            assert answer.status_code == 200
        wait_until(lambda: "ended with status 0" in log.read_text("utf-8"))
        with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1]))) as rude:
            rude.sendall("GET /سرجل HTTP/9\r\n\r\n".encode())
            assert rude.recv(100).startswith(b"HTTP/1.1 400 ")
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0
    lines = log.read_text("utf-8").splitlines()
    told = [re.sub(r"\d\.\d\d s$|process \d+", "…", line) for line in lines]
    version = model_hash(tiny_model)[:12]
    # Of what runs beside each other the order is open.
    assert sorted(told) == sorted(
        [
            f"model {version} answers at {url}",
            "/v1/predict: 200, …",
            "/v1/predict: 422, …",
            "project 36, 3 tasks: 1 × lone_surrogate, 1 × no_text",
            "/predict: 200, …",
            "/predict: 422, …",
            "/setup: 200, …",
            "/setup: 422, …",
            "project ? cannot be connected: the labelling configuration has no Labels on a Text; "
            'expected <Labels name="label" toName="text"> with the labels, and <Text name="text" '
            'value="$text"/>',
            "/setup: 422, …",
            "other: 404, …",
            "/health: 401, …",
            "webhook: started the command as …",
            "/webhook: 200, …",
            f"a webhook without the right {HOOK}: nothing started",
            "/webhook: 200, …",
            "webhook: … ended with status 0",
            "Invalid HTTP request received.",
            "everything that was accepted is answered; the server ends",
        ]
    )
    logged = log.read_text("utf-8")
    for secret in (USER, PASSWORD, TOKEN, SECRET, "ls-token-77", "wrong-", "سرجل", "راصد"):
        assert secret not in logged


def post_texts(url: str, reports: Sequence[Report]) -> httpx.Response:
    body = {"texts": [report.text for report in reports]}
    return httpx.post(f"{url}/v1/predict", json=body, timeout=100, trust_env=False)


def waiting(url: str) -> float:
    page = httpx.get(f"{url}/metrics", trust_env=False).text
    return float(page.partition("\nrasd_waiting_characters ")[2].split("\n")[0])


def is_refused(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rsplit(":", 1)[1]))) != 0


def test_a_server_that_is_told_to_end_finishes_what_it_accepted(
    tiny_model: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    reports = invent_reports(1_200, seed=5)
    with (
        process(tiny_model, log, {}, "--batch-tokens", "64") as (server, url),
        ThreadPoolExecutor(1) as pool,
    ):
        assert "no credentials are set" in log.read_text("utf-8")
        answer = pool.submit(post_texts, url, reports)
        wait_until(lambda: waiting(url) > 100_000)
        server.send_signal(signal.SIGTERM)
        found = answer.result().json()["predictions"]
        assert server.wait(30) == 0
    gold = [[(s.start, s.end, s.label) for s in report.spans or ()] for report in reports]
    given = [[(s["start"], s["end"], s["label"]) for s in one["spans"]] for one in found]
    assert len(given) == 1_200
    assert sum(a == b for a, b in zip(given, gold, strict=True)) >= 1_190
    assert log.read_text("utf-8").splitlines()[-1] == (
        "everything that was accepted is answered; the server ends"
    )


def test_a_server_that_is_told_twice_ends_at_once_and_says_so(
    tiny_model: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with (
        process(tiny_model, log, {}, "--batch-tokens", "64") as (server, url),
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(post_texts, url, invent_reports(4_000, seed=5))
        wait_until(lambda: waiting(url) > 300_000)
        server.send_signal(signal.SIGINT)
        wait_until(lambda: is_refused(url))
        assert not answer.done()
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 1
        with pytest.raises(httpx.HTTPError):
            answer.result().raise_for_status()
    last = log.read_text("utf-8").splitlines()[-1]
    assert last == "told to end at once: what was still waiting is not answered"


WRONG = [
    (["--host", "0.0.0.0"], {}, "--host 0.0.0.0: other machines could use the server, and nothing"),
    (["--port", "99999"], {}, "--port 99999: expected 0 (any free one) to 65535"),
    (["--request-bytes", "0"], {}, "--request-bytes 0: expected 1 or more"),
    (["--on-webhook", "true"], {}, "--on-webhook needs RASD_SERVE_WEBHOOK_SECRET: "),
    ([], {"RASD_SERVE_USER": "a"}, "RASD_SERVE_USER is set but RASD_SERVE_PASSWORD is not; "),
    (["--batch-tokens", "0"], {}, "--batch-tokens 0: expected 1 or more"),
    (["--model", "nowhere"], {}, "nowhere: no such model folder; "),
]  # fmt: skip


@pytest.mark.parametrize(("more", "environment", "told"), WRONG)
def test_a_wrong_setting_is_one_line_and_nothing_is_served(
    more: list[str],
    environment: dict[str, str],
    told: str,
    tmp_path: Path,
    capsys: Printed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["serve", "--model", str(tmp_path), "--port", "0", *more]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(told) and len(printed.err.splitlines()) == 1
    assert printed.out == ""


def test_a_port_that_is_taken_is_told_before_the_model_is_loaded(
    tmp_path: Path, capsys: Printed
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["serve", "--model", str(tmp_path / "none"), "--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"127.0.0.1:{port} cannot be used: Address already in use; give another --host or --port\n"
    )


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "prometheus_client"])
def test_a_package_that_is_absent_is_told_with_the_command_that_brings_it(
    package: str, tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("inference.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["serve", "--model", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"serving needs {package}, which comes with pip install 'rasd[serve]'\n"
    )
