"""Talks to a Label Studio server: projects, tasks in, exports out.

A thin layer over label-studio-sdk that knows the server's pitfalls (docs/decisions.md) and turns
what goes wrong into a line that a user can act on. Tasks are plain JSON here: what they mean is
known to `annotation.formats`.
"""

import ipaddress
import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError

from annotation.files import open_output_bytes
from annotation.labels import Label, labelling_config
from annotation.problems import UserError

URL_VARIABLE = "LABEL_STUDIO_URL"
KEY_VARIABLE = "LABEL_STUDIO_API_KEY"

Progress = Callable[[int], None]
"""Told how many tasks have gone since the last call."""

_BATCH_TASKS = 100
_REQUEST_SECONDS = 120.0
_EXPORT_SECONDS = 1800.0
_TITLE_LENGTHS = (3, 50)
# What a proxy answers when the server behind it takes too long: the server goes on working.
_GATEWAY_TIMEOUTS = (502, 504, 524)
# The SDK sends a request again after an error of the server. An import or an export that reached
# the server must not be sent twice.
_ONCE = {"max_retries": 0}


class LabelStudioClient:
    """A server and a key to it. Nothing is sent before the first call.

    `api_key` is a personal access token or a legacy token. Every method raises UserError where the
    server cannot be reached, refuses the key, lacks the project, or does not answer in time.
    """

    def __init__(self, url: str, api_key: str, request_seconds: float = _REQUEST_SECONDS) -> None:
        self.url = _checked_url(url)
        api_key = _checked_key(api_key)
        # A proxy of the environment is for the outside, not for this machine.
        self._http = httpx.Client(
            timeout=request_seconds, follow_redirects=True, trust_env=not _is_loopback(self.url)
        )
        with self._told("log in"):
            # With the slash at its end the SDK also finds its way below a path.
            self._sdk = LabelStudio(
                base_url=self.url + "/", api_key=api_key, httpx_client=self._http
            )

    def __enter__(self) -> "LabelStudioClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def version(self) -> str:
        """The server's release, such as `1.23.2`."""
        with self._told("ask for the version"):
            return str(self._sdk.versions.get().release)

    def create_project(self, title: str, labels: Sequence[Label]) -> int:
        """Make a project that annotates `labels`; gives its id."""
        shortest, longest = _TITLE_LENGTHS
        if not shortest <= len(title) <= longest:
            raise UserError(
                f"project title {title!r} has {len(title)} characters; Label Studio takes "
                f"{shortest} to {longest}"
            )
        with self._told(f"create the project {title!r}"):
            project = self._sdk.projects.create(title=title, label_config=labelling_config(labels))
            return int(project.id)

    def import_tasks(
        self,
        project: int,
        tasks: Iterable[Mapping[str, Any]],
        batch_tasks: int = _BATCH_TASKS,
        progress: Progress = lambda count: None,
    ) -> list[int]:
        """Add tasks, with their annotations and predictions; gives the server's ids, in order.

        A failure leaves the batches before it in the project; the error says how many tasks.
        """
        ids: list[int] = []
        for batch in _batches(tasks, batch_tasks):
            for task in batch:
                _check_storable(task)
            done = f" (the {len(ids)} tasks before them are in it)" if ids else ""
            with self._told(f"import {len(batch)} tasks into project {project}{done}"):
                answer = self._sdk.projects.import_tasks(
                    id=project, request=batch, return_task_ids=True, request_options=_ONCE
                )
            # `task_ids` is no field of the SDK's type: it keeps what it does not know.
            new_ids = getattr(answer, "task_ids", None) or []
            if len(new_ids) != len(batch):
                raise UserError(
                    f"{self.url}: sent {len(batch)} tasks to project {project}, the server "
                    f"confirmed {len(new_ids)}{done}; look at the project before importing again"
                )
            ids.extend(new_ids)
            progress(len(batch))
        return ids

    def export_project(
        self,
        project: int,
        output: Path,
        timeout_seconds: float = _EXPORT_SECONDS,
        poll_seconds: float = 1.0,
    ) -> None:
        """Write all tasks of a project to `output`, as Label Studio exports them in JSON.

        By a snapshot that is made, awaited, downloaded and removed: an export in one request is
        cut off by proxies when the project is large. Predictions come in full.
        """
        title = f"rasd-{uuid.uuid4()}"
        doing = f"export project {project}"
        deadline = time.monotonic() + timeout_seconds
        with self._told(doing):
            try:
                self._sdk.projects.exports.create(
                    id=project,
                    title=title,
                    serialization_options={"predictions": {"only_id": False}},
                    request_options=_ONCE,
                )
            except httpx.ReadTimeout:
                pass  # The server goes on making it.
            except ApiError as error:
                if error.status_code not in _GATEWAY_TIMEOUTS:
                    raise
            export = self._await_export(project, title, deadline, poll_seconds)
            with open_output_bytes(output) as stream:
                for chunk in self._sdk.projects.exports.download(
                    id=project, export_pk=export, export_type="JSON"
                ):
                    stream.write(chunk)
            # The file is safe: an account that may not remove the snapshot has done its work.
            with suppress(ApiError, httpx.HTTPError):
                self._sdk.projects.exports.delete(id=project, export_pk=export)

    def _await_export(self, project: int, title: str, deadline: float, poll_seconds: float) -> int:
        """The id of the finished export of that title."""
        while True:
            exports = self._sdk.projects.exports.list(id=project)
            for export in exports:
                if export.title == title and export.status == "completed":
                    return int(export.id)
                if export.title == title and export.status == "failed":
                    raise UserError(
                        f"{self.url}: Label Studio could not export project {project}; its log "
                        "says why (a text with half a character in it, a lone surrogate, does it)"
                    )
            if time.monotonic() > deadline:
                raise UserError(
                    f"{self.url}: the export of project {project} was not ready in time; it goes "
                    f"on under the title {title}: download it from the project's page, or try again"
                )
            time.sleep(poll_seconds)

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Turn what the SDK raises into a UserError of one line; the key is never in it."""
        try:
            yield
        except ApiError as error:
            raise UserError(f"{self.url}: could not {doing}: {_explain(error)}") from None
        except httpx.TimeoutException:
            raise UserError(
                f"{self.url}: could not {doing}: no answer within {self._http.timeout.read:g} s; "
                "the server may still be at it: look there before trying again"
            ) from None
        except httpx.ConnectError as error:
            raise UserError(
                f"{self.url}: could not {doing}: no server answers there ({error}); start it, or "
                f"put its address into {URL_VARIABLE}"
            ) from None
        except httpx.HTTPError as error:
            raise UserError(
                f"{self.url}: could not {doing}: {error or type(error).__name__}"
            ) from None


def _explain(error: ApiError) -> str:
    """What an answer of the server means, and what to do."""
    match error.status_code:
        case 401:
            return (
                f"the server does not accept the key (401{_detail(error.body)}); put a valid "
                f"access token from the server's Account & Settings page into {KEY_VARIABLE}"
            )
        case 403:
            return f"this account may not do that (403{_detail(error.body)})"
        case 404:
            return (
                f"there is no such thing on this server (404{_detail(error.body)}); check the "
                f"project number and {URL_VARIABLE}"
            )
        case None:
            return str(error.body)
        case status if 200 <= status < 300:
            return (
                "what answers there does not speak as Label Studio does; put the server's address "
                f"into {URL_VARIABLE}"
            )
        case status:
            return f"the server answered {status}{_detail(error.body)}"


def _detail(body: Any) -> str:
    """`: ` and what the server itself says, on one line and not too long; or nothing."""
    if isinstance(body, Mapping):
        said = body.get("validation_errors") or body.get("detail") or body
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, default=str)
    else:
        # A page of HTML, from a proxy or from something that is no Label Studio, says nothing.
        text = "" if body is None or "<" in str(body)[:200] else str(body)
    text = " ".join(text.split())
    return f": {text[:300]}" if text else ""


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UserError(
            f"{URL_VARIABLE} is {url!r}; expected the address of the server, such as "
            "http://localhost:8080"
        )
    return url.strip().rstrip("/")


def _checked_key(api_key: str) -> str:
    key = api_key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise UserError(
            f"{KEY_VARIABLE} is {'empty' if not key else 'no access token'}; expected a token "
            "from the server's Account & Settings page"
        )
    return key


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _batches(tasks: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    remaining = iter(tasks)
    while batch := list(islice(remaining, size)):
        yield batch


def _check_storable(task: Mapping[str, Any]) -> None:
    """Raise UserError for a task that would break its whole project."""
    try:
        json.dumps(task, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        name = task.get("data", {}).get("id", "without id")
        raise UserError(
            f"task {name!a}: holds a lone surrogate, half of a character that was cut in two; "
            "Label Studio takes it and can then neither list nor export the project: mend it first"
        ) from None
