"""A proxy before a real server that now and then fails as real ones do."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

_NOT_PASSED_ON = ("host", "connection", "content-length", "transfer-encoding", "content-encoding")


@dataclass
class Fault:
    """What goes wrong with requests of a method whose path ends so, after `skip` that go well."""

    method: str
    path_end: str
    status: int | None = None
    """Answered in the server's place; None closes the connection without an answer."""
    said: bytes = b"{}"
    forwarded: bool = False
    """Whether the server got the request all the same."""
    delay_seconds: float = 0.0
    """Before it is passed on or answered."""
    skip: int = 0
    times: int = 1
    larger_than: int = -1
    """Bytes of the body above which it happens."""
    rewrite: Callable[[bytes], bytes] | None = None
    """Changes what the server answers, in place of failing."""

    def strikes(self, method: str, path: str, size: int) -> bool:
        """Whether it happens to this request."""
        if method != self.method or not path.endswith(self.path_end) or size <= self.larger_than:
            return False
        if self.skip or not self.times:
            self.skip = max(0, self.skip - 1)
            return False
        self.times -= 1
        return True


@dataclass
class FaultyProxy:
    """Where it listens, what goes wrong next, and what was asked."""

    url: str
    faults: list[Fault] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of each request, in order."""

    def count(self, method: str, path_end: str) -> int:
        """How many requests of that kind there were."""
        return sum(how == method and path.endswith(path_end) for how, path in self.asked)


@contextmanager
def faulty_proxy(target: str) -> Iterator[FaultyProxy]:
    """Stand before the server at `target`."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            with lock:
                proxy.asked.append((self.command, path))
                struck = (f for f in proxy.faults if f.strikes(self.command, path, len(body)))
                fault = next(struck, None)
            if fault is not None:
                time.sleep(fault.delay_seconds)
            if fault is None or fault.forwarded or fault.rewrite is not None:
                headers = {k: v for k, v in self.headers.items() if k.lower() not in _NOT_PASSED_ON}
                answer = client.request(
                    self.command, target + self.path, headers=headers, content=body
                )
                if fault is None:
                    self.answer(answer.status_code, answer.content, answer.headers)
                    return
                if fault.rewrite is not None:
                    self.answer(answer.status_code, fault.rewrite(answer.content), answer.headers)
                    return
            if fault.status is None:
                self.close_connection = True
                return
            self.answer(fault.status, fault.said, httpx.Headers({"content-type": "text/plain"}))

        def answer(self, status: int, content: bytes, headers: httpx.Headers) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in (*_NOT_PASSED_ON, "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = pass_on

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # A client that gave up while we dawdled is what the test wants.

    server = Server(("127.0.0.1", 0), Handler)
    proxy = FaultyProxy(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    with httpx.Client(trust_env=False, timeout=60) as client:
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
