"""`python -m inference label-studio`: the real server and ours, started, looked at and stopped."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from label_studio_sdk import LabelStudio
from served import wait_until

from annotation.bundled import HOME
from annotation.label_studio_client import LabelStudioClient
from annotation.label_studio_server import EXECUTABLE_VARIABLE
from inference.__main__ import main
from inference.label_studio_demo import BACKEND_TITLE, TITLE, sample_reports
from inference.model_folder import model_hash
from inference.predictor import BatchPredictor

NEW = "🚨 قالت منصة راصد إن 12 عائلات نزحت من تل الورد إلى حي الزيتون."


@dataclass
class Started:
    """The command in a process group of its own, as in a terminal, and what it printed."""

    process: subprocess.Popen[bytes]
    printed: str
    account: dict[str, str]

    def told(self, name: str) -> str:
        """What stands behind a word at the beginning of a line."""
        found = re.search(rf"^  {name} +(\S+)$", self.printed, re.MULTILINE)
        assert found, self.printed
        return found.group(1)

    @property
    def url(self) -> str:
        return self.told("page").partition("/projects/")[0]

    @property
    def backend_url(self) -> str:
        found = re.search(r"The model answers at (\S+) ", self.printed)
        assert found, self.printed
        return found.group(1)


@contextmanager
def started(model: Path, data: Path, log: Path) -> Iterator[Started]:
    command = ["label-studio", "--model", str(model), "--data", str(data), "--device", "cpu"]
    # What a script starts in its background inherits that Ctrl-C is ignored; a terminal's does not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("wb") as stream, Path(f"{log}.err").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "inference", *command, "--port", "0"],
            cwd=HOME,
            env={**os.environ, "PYTHONPATH": str(HOME), "OMP_NUM_THREADS": "1"},
            stdout=stream,
            stderr=errors,
            start_new_session=True,
        )
    try:
        wait_until(lambda: "Ctrl-C" in log.read_text("utf-8") or process.poll() is not None, 240)
        assert process.poll() is None, Path(f"{log}.err").read_text("utf-8")
        account = json.loads((data / "account.json").read_text("utf-8"))
        yield Started(process, log.read_text("utf-8"), account)
    finally:
        if is_left(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_left(group: int) -> bool:
    """Whether a process of the group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def is_answered(url: str) -> bool:
    try:
        httpx.get(f"{url}/health", trust_env=False, timeout=5)
    except httpx.TransportError:
        return False
    return True


def end(demo: Started, how: signal.Signals) -> None:
    """Stop it, and see that nothing is left."""
    urls = (demo.url, demo.backend_url)
    assert [is_answered(url) for url in urls] == [True, True]
    if how is signal.SIGINT:
        os.killpg(demo.process.pid, how)
    else:
        demo.process.send_signal(how)
    assert demo.process.wait(60) == 0
    assert not is_left(demo.process.pid)
    assert [is_answered(url) for url in urls] == [False, False]


def spans(prediction: dict[str, Any]) -> list[tuple[int, int, str]]:
    values = [region["value"] for region in prediction["result"]]
    return [(value["start"], value["end"], value["labels"][0]) for value in values]


