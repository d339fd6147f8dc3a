"""A real Label Studio, started and stopped; and reports that go through it unharmed."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from odd_reports import ODD_REPORTS

from annotation import Span, UserError
from annotation.bundled import HOME
from annotation.corpus.build import (
    build_corpus,
    find_differences,
    reports_to_tasks,
    tasks_to_text,
)
from annotation.label_studio_client import LabelStudioClient
from annotation.label_studio_server import (
    EXECUTABLE_VARIABLE,
    VERSION,
    RunningServer,
    label_studio_server,
)
from annotation.labels import load_labels


def test_odd_characters_and_their_offsets_come_back_to_the_code_point(
    client: LabelStudioClient, tmp_path: Path
) -> None:
    project = client.create_project("odd characters", load_labels())
    told: list[int] = []
    ids = client.import_tasks(
        project, reports_to_tasks(ODD_REPORTS), batch_tasks=4, progress=told.append
    )
    assert told == [4, 4, 4, 3]
    assert ids == sorted(set(ids)) and len(ids) == 15

    client.export_project(project, tmp_path / "export.json")
    tasks = sorted(json.loads((tmp_path / "export.json").read_text("utf-8")), key=lambda t: t["id"])
    assert [task["id"] for task in tasks] == ids
    assert [task["data"]["text"] for task in tasks] == [report.text for report in ODD_REPORTS]
    for report, task in zip(ODD_REPORTS, tasks, strict=True):
        (annotation,) = task["annotations"]
        values = [region["value"] for region in annotation["result"]]
        assert [(v["start"], v["end"], v["labels"]) for v in values] == [
            (span.start, span.end, [span.label]) for span in report.spans or ()
        ]
        assert [v["text"] for v in values] == [report.text[v["start"] : v["end"]] for v in values]
    ordered = tmp_path / "ordered.json"
    ordered.write_text(tasks_to_text(tasks), "utf-8")
    assert find_differences(ODD_REPORTS, ordered) == []


def test_an_export_leaves_no_snapshot_on_the_server(
    client: LabelStudioClient, label_studio: RunningServer, tmp_path: Path
) -> None:
    project = client.create_project("snapshots", load_labels())
    client.import_tasks(project, reports_to_tasks(ODD_REPORTS[:1]))
    client.export_project(project, tmp_path / "export.json")
    assert len(json.loads((tmp_path / "export.json").read_text("utf-8"))) == 1
    snapshots = httpx.get(
        f"{label_studio.url}/api/projects/{project}/exports/",
        headers={"Authorization": f"Token {label_studio.account.token}"},
        trust_env=False,
    )
    assert (snapshots.status_code, snapshots.json()) == (200, [])


def test_the_server_is_the_release_we_know_and_listens_on_the_loopback_address_alone(
    client: LabelStudioClient, label_studio: RunningServer
) -> None:
    assert client.version() == VERSION
    port = int(label_studio.url.rsplit(":", 1)[1])
    with pytest.raises(OSError):
        # Linux answers at all of 127.0.0.0/8 for who listens on every address.
        socket.create_connection(("127.0.0.2", port), timeout=2).close()


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda c: c.create_project("a project", load_labels()), "does not accept the key (401"),
        (lambda c: c.import_tasks(1, [{"data": {"text": "نص"}}]), "does not accept the key (401"),
        (lambda c: c.export_project(1, Path("never.json")), "does not accept the key (401"),
    ],
)
def test_a_wrong_token_is_told_in_one_line_without_the_token(
    label_studio: RunningServer, call: object, expected: str
) -> None:
    wrong = "0123456789abcdef" * 2
    with LabelStudioClient(label_studio.url, wrong) as stranger, pytest.raises(UserError) as raised:
        call(stranger)  # type: ignore[operator]
    message = str(raised.value)
    assert expected in message and "LABEL_STUDIO_API_KEY" in message
    assert (
        "\n" not in message and wrong not in message and label_studio.account.token not in message
    )
    assert not Path("never.json").exists()


def test_what_the_server_refuses_is_told_in_its_own_words(client: LabelStudioClient) -> None:
    with pytest.raises(
        UserError, match=r"could not export project 99999: .*404.*check the project"
    ):
        client.export_project(99999, Path("never.json"))
    project = client.create_project("refusals", load_labels())
    with pytest.raises(UserError, match=r"import 1 tasks .*400.*\"text.*key is expected"):
        client.import_tasks(project, [{"data": {"body": "نص"}}])
    first, second = {"data": {"text": "أول"}}, {"data": {"body": "ثانٍ"}}
    with pytest.raises(UserError, match=r"\(the 2 tasks before them are in it\)"):
        client.import_tasks(project, [first, first, second], batch_tasks=2)


def test_the_corpus_is_built_a_task_a_line_in_the_order_of_the_reports(
    label_studio: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server that is running stands in for the one that would take 25 s to begin.
    class Borrowed:
        def __enter__(self) -> RunningServer:
            return label_studio

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr("annotation.corpus.build.label_studio_server", lambda folder: Borrowed())
    output = tmp_path / "corpus.json"
    build_corpus(ODD_REPORTS, output)
    lines = output.read_bytes().decode("utf-8").split("\n")
    assert (lines[0], lines[-2:]) == ("[", ["]", ""])
    tasks = [json.loads(line.removesuffix(",")) for line in lines[1:-2]]
    assert tasks == json.loads(output.read_bytes())
    assert [task["data"]["id"] for task in tasks] == [report.id for report in ODD_REPORTS]
    assert tasks[0]["annotations"][0]["result"][1]["id"] == "span-18-21"
    assert label_studio.account.email not in output.read_text("utf-8")


def test_every_kind_of_difference_to_an_export_is_found(tmp_path: Path) -> None:
    exported = tmp_path / "export.json"
    exported.write_text(tasks_to_text(reports_to_tasks(ODD_REPORTS[:3])), "utf-8")
    plain, emoji, crlf = ODD_REPORTS[:3]
    assert find_differences([plain, emoji, crlf], exported) == []
    moved = replace(emoji, spans=(Span(0, 1, "ACTOR"),))
    other = replace(crlf, fields={"source": "else"}, text=crlf.text.replace("\r\n", "\n\n"))
    assert find_differences([plain, moved, other, plain], exported) == [
        "3 reports, expected 4",
        "emoji: the spans differ",
        "crlf: came back as crlf, or with another text",
        "crlf: the further keys differ",
    ]
    exported.write_text("[]", "utf-8")
    assert find_differences([plain], exported) == ["0 reports, expected 1"]


# From here on a script stands in for Label Studio: how a server starts, fails and ends.

ANSWERS_EVERYTHING = """\
import http.server, os, json
from pathlib import Path
Path("environment.json").write_text(json.dumps(dict(os.environ)))
Path("process").write_text(str(os.getpid()))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")
port = int(sys.argv[sys.argv.index("--port") + 1])
Path("port").write_text(str(port))
host = sys.argv[sys.argv.index("--internal-host") + 1]
http.server.HTTPServer((host, port), Handler).serve_forever()
"""


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
    script = folder / "label-studio"
    script.write_text(f"#!{sys.executable}\nimport sys, time\n{body}", "utf-8")
    script.chmod(0o755)
    monkeypatch.setenv(EXECUTABLE_VARIABLE, str(script))
    return script


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_server_ends_with_the_block_also_when_the_block_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, ANSWERS_EVERYTHING)
    with pytest.raises(ZeroDivisionError), label_studio_server(tmp_path / "data") as running:
        assert is_running(running.process.pid)
        _ = 1 / 0
    assert not is_running(running.process.pid)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is a tool of Linux")
def test_the_server_ends_when_its_parent_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, ANSWERS_EVERYTHING)
    program = (
        "import os, pathlib, signal\n"
        "from annotation.label_studio_server import label_studio_server\n"
        "with label_studio_server(pathlib.Path('data')) as running:\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(HOME)},
        timeout=30,
    )
    assert ended.returncode == -signal.SIGKILL
    port = int((tmp_path / "data" / "port").read_text())
    deadline = time.monotonic() + 10
    while is_listening(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_listening(port)


def test_the_server_gets_its_own_home_and_none_of_the_users_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, ANSWERS_EVERYTHING)
    for name in ("HOST", "LABEL_STUDIO_HOST", "LABEL_STUDIO_API_KEY", "DATABASE_NAME", "DJANGO_DB"):
        monkeypatch.setenv(name, "of the user")
    data = tmp_path / "data"
    with label_studio_server(data) as running:
        environment = json.loads((data / "environment.json").read_text("utf-8"))
    assert "of the user" not in environment.values()
    assert environment["HOME"] == str(data / "home")
    assert environment["LABEL_STUDIO_BASE_DATA_DIR"] == str(data / "data")
    assert environment["LABEL_STUDIO_COLLECT_ANALYTICS"] == "false"
    assert environment["LABEL_STUDIO_SENTRY_DSN"] == ""
    assert environment["LABEL_STUDIO_USERNAME"] == "annotator@example.org"
    assert environment["LABEL_STUDIO_USER_TOKEN"] == running.account.token
    assert running.url.startswith("http://127.0.0.1:")


def test_an_account_is_kept_with_its_folder_private_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, ANSWERS_EVERYTHING)
    accounts = []
    for folder in ("one", "one", "two"):
        with label_studio_server(tmp_path / folder) as running:
            accounts.append(running.account)
            assert running.account.token not in repr(running)
            assert running.account.password not in repr(running)
    assert accounts[0] == accounts[1]
    assert accounts[0].token != accounts[2].token
    assert len(accounts[0].token) == 40
    assert (tmp_path / "one" / "account.json").stat().st_mode & 0o077 == 0
    (tmp_path / "one" / "account.json").write_text("{", "utf-8")
    with (
        pytest.raises(UserError, match=r"account\.json: not the account that Rasd wrote"),
        label_studio_server(tmp_path / "one"),
    ):
        pass


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "print('one'); print('no space left on device'); sys.exit(3)",
            "ended with status 3 before it was up: no space left on device; its log is",
        ),
        ("sys.exit(1)", "ended with status 1 before it was up: it said nothing; its log is"),
        (
            "print('Initializing database..', flush=True); time.sleep(600)",
            "within 1 s: Initializing database..; its log is",
        ),
    ],
)
def test_a_server_that_does_not_come_up_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, expected: str
) -> None:
    mark = "from pathlib import Path; import os; Path('process').write_text(str(os.getpid()))\n"
    stand_in(tmp_path, monkeypatch, mark + body)
    with (
        pytest.raises(UserError) as raised,
        label_studio_server(tmp_path / "data", start_seconds=1 if "sleep" in body else 30),
    ):
        pass
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not is_running(int((tmp_path / "data" / "process").read_text()))


def test_a_server_that_ends_by_itself_later_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_twice = ANSWERS_EVERYTHING.replace(
        "http.server.HTTPServer((host, port), Handler).serve_forever()",
        "server = http.server.HTTPServer((host, port), Handler)\n"
        "server.handle_request(), server.handle_request()\n"
        "print('no space left on device')\n"
        "sys.exit(5)",
    )
    stand_in(tmp_path, monkeypatch, answers_twice)
    with label_studio_server(tmp_path / "data") as running:
        assert running.wait() == (
            "Label Studio ended with status 5: no space left on device; its log is "
            f"{tmp_path / 'data' / 'label-studio.log'}"
        )


def test_a_taken_port_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, ANSWERS_EVERYTHING)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(
                UserError, match=f"port {port} of 127.0.0.1 cannot be used.*another port"
            ),
            label_studio_server(tmp_path / "data", port=port),
        ):
            pass
    assert not (tmp_path / "data" / "process").exists()


def test_a_missing_label_studio_is_told_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(EXECUTABLE_VARIABLE, str(tmp_path / "nowhere"))
    with (
        pytest.raises(UserError, match=r"no .*nowhere; run `make label-studio-install`"),
        label_studio_server(tmp_path / "data"),
    ):
        pass
    assert not (tmp_path / "data").exists()
