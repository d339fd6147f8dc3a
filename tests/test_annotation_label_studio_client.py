"""The Label Studio client against a server that misbehaves as real ones and their proxies do."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from annotation import UserError
from annotation.label_studio_client import LabelStudioClient
from annotation.labels import load_labels

KEY = "a-legacy-token"
Answer = tuple[int, Any]


class Scripted:
    """A server that answers by (method, path), and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Callable[[Any], Answer]] = {}
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[Any] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                request = (self.command, self.path.partition("?")[0])
                scripted.asked.append(request)
                scripted.bodies.append(body)
                status, said = scripted.answers.get(request, lambda _: (404, {}))(body)
                payload = said.encode() if isinstance(said, str) else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                pass  # A client that went away while we dawdled is what the test wants.

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def say(self, method: str, path: str, *answers: Answer) -> None:
        """Answer one after the other, and then always with the last."""
        remaining = list(answers)
        self.answers[method, path] = lambda _: (
            remaining.pop(0) if len(remaining) > 1 else remaining[0]
        )


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    script = Scripted()
    script.thread.start()
    yield script
    script.server.shutdown()
    script.thread.join()
    script.server.server_close()


EXPORTS = "/api/projects/7/exports/"


def offer_export(scripted: Scripted, created: Answer, *statuses: str) -> None:
    """An export that is created with `created` and then listed with one status after the other."""
    made: dict[str, Any] = {"id": 3}

    def create(body: Any) -> Answer:
        made["title"] = body["title"]
        return created

    remaining = list(statuses)

    def listed(_: Any) -> Answer:
        made["status"] = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return 200, [{"id": 2, "title": "an older one", "status": "completed"}, made]

    scripted.answers["POST", EXPORTS] = create
    scripted.answers["GET", EXPORTS] = listed
    scripted.say("GET", f"{EXPORTS}3/download", (200, '[{"id": 1}]'))
    scripted.say("DELETE", f"{EXPORTS}3", (204, ""))


@pytest.mark.parametrize("created", [(201, {"id": 3}), (504, "<html>Gateway Time-out</html>")])
def test_an_export_is_awaited_even_when_a_proxy_gave_up_on_its_making(
    scripted: Scripted, tmp_path: Path, created: Answer
) -> None:
    offer_export(scripted, created, "created", "in_progress", "completed")
    with LabelStudioClient(scripted.url, KEY) as client:
        client.export_project(7, tmp_path / "out.json", poll_seconds=0.01)
    assert (tmp_path / "out.json").read_text("utf-8") == '[{"id": 1}]'
    assert scripted.asked == [
        ("POST", EXPORTS),
        *[("GET", EXPORTS)] * 3,
        ("GET", f"{EXPORTS}3/download"),
        ("DELETE", f"{EXPORTS}3"),
    ]
    assert scripted.bodies[0]["serialization_options"] == {"predictions": {"only_id": False}}


@pytest.mark.parametrize(
    ("status", "seconds", "expected"),
    [
        ("failed", 60, "could not export project 7; its log says why"),
        ("in_progress", 0.05, "the export of project 7 was not ready in time; it goes on"),
    ],
)
def test_an_export_that_fails_or_lasts_too_long_leaves_no_file(
    scripted: Scripted, tmp_path: Path, status: str, seconds: float, expected: str
) -> None:
    offer_export(scripted, (201, {"id": 3}), status)
    with LabelStudioClient(scripted.url, KEY) as client, pytest.raises(UserError, match=expected):
        client.export_project(7, tmp_path / "out.json", seconds, poll_seconds=0.01)
    assert list(tmp_path.iterdir()) == []


def test_a_finished_export_counts_even_when_its_snapshot_may_not_be_removed(
    scripted: Scripted, tmp_path: Path
) -> None:
    offer_export(scripted, (201, {"id": 3}), "completed")
    scripted.say("DELETE", f"{EXPORTS}3", (403, {"detail": "no"}))
    with LabelStudioClient(scripted.url, KEY) as client:
        client.export_project(7, tmp_path / "out.json")
    assert (tmp_path / "out.json").read_text("utf-8") == '[{"id": 1}]'


def test_an_import_is_never_sent_twice(scripted: Scripted) -> None:
    scripted.say("POST", "/api/projects/7/import", (503, {"detail": "busy"}))
    with (
        LabelStudioClient(scripted.url, KEY) as client,
        pytest.raises(UserError, match=r"could not import 1 tasks into project 7: .*503: busy"),
    ):
        client.import_tasks(7, [{"data": {"text": "نص"}}])
    assert scripted.asked == [("POST", "/api/projects/7/import")]