def test_the_demo_shows_spans_goes_on_where_it_was_and_leaves_nothing_running(
    label_studio_folder: Path, tiny_model: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(label_studio_folder, data)
    samples = sample_reports()
    version = model_hash(tiny_model)[:12]
    predictor = BatchPredictor.from_pretrained(tiny_model, device="cpu")
    expected = {
        report.id: [(span.start, span.end, span.label) for span in report.spans or ()]
        for report in predictor.predict(samples)
    }
    assert 24 <= len(samples) <= 48 and any(expected.values())
    with (
        started(tiny_model, data, tmp_path / "first") as demo,
        LabelStudioClient(demo.url, demo.account["token"]) as client,
        httpx.Client(trust_env=False, timeout=120, follow_redirects=True) as http,
    ):
        (project,) = client.find_projects(TITLE)
        assert demo.told("page") == f"{demo.url}/projects/{project}/data"
        assert f"{len(samples)} reports in which model {version} found spans" in demo.printed
        exported = tmp_path / "export.json"
        client.export_project(project, exported)
        tasks = json.loads(exported.read_text("utf-8"))
        assert sorted(task["data"]["id"] for task in tasks) == sorted(r.id for r in samples)
        assert {task["data"]["id"]: task["data"]["text"] for task in tasks} == {
            report.id: report.text for report in samples
        }
        for task in tasks:
            assert task["annotations"] == []
            (prediction,) = task["predictions"]
            assert prediction["model_version"] == version
            assert spans(prediction) == expected[task["data"]["id"]]

        sdk = LabelStudio(base_url=demo.url + "/", api_key=demo.account["token"], httpx_client=http)
        assert sdk.projects.get(id=project).model_version == version
        (backend,) = sdk.ml.list(project=project)
        assert (backend.title, backend.url) == (BACKEND_TITLE, demo.backend_url)
        assert (backend.state, backend.model_version) == ("CO", version)
        # Who opens a report that was imported later gets the model's word on it, too.
        (new,) = client.import_tasks(project, [{"data": {"text": NEW, "id": "new"}}])
        assert sdk.predictions.list(task=new) == []
        sdk.tasks.get(id=str(new))
        (prediction,) = (one.dict() for one in sdk.predictions.list(task=new))
        assert prediction["model_version"] == version
        (read,) = predictor.predict([replace(samples[0], text=NEW)])
        assert spans(prediction) == [(s.start, s.end, s.label) for s in read.spans or ()] != []

        log_in(http, demo)
        page = http.get(demo.told("page"))
        assert (page.status_code, page.url.path) == (200, f"/projects/{project}/data")
        end(demo, signal.SIGINT)
    said = Path(f"{tmp_path / 'first'}.err").read_text("utf-8")
    assert "Traceback" not in said and said.endswith("both servers have ended\n")

    with (
        started(tiny_model, data, tmp_path / "second") as again,
        LabelStudioClient(again.url, again.account["token"]) as client,
        httpx.Client(trust_env=False, timeout=120, follow_redirects=True) as http,
    ):
        assert client.find_projects(TITLE) == [project]
        assert again.account == demo.account
        held = list(client.list_tasks(project, model_version=version))
        assert sorted(str(task.data["id"]) for task in held) == sorted(
            ["new", *(report.id for report in samples)]
        )
        assert {task.prediction_count for task in held} == {1}
        sdk = LabelStudio(
            base_url=again.url + "/", api_key=again.account["token"], httpx_client=http
        )
        (backend,) = sdk.ml.list(project=project)
        assert (backend.url, backend.state) == (again.backend_url, "CO")
        end(again, signal.SIGTERM)


def log_in(http: httpx.Client, demo: Started) -> None:
    """As a browser does, with what was printed."""
    page = http.get(f"{demo.url}/user/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token
    form = {
        "csrfmiddlewaretoken": token.group(1),
        "email": demo.told("e-mail"),
        "password": demo.told("password"),
    }
    assert http.get(demo.told("page")).url.path == "/user/login/", "nobody is logged in yet"
    http.post(f"{demo.url}/user/login/", data=form, headers={"Referer": demo.url})


@pytest.mark.parametrize(
    ("variables", "arguments", "told"),
    [
        ({}, ["--model", "nowhere"], "nowhere: no such model folder; "),
        ({EXECUTABLE_VARIABLE: "nowhere"}, [], "Label Studio is not installed: no nowhere; run "),
        ({}, ["--port", "{taken}"], "port {taken} of 127.0.0.1 cannot be used: "),
        ({}, ["--backend-port", "{taken}"], "127.0.0.1:{taken} cannot be used: "),
    ],
)
def test_what_cannot_be_started_is_told_in_a_line_and_leaves_nothing(
    variables: dict[str, str],
    arguments: list[str],
    told: str,
    random_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stand_in = tmp_path / "label-studio"
    stand_in.write_text("#!/bin/sh\nexit 9\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv(EXECUTABLE_VARIABLE, str(stand_in))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    handler = signal.getsignal(signal.SIGTERM)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        given = [argument.format(taken=taken) for argument in arguments]
        default = ["--model", str(random_model), "--device", "cpu", "--port", "0"]
        data = ["--data", str(tmp_path / "data")]
        assert main(["label-studio", *default, *data, *given]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1].startswith(told.format(taken=taken))
    assert "Traceback" not in printed.err
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_label_studio_that_ends_by_itself_is_told_with_its_last_words(
    random_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stand_in = tmp_path / "label-studio"
    stand_in.write_text("#!/bin/sh\necho no space left\nexit 9\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv(EXECUTABLE_VARIABLE, str(stand_in))
    arguments = ["--model", str(random_model), "--device", "cpu", "--port", "0"]
    assert main(["label-studio", *arguments, "--data", str(tmp_path / "data")]) == 2
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("Label Studio ended with status 9 before it was up: no space left; its log is ")
    )
