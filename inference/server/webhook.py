"""Starts a command when Label Studio reports a change: a process of its own, one at a time."""

import logging
import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from threading import Lock, Thread
from typing import Literal

from annotation.problems import UserError
from inference.server.access import SECRET_VARIABLES, WEBHOOK_SECRET_VARIABLE, Credentials

log = logging.getLogger(__name__)

ACTION_VARIABLE = "RASD_WEBHOOK_ACTION"
PROJECT_VARIABLE = "RASD_WEBHOOK_PROJECT"

Started = Literal["started", "queued"]


def read_command(line: str, credentials: Credentials) -> tuple[str, ...]:
    """The words of `--on-webhook`. Raises UserError where it could not, or must not, be started."""
    try:
        words = tuple(shlex.split(line))
    except ValueError as error:
        raise UserError(f"--on-webhook {line!r}: {error}; expected a command line") from None
    if not words or shutil.which(words[0]) is None:
        raise UserError(f"--on-webhook {line!r}: no such program: {words[0] if words else ''!r}")
    if credentials.webhook_secret is None:
        raise UserError(
            f"--on-webhook needs {WEBHOOK_SECRET_VARIABLE}: without a secret whoever reaches the "
            "server could start the command"
        )
    return words


class WebhookCommand:
    """The command, and whether it runs.

    While it runs, further calls are kept as one: it is started once more at its end, so that the
    last change is never missed. It lives on when the server ends, and does not get its secrets.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._lock = Lock()
        self._running = False
        self._next: tuple[str, str] | None = None
        self._closed = False

    def start(self, action: str, project: str) -> Started:
        """Start it, or remember to; it finds both arguments in its environment. Returns at once."""
        with self._lock:
            if self._running:
                self._next = (action, project)
                return "queued"
            self._running = True
        Thread(target=self._run, args=(action, project), name="on-webhook", daemon=True).start()
        return "started"

    def close(self) -> None:
        """Start it no more."""
        with self._lock:
            self._closed = True

    def _run(self, action: str, project: str) -> None:
        due: tuple[str, str] | None = (action, project)
        while due is not None:
            self._run_once(*due)
            with self._lock:
                due, self._next = self._next, None
                if self._closed and due is not None:
                    log.warning("the server ends: the webhook command is not started once more")
                    due = None
                self._running = due is not None

    def _run_once(self, action: str, project: str) -> None:
        environment = {k: v for k, v in os.environ.items() if k not in SECRET_VARIABLES}
        environment |= {ACTION_VARIABLE: action, PROJECT_VARIABLE: project}
        try:
            process = subprocess.Popen(
                self._command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            log.error("the webhook command did not start: %s", error.strerror)
            return
        log.info("webhook: started the command as process %d", process.pid)
        log.info("webhook: process %d ended with status %d", process.pid, process.wait())
