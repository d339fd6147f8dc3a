"""Webhooks start a command: the right ones, one at a time."""

import json
import sys
import threading
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from served import (
    CREDENTIALS,
    HOOK,
    PASSWORD,
    TOKEN,
    USER,
    Served,
    basic,
    serving,
    wait_until,
)

from annotation.problems import UserError
from inference.predictor import BatchPredictor
from inference.server.access import Credentials
from inference.server.webhook import read_command

NOTES_A_RUN = """\
import json, os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
lock = folder / "running"
lock.touch(exist_ok=False)
(folder / f"run-{time.monotonic_ns()}").write_text(json.dumps(dict(os.environ)))
while not (folder / "go").exists():
    time.sleep(0.02)
lock.unlink()
"""


@pytest.fixture
def command(tmp_path: Path) -> str:
    """A command that notes its environment, fails where another run is on, and waits for `go`."""
    script = tmp_path / "note a run.py"
    script.write_text(NOTES_A_RUN, "utf-8")
    (tmp_path / "runs").mkdir()
    return f"'{sys.executable}' '{script}' '{tmp_path / 'runs'}'"


def runs(tmp_path: Path) -> list[dict[str, str]]:
    files = sorted((tmp_path / "runs").glob("run-*"))
    found = []
    for file in files:
        with suppress(ValueError):  # Still being written.
            found.append(json.loads(file.read_text("utf-8")))
    return found


EVENT = {
    "action": "ANNOTATION_CREATED",
    "annotation": {"id": 5},
    "project": {"id": 36, "title": "س"},
}


def test_a_webhook_starts_the_command_one_at_a_time_and_once_more_for_what_came_meanwhile(
    predictor: BatchPredictor, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RASD_SERVE_PASSWORD", PASSWORD)
    monkeypatch.setenv("LABEL_STUDIO_URL", "http://127.0.0.1:1")
    with serving(predictor, CREDENTIALS, on_webhook=command, auth=(USER, PASSWORD)) as served:

        def call(action: str) -> None:
            answer = httpx.post(
                f"{served.url}/webhook", json=EVENT | {"action": action},
                headers={HOOK: "hook-55aa"}, trust_env=False,
            )  # fmt: skip
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

        call("ANNOTATION_CREATED")
        wait_until(lambda: len(runs(tmp_path)) == 1)
        for action in ("ANNOTATION_UPDATED", "TASKS_DELETED", "ANNOTATIONS_DELETED"):
            call(action)
        assert len(runs(tmp_path)) == 1
        (tmp_path / "runs" / "go").touch()
        wait_until(lambda: len(runs(tmp_path)) == 2)
        wait_until(lambda: not (tmp_path / "runs" / "running").exists())
        assert served.metric("rasd_webhooks_total", outcome="started") == 1
        assert served.metric("rasd_webhooks_total", outcome="queued") == 3
        first, second = runs(tmp_path)
        assert first["RASD_WEBHOOK_ACTION"] == "ANNOTATION_CREATED"
        assert second["RASD_WEBHOOK_ACTION"] == "ANNOTATIONS_DELETED"
        assert first["RASD_WEBHOOK_PROJECT"] == "36"
        assert first["LABEL_STUDIO_URL"] == "http://127.0.0.1:1"
        assert "RASD_SERVE_PASSWORD" not in first


def test_only_a_webhook_with_the_secret_starts_anything_and_all_are_answered_alike(
    predictor: BatchPredictor, tmp_path: Path, command: str
) -> None:
    (tmp_path / "runs" / "go").touch()
    wrong: list[dict[str, str]] = [
        {}, {HOOK: ""}, {HOOK: "hook-55ab"}, {HOOK: "hook-55a"}, {HOOK: "hook-55aaa"},
        basic(USER, PASSWORD), {"Authorization": "Bearer hook-55aa"}, {HOOK: TOKEN},
    ]  # fmt: skip
    with serving(predictor, CREDENTIALS, on_webhook=command, auth=(USER, PASSWORD)) as served:
        for headers in wrong:
            answer = httpx.post(
                f"{served.url}/webhook", json=EVENT, headers=headers, trust_env=False
            )
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert served.metric("rasd_webhooks_total", outcome="refused") == len(wrong)
        assert served.metric("rasd_webhooks_total", outcome="started") == 0
        # What comes with the right secret need not be what we know.
        for number, content in enumerate((b"", b"\xff", b'{"action": "a b; c", "project": []}'), 1):
            answer = httpx.post(
                f"{served.url}/webhook", content=content, headers={HOOK: "hook-55aa"},
                trust_env=False,
            )  # fmt: skip
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
            wait_until(lambda number=number: len(runs(tmp_path)) == number)
            wait_until(lambda: not (tmp_path / "runs" / "running").exists())
    assert len(runs(tmp_path)) == 3
    assert [
        (run["RASD_WEBHOOK_ACTION"], run["RASD_WEBHOOK_PROJECT"]) for run in runs(tmp_path)
    ] == [("", "")] * 3


def test_without_a_command_a_webhook_is_answered_and_ignored(server: Served) -> None:
    before = server.metric("rasd_webhooks_total", outcome="ignored")
    answer = server.client.post("/webhook", json=EVENT, headers={HOOK: "hook-55aa"})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert server.metric("rasd_webhooks_total", outcome="ignored") == before + 1


def test_the_command_lives_on_when_the_server_ends_and_is_not_started_again(
    predictor: BatchPredictor, tmp_path: Path, command: str
) -> None:
    folder = tmp_path / "runs"
    with serving(predictor, CREDENTIALS, on_webhook=command, auth=(USER, PASSWORD)) as served:
        for number in (1, 2):
            served.client.post("/webhook", json=EVENT, headers={HOOK: "hook-55aa"})
            wait_until(lambda: len(runs(tmp_path)) == 1)
            assert served.metric("rasd_webhooks_total", outcome="queued") == number - 1
    assert (folder / "running").exists()
    (folder / "go").touch()
    wait_until(lambda: not (folder / "running").exists())
    waiting = [thread for thread in threading.enumerate() if thread.name == "on-webhook"]
    for thread in waiting:
        thread.join(30)
    assert len(runs(tmp_path)) == 1


@pytest.mark.parametrize(
    ("line", "credentials", "told"),
    [
        ("true", Credentials(), "--on-webhook needs RASD_SERVE_WEBHOOK_SECRET: without a secret"),
        ("", CREDENTIALS, "no such program: ''"),
        ("no-such-program-here --x", CREDENTIALS, "no such program: 'no-such-program-here'"),
        ("echo 'a", CREDENTIALS, "No closing quotation; expected a command line"),
    ],
)
def test_a_command_that_cannot_be_started_is_told_at_once(
    line: str, credentials: Credentials, told: str
) -> None:
    with pytest.raises(UserError) as raised:
        read_command(line, credentials)
    assert told in str(raised.value) and "\n" not in str(raised.value)
