"""The server in a thread of its own, beside other work of the same process."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from inference.server.serving import make_server, unusable_address

_POLL_SECONDS = 0.02


@contextmanager
def answering(app: ASGIApp, listener: socket.socket) -> Iterator[uvicorn.Server]:
    """Answer on `listener` until the block ends; what was accepted by then is finished.

    Raises UserError where another server listens at the address after all.
    """
    server = make_server(app)
    problems: list[OSError] = []

    def run() -> None:
        try:
            server.run(sockets=[listener])
        except OSError as error:
            problems.append(error)

    thread = threading.Thread(target=run, name="server")
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(_POLL_SECONDS)
        if problems:
            host, port = listener.getsockname()[:2]
            raise unusable_address(host, port, problems[0])
        yield server
    finally:
        server.should_exit = True
        thread.join()
