"""A real Label Studio on this machine: for trying it out, for building the corpus, for tests.

It listens on the loopback interface alone, sends nothing to anyone, and keeps all it has in one
folder. Label Studio lives in a virtual environment of its own (`make label-studio-install`): it
pins some 160 packages.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

from annotation.bundled import HOME
from annotation.problems import UserError

VERSION = "1.23.2"
"""The release that everything here was tried against."""
EXECUTABLE_VARIABLE = "LABEL_STUDIO_EXECUTABLE"
INSTALLED = ".venv-label-studio/bin/label-studio"
"""Where `make label-studio-install` puts it, as the repository names it."""
HOST = "127.0.0.1"
START_SECONDS = 180
"""How long a start may take: making a new database takes 20 to 30 s on a fast machine."""

_ACCOUNT_FILE = "account.json"
_LOG_FILE = "label-studio.log"
# Label Studio reads settings from variables with and without its prefix (HOST, PORT, USERNAME,
# DATABASE_NAME, …): of the user's environment it is given these alone.
_KEPT_VARIABLES = ("PATH", "TMPDIR", "LANG", "LC_ALL", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Account:
    """Who may log in; made with the data folder and kept in it."""

    email: str
    password: str = field(repr=False)
    token: str = field(repr=False)
    """A legacy API token, which does not expire."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers."""

    url: str
    account: Account
    process: subprocess.Popen[bytes] = field(repr=False)
    log: Path

    def wait(self) -> str:
        """Wait until it ends by itself, and say how it did."""
        return _how_it_ended(self.process.wait(), self.log)


def find_executable() -> Path | None:
    """The `label-studio` that $LABEL_STUDIO_EXECUTABLE names, else the installed one, else None."""
    named = os.environ.get(EXECUTABLE_VARIABLE)
    path = Path(named) if named else HOME / INSTALLED
    return path if path.is_file() else None


@contextmanager
def label_studio_server(
    data_folder: Path, port: int | None = None, start_seconds: float = START_SECONDS
) -> Iterator[RunningServer]:
    """Start Label Studio on `data_folder` (made if need be), and stop it at the end.

    `port` None takes a free one. Raises UserError when Label Studio is not installed, the port is
    taken, or the server does not come up in time.
    """
    executable = find_executable()
    if executable is None:
        missing = os.environ.get(EXECUTABLE_VARIABLE) or INSTALLED
        raise UserError(
            f"Label Studio is not installed: no {missing}; run `make label-studio-install`, or "
            f"name the program in {EXECUTABLE_VARIABLE}"
        )
    data_folder = data_folder.resolve()
    data_folder.mkdir(parents=True, exist_ok=True)
    account = _account_of(data_folder)
    port = _free_port(port)
    log = data_folder / _LOG_FILE
    with log.open("wb") as log_file:
        process = subprocess.Popen(
            _command(executable, port),
            env=_environment(data_folder, account),
            cwd=data_folder,
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://{HOST}:{port}"
        _wait_until_up(process, url, account, log, start_seconds)
        yield RunningServer(url, account, process, log)
    finally:
        _stop(process)


def _account_of(data_folder: Path) -> Account:
    path = data_folder / _ACCOUNT_FILE
    if path.is_file():
        try:
            return Account(**json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError):
            raise UserError(
                f"{path}: not the account that Rasd wrote; put it back, or start with a new folder"
            ) from None
    account = Account("annotator@example.org", secrets.token_urlsafe(12), secrets.token_hex(20))
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(account), indent=2) + "\n", "utf-8")
    return account


def _free_port(wanted: int | None) -> int:
    """`wanted` if nobody listens there, or any free port.

    Asked here because Label Studio moves to the next port, without a word to us, when its own is
    taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted or 0))
        except OSError as error:
            raise UserError(
                f"port {wanted} of {HOST} cannot be used: {error.strerror}; give another port"
            ) from None
        return int(probe.getsockname()[1])


def _command(executable: Path, port: int) -> list[str]:
    command = [str(executable), "start", "--no-browser", "--internal-host", HOST]
    command += ["--port", str(port)]
    # Where Linux offers it, the server also ends when we are killed and can no longer end it.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--", *command] if setpriv else command


def _environment(data_folder: Path, account: Account) -> dict[str, str]:
    home = data_folder / "home"
    home.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return kept | {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "LABEL_STUDIO_BASE_DATA_DIR": str(data_folder / "data"),
        "LABEL_STUDIO_USERNAME": account.email,
        "LABEL_STUDIO_PASSWORD": account.password,
        "LABEL_STUDIO_USER_TOKEN": account.token,
        # Acts only when the database is made.
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        # Label Studio reports its use and its errors to its makers unless told not to.
        "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
        "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
        "LABEL_STUDIO_SENTRY_DSN": "",
        "LABEL_STUDIO_FRONTEND_SENTRY_DSN": "",
        # Lets a model's backend on this machine be connected; nobody else can reach this server.
        "LABEL_STUDIO_ML_BLOCK_LOCAL_IP": "false",
        "LABEL_STUDIO_SSRF_PROTECTION_ENABLED": "false",
        "PYTHONUNBUFFERED": "1",
    }


def _wait_until_up(
    process: subprocess.Popen[bytes], url: str, account: Account, log: Path, seconds: float
) -> None:
    deadline = time.monotonic() + seconds
    # A proxy of the environment is for the outside, not for this machine.
    with httpx.Client(base_url=url, trust_env=False, timeout=5) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise UserError(_how_it_ended(process.returncode, log, " before it was up"))
            try:
                if client.get("/health").is_success:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        else:
            raise UserError(
                f"Label Studio did not come up at {url} within {seconds:g} s: {_last_words(log)}; "
                f"its log is {log}"
            )
        # Somebody else may have taken the port after all; only our server knows our token.
        headers = {"Authorization": f"Token {account.token}"}
        if not client.get("/api/current-user/whoami", headers=headers).is_success:
            raise UserError(
                f"the server at {url} does not know the account of {log.parent / _ACCOUNT_FILE}: "
                "either another server took the port, or the account was changed after the data "
                "folder was made; try again, or start with a new folder"
            )


def _how_it_ended(status: int, log: Path, when: str = "") -> str:
    return f"Label Studio ended with status {status}{when}: {_last_words(log)}; its log is {log}"


def _last_words(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
