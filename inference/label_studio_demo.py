"""A Label Studio to try Rasd in: sample reports with what a model finds, and the model connected.

Called again on the same folder it goes on with what was annotated there.
"""

import logging
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from annotation.bundled import CORPUS, find_file
from annotation.formats import read_records
from annotation.label_studio_client import LabelStudioClient
from annotation.label_studio_server import HOST, RunningServer, label_studio_server
from annotation.labels import load_labels
from annotation.ledger import Ledger
from annotation.problems import UserError
from annotation.push import Pushed, push_reports
from annotation.pushed_predictions import Predictions
from annotation.report import Report
from inference.predictor import BatchPredictor
from inference.server.access import Credentials
from inference.server.background import answering
from inference.server.serving import ServerSettings, model_version, running_app, taken_address

log = logging.getLogger(__name__)

TITLE = "Rasd demo"
"""Of the project."""
BACKEND_TITLE = "Rasd"
"""What the project calls the model's server."""
_SAMPLE_SOURCES = ("dly", "cor")
"""Those that `make run` holds out: its model has never seen them."""
_SAMPLE_STEP = 3


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """Which model, and where everything is kept and answers; port 0 takes a free one."""

    model: Path
    data: Path
    port: int = 8080
    backend_port: int = 0
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class Demo:
    """A Label Studio and a model's server that both answer."""

    studio: RunningServer
    data: Path
    backend_url: str
    version: str
    """Of the model."""
    pushed: Pushed
    ledger: Ledger
    """What could not be sent."""

    def describe(self) -> list[str]:
        """Where to go and what to do there, a line each."""
        url, account, project = self.studio.url, self.studio.account, self.pushed.project
        reports = self.pushed.sent + self.pushed.present
        return [
            *self.pushed.notes,
            f"Label Studio is ready: {reports} reports in which model {self.version} found spans.",
            "",
            f"  page      {url}/projects/{project}/data",
            f"  e-mail    {account.email}",
            f"  password  {account.password}",
            "",
            "Click a report to see its spans, correct them, and submit. To get what was submitted:",
            "",
            f"  export LABEL_STUDIO_URL={url} LABEL_STUDIO_API_KEY={account.token}",
            f"  python -m annotation pull --project {project} --output annotated.jsonl",
            "",
            f"The model answers at {self.backend_url} for reports that you import there.",
            f"All of it is kept in {self.data}. Ctrl-C ends both servers.",
        ]

    def wait(self) -> None:
        """Come back on Ctrl-C. Raises UserError where Label Studio ends before."""
        with suppress(KeyboardInterrupt):
            ended = self.studio.wait()
            # Ctrl-C reaches it too, and it may be the faster one.
            time.sleep(0.2)
            raise UserError(ended)


def sample_reports() -> list[Report]:
    """Some thirty reports of the bundled corpus, as if nobody had annotated them."""
    reports = Ledger().sort(read_records([find_file(CORPUS)]))
    of_sources = [r for r in reports if r.fields.get("source") in _SAMPLE_SOURCES]
    return [replace(report, spans=None) for report in of_sources[::_SAMPLE_STEP]]


@contextmanager
def running_demo(settings: DemoSettings) -> Iterator[Demo]:
    """Start both servers, bring reports and predictions into the project, and stop both at the end.

    Only in the main thread. Raises UserError where something cannot be started; then nothing runs.
    """
    ledger = Ledger()
    with _ended_by_others_as_by_ctrl_c(), taken_address(HOST, settings.backend_port) as address:
        listener, backend_url = address
        predictor = BatchPredictor.from_pretrained(settings.model, device=settings.device)
        version = model_version(settings.model)
        reports = sample_reports()
        predictions = _predict(predictor, reports, version, ledger)
        log.info("starting Label Studio; the first time it makes its database, which takes a while")
        # It reaches as far as this machine: the server asks for no credentials.
        with (
            running_app(predictor, version, ServerSettings(), Credentials()) as app,
            answering(app, listener),
            label_studio_server(settings.data, settings.port or None) as studio,
            LabelStudioClient(studio.url, studio.account.token) as client,
        ):
            there = client.find_projects(TITLE)
            pushed = push_reports(
                client,
                reports,
                ledger,
                labels=load_labels(),
                project=there[0] if there else None,
                title=TITLE,
                predictions=[predictions],
            )
            client.connect_backend(pushed.project, backend_url, BACKEND_TITLE)
            yield Demo(studio, settings.data, backend_url, version, pushed, ledger)


def _predict(
    predictor: BatchPredictor, reports: Sequence[Report], version: str, ledger: Ledger
) -> Predictions:
    predicted = predictor.predict(reports, ledger.enter)
    return Predictions("the model", {one.id: one.spans or () for one in predicted}, version)


@contextmanager
def _ended_by_others_as_by_ctrl_c() -> Iterator[None]:
    """Let SIGTERM, too, end the block in order."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
