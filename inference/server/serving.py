"""Starts the server: the address is taken first, then the model loaded, then it listens."""

import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from annotation.problems import Rejection, UserError
from annotation.report import Report
from inference.model_folder import model_hash
from inference.predictor import BatchPredictor
from inference.server.access import (
    PASSWORD_VARIABLE,
    TOKEN_VARIABLE,
    USER_VARIABLE,
    Credentials,
    check_reach,
)
from inference.server.app import build_app
from inference.server.gate import BODY_SECONDS
from inference.server.metrics import Metrics
from inference.server.prediction_queue import PredictionQueue
from inference.server.service import Service
from inference.server.webhook import WebhookCommand, read_command

log = logging.getLogger(__name__)

CONNECTIONS = 256
"""Beyond so many at a time, requests are answered with 503."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where a server listens, and how much it takes."""

    host: str = "127.0.0.1"
    port: int = 9090
    request_bytes: int = 16 << 20
    queue_characters: int = 10_000_000
    on_webhook: str | None = None
    body_seconds: float = BODY_SECONDS


def serve(
    model: Path,
    settings: ServerSettings,
    credentials: Credentials,
    *,
    device: str = "auto",
    precision: str = "exact",
    batch_tokens: int | None = None,
    least_score: float | None = None,
) -> bool:
    """Serve a model folder until the process is told to end; then finish what was accepted.

    Gives whether it could: who presses Ctrl-C twice does not wait for that. Raises UserError before
    anything is loaded where the settings do not fit together.
    """
    check_settings(settings, credentials)
    command = None
    if settings.on_webhook is not None:
        command = WebhookCommand(read_command(settings.on_webhook, credentials))
    with taken_address(settings.host, settings.port) as (listener, url):
        predictor = BatchPredictor.from_pretrained(
            model,
            device=device,
            precision=precision,
            batch_tokens=batch_tokens,
            least_score=least_score,
        )
        version = model_version(model)
        with running_app(predictor, version, settings, credentials, command) as app:
            told = [f"model {version} answers at {url}", *describe_access(credentials)]
            server = make_server(app, told)
            _run(server, listener, settings)
    if server.force_exit:
        log.warning("told to end at once: what was still waiting is not answered")
        return False
    log.info("everything that was accepted is answered; the server ends")
    return True


@contextmanager
def running_app(
    predictor: BatchPredictor,
    version: str,
    settings: ServerSettings,
    credentials: Credentials,
    command: WebhookCommand | None = None,
) -> Iterator[ASGIApp]:
    """The application with its model at work."""
    _warm_up(predictor)
    metrics = Metrics(version)
    with PredictionQueue(predictor, settings.queue_characters, metrics) as queue:
        service = Service(queue, predictor.labels, version, credentials, metrics, command)
        try:
            yield build_app(service, settings.request_bytes, settings.body_seconds)
        finally:
            if command is not None:
                command.close()


def _warm_up(predictor: BatchPredictor) -> None:
    """Predict a text: the first one has kernels built, which no request should wait for."""
    failures: list[Rejection] = []
    text = Report("warm-up", "قالت منصة راصد إن 3 قرى تضررت.")
    for _ in predictor.predict([text], failures.append):
        pass
    if failures:
        raise UserError(f"the model cannot read a first text: {failures[0].message}")


class _Server(uvicorn.Server):
    """uvicorn, which says something once it listens."""

    def __init__(self, config: uvicorn.Config, told: Sequence[str]) -> None:
        super().__init__(config)
        self._told = told

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn.Server."""
        await super().startup(sockets)
        for line in self._told:
            log.info("%s", line)


def make_server(app: ASGIApp, told: Sequence[str] = ()) -> uvicorn.Server:
    """uvicorn around the application: it logs warnings alone, and waits for every answer."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        limit_concurrency=CONNECTIONS,
        proxy_headers=False,
        server_header=False,
    )
    return _Server(config, told)


@contextmanager
def taken_address(host: str, port: int) -> Iterator[tuple[socket.socket, str]]:
    """A socket at the address, on which nobody listens yet, and its URL (port 0: a free one)."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise unusable_address(host, port, error) from None
    with socket.socket(family, kind) as listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError as error:
            raise unusable_address(host, port, error) from None
        named = f"[{host}]" if ":" in host else host
        yield listener, f"http://{named}:{listener.getsockname()[1]}"


def describe_access(credentials: Credentials) -> list[str]:
    """Who may call, a line each."""
    if credentials.is_open:
        return [
            f"no credentials are set ({USER_VARIABLE} and {PASSWORD_VARIABLE}, {TOKEN_VARIABLE}): "
            "everyone on this machine may use the server, and no one else"
        ]
    if credentials.user is None:
        return [
            f"only {TOKEN_VARIABLE} is set: /v1 is served, but Label Studio cannot connect, which "
            f"needs {USER_VARIABLE} and {PASSWORD_VARIABLE}"
        ]
    return []


def check_settings(settings: ServerSettings, credentials: Credentials) -> None:
    """Raise UserError that tells every setting that cannot be."""
    problems = [
        f"{option} {value}: expected 1 or more"
        for option, value in (
            ("--request-bytes", settings.request_bytes),
            ("--queue-characters", settings.queue_characters),
        )
        if value < 1
    ]
    if not 0 <= settings.port <= 65535:
        problems.append(f"--port {settings.port}: expected 0 (any free one) to 65535")
    if problems:
        raise UserError("\n".join(problems))
    check_reach(settings.host, credentials)


def model_version(model: Path) -> str:
    """What Label Studio knows the model by: other weights are another version.

    `push --predictions` names it so too, so that what was pushed is not asked for once more.
    """
    return model_hash(model)[:12]


def _run(server: uvicorn.Server, listener: socket.socket, settings: ServerSettings) -> None:
    """Run until SIGINT or SIGTERM, and come back from both.

    uvicorn ends well, and then raises the signal that ended it once more, which would end the
    process with a status that says that it was killed.
    """
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: None) for number in signals]
    try:
        server.run(sockets=[listener])
    except OSError as error:
        # Two servers can take an address; only one can listen there.
        raise unusable_address(settings.host, settings.port, error) from None
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def unusable_address(host: str, port: int, error: OSError) -> UserError:
    """What to tell where nothing can listen at an address."""
    return UserError(
        f"{host}:{port} cannot be used: {error.strerror}; give another --host or --port"
    )
