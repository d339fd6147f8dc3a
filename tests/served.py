"""A real server on a free loopback port, in a thread of the test's own process."""

import base64
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from inference.engine import Engine
from inference.predictor import BatchPredictor
from inference.server.access import Credentials
from inference.server.background import answering
from inference.server.serving import ServerSettings, running_app, taken_address
from inference.server.webhook import WebhookCommand, read_command

VERSION = "0123456789ab"
USER, PASSWORD, TOKEN = "labelstudio", "pw-Nw4x:7", "tok-81c5e2"
CREDENTIALS = Credentials(USER, PASSWORD, TOKEN, "hook-55aa")
HOOK = "X-Rasd-Webhook-Secret"


@dataclass
class Served:
    """A server that answers, and a client that talks to it."""

    url: str
    client: httpx.Client
    server: uvicorn.Server

    def metric(self, name: str, **labels: str) -> float:
        """The value of a sample of /metrics; 0 where there is none yet."""
        inside = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
        sample = f"{name}{{{inside}}} " if labels else f"{name} "
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line[len(sample) :]) for line in lines if line.startswith(sample))


@contextmanager
def serving(
    model: Path | BatchPredictor,
    credentials: Credentials | None = None,
    *,
    auth: Any = None,
    engine: Callable[[Engine], Engine] | None = None,
    on_webhook: str | None = None,
    **settings: Any,
) -> Iterator[Served]:
    """Serve a model, whose engine `engine` may wrap, with any of ServerSettings."""
    credentials = credentials or Credentials()
    predictor = model
    if not isinstance(predictor, BatchPredictor):
        predictor = BatchPredictor.from_pretrained(predictor, device="cpu")
    command = None
    if on_webhook is not None:
        command = WebhookCommand(read_command(on_webhook, credentials))
    chosen = ServerSettings(port=0, **settings)
    with (
        taken_address("127.0.0.1", 0) as (listener, url),
        running_app(predictor, VERSION, chosen, credentials, command) as app,
    ):
        # From here on, so that it does not hold up the text that warms the model up.
        predictor.engine = engine(predictor.engine) if engine else predictor.engine
        with (
            answering(app, listener) as server,
            # A proxy of the environment is for the outside, not for this machine.
            httpx.Client(base_url=url, trust_env=False, timeout=60, auth=auth) as client,
        ):
            yield Served(url, client, server)


@dataclass
class HeldEngine:
    """An engine that waits for `released` before it answers, and notes the size of each batch."""

    engine: Engine | None = None
    released: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    batches: list[int] = field(default_factory=list)
    precision: str = "exact"

    def around(self, engine: Engine) -> "HeldEngine":
        """Itself, before `engine`."""
        self.engine = engine
        return self

    def run(self, windows: Sequence[Any]) -> list[Any]:
        """See Engine."""
        assert self.engine is not None
        self.batches.append(len(windows))
        self.entered.set()
        assert self.released.wait(20)
        return self.engine.run(windows)


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Return when `condition` holds; fail where it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def basic(user: str, password: str) -> dict[str, str]:
    """The header of Basic authentication."""
    packed = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {packed}"}