def test_tasks_that_the_server_does_not_confirm_are_told(scripted: Scripted) -> None:
    scripted.say("POST", "/api/projects/7/import", (201, {"task_count": 1, "task_ids": [11]}))
    with (
        LabelStudioClient(scripted.url, KEY) as client,
        pytest.raises(UserError, match="sent 2 tasks to project 7, the server confirmed 1; look"),
    ):
        client.import_tasks(7, [{"data": {"text": "أ"}}, {"data": {"text": "ب"}}])


def test_a_task_with_half_a_character_is_never_sent(scripted: Scripted) -> None:
    with (
        LabelStudioClient(scripted.url, KEY) as client,
        pytest.raises(UserError, match="task 'r-2': holds a lone surrogate"),
    ):
        client.import_tasks(7, [{"data": {"id": "r-2", "text": "نص\ud83d"}}])
    assert scripted.asked == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((401, {"detail": "Invalid token."}), "does not accept the key (401: Invalid token.)"),
        ((403, {"detail": "Not yours."}), "this account may not do that (403: Not yours.)"),
        ((404, "<html>\n<h1>Not found</h1></html>"), "no such thing on this server (404); check"),
        ((400, {"validation_errors": {"title": ["bad"]}}), 'answered 400: {"title": ["bad"]}'),
        ((400, "line one\nline two"), "answered 400: line one line two"),
        ((200, "<html>a page of something else</html>"), "does not speak as Label Studio does"),
    ],
)
def test_a_refusal_is_one_line_that_says_what_to_do(
    scripted: Scripted, answer: Answer, expected: str
) -> None:
    scripted.say("POST", "/api/projects/", answer)
    with LabelStudioClient(scripted.url, KEY) as client, pytest.raises(UserError) as raised:
        client.create_project("reports", load_labels())
    message = str(raised.value)
    assert message.startswith(f"{scripted.url}: could not create the project 'reports': ")
    assert expected in message
    assert "\n" not in message and KEY not in message


def test_a_server_that_does_not_answer_in_time_is_told(scripted: Scripted) -> None:
    release = threading.Event()

    def dawdle(_: Any) -> Answer:
        release.wait(10)
        return 200, {}

    scripted.answers["GET", "/api/version/"] = dawdle
    try:
        with (
            LabelStudioClient(scripted.url, KEY, request_seconds=0.1) as client,
            pytest.raises(UserError, match=r"ask for the version: no answer within 0\.1 s"),
        ):
            client.version()
    finally:
        release.set()


def test_a_server_that_is_down_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with LabelStudioClient(url, KEY) as client, pytest.raises(UserError) as raised:
        client.import_tasks(7, [{"data": {"text": "نص"}}])
    message = str(raised.value)
    assert "no server answers there" in message and "LABEL_STUDIO_URL" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("url", "key", "expected"),
    [
        ("localhost:8080", KEY, "LABEL_STUDIO_URL is 'localhost:8080'; expected the address"),
        ("", KEY, "LABEL_STUDIO_URL is ''; expected"),
        ("http://localhost:8080", "  ", "LABEL_STUDIO_API_KEY is empty; expected a token"),
        ("http://localhost:8080", "مفتاح", "LABEL_STUDIO_API_KEY is no access token; expected"),
        ("http://localhost:8080", "two words", "LABEL_STUDIO_API_KEY is no access token"),
        ("http://localhost:x", KEY, "LABEL_STUDIO_URL is 'http://localhost:x'; expected"),
    ],
)
def test_settings_that_cannot_be_right_are_told_by_their_variables(
    url: str, key: str, expected: str
) -> None:
    with pytest.raises(UserError) as raised:
        LabelStudioClient(url, key)
    assert expected in str(raised.value)
    assert key not in str(raised.value) or not key.strip()


@pytest.mark.parametrize(("title", "found"), [("ab", 2), ("t" * 51, 51)])
def test_a_title_that_label_studio_would_refuse_is_told_first(
    scripted: Scripted, title: str, found: int
) -> None:
    with (
        LabelStudioClient(scripted.url, KEY) as client,
        pytest.raises(UserError, match=f"has {found} characters; Label Studio takes 3 to 50"),
    ):
        client.create_project(title, load_labels())
    assert scripted.asked == []


def test_a_server_on_this_machine_is_asked_without_the_proxy(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    scripted.say("GET", "/api/version/", (200, {"release": "1.23.2"}))
    with LabelStudioClient(scripted.url + "/", f" {KEY}\n") as client:
        assert client.version() == "1.23.2"
