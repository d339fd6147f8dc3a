"""Talks to a Label Studio server: projects, tasks in, exports out.

A thin layer over label-studio-sdk that knows the server's pitfalls (docs/decisions.md) and turns
what goes wrong into a line that a user can act on. Tasks are plain JSON here: what they mean is
known to `annotation.formats`.
"""

import ipaddress
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError
from label_studio_sdk.core.parse_error import ParsingError

from annotation.files import open_output_bytes
from annotation.label_studio_server import VERSION
from annotation.labels import Label, labelling_config
from annotation.problems import UserError

URL_VARIABLE = "LABEL_STUDIO_URL"
KEY_VARIABLE = "LABEL_STUDIO_API_KEY"

Progress = Callable[[int], None]
"""Told how many tasks have gone since the last call."""

_BATCH_TASKS = 100
_PAGE_TASKS = 200
_REQUEST_SECONDS = 120.0
_EXPORT_SECONDS = 1800.0
# Named one by one, more tasks than this could be more than a database takes in one question.
_NAMED_TASKS = 5000
_TITLE_LENGTHS = (3, 50)
# What a proxy answers when the server behind it takes too long: the server goes on working.
_GATEWAY_TIMEOUTS = (502, 504, 524)
_NO_LABEL_STUDIO = (
    f"what answers there does not speak as Label Studio does; put the server's address into "
    f"{URL_VARIABLE}"
)
_HALF_CHARACTER = "a text with half a character in it, a lone surrogate, does it"
# The SDK sends a request again after an error of the server. An import or an export that reached
# the server must not be sent twice.
_ONCE = {"max_retries": 0}


class ServerProblem(UserError):
    """A server that cannot be reached, refuses, breaks, or does not answer in time."""

    def __init__(self, message: str, *, status: int | None = None, acted: bool = False) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status; None where there was no answer."""
        self.may_have_acted = acted
        """Whether the server may have done, or may still be doing, what it was asked."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project and the configuration of its annotation page."""

    id: int
    title: str
    task_count: int
    config: str
    """The XML."""
    controls: Mapping[str, Mapping[str, Any]]
    """What the server read out of it: `type`, `to_name`, `inputs` and `labels` by control."""


@dataclass(frozen=True, slots=True)
class ListedTask:
    """A task without what was marked in it."""

    id: int
    data: Mapping[str, Any]
    meta: Mapping[str, Any]
    updated_at: datetime
    """When it or one of its annotations was changed last."""
    annotation_count: int
    """With the cancelled ones."""
    prediction_count: int
    model_versions: frozenset[str] = field(default=frozenset())
    """Of its predictions, where they were asked for."""


class LabelStudioClient:
    """A server and a key to it. Nothing is sent before the first call.

    `api_key` is a personal access token or a legacy token. Every method raises ServerProblem, a
    UserError, where the server cannot be reached, refuses the key, lacks the project, or does not
    answer in time.
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

    @classmethod
    def from_environment(cls) -> "LabelStudioClient":
        """The server and the key that the environment names. Raises UserError where it does not."""
        missing = [name for name in (URL_VARIABLE, KEY_VARIABLE) if not os.environ.get(name)]
        if missing:
            raise UserError(
                f"{' and '.join(missing)} not set: put the server's address into {URL_VARIABLE} "
                f"and an access token from its Account & Settings page into {KEY_VARIABLE}"
            )
        return cls(os.environ[URL_VARIABLE], os.environ[KEY_VARIABLE])

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
            try:
                release = self._sdk.versions.get().release
            except TypeError:  # The SDK was given JSON of another shape.
                release = None
        if not release:
            raise ServerProblem(f"{self.url}: could not ask for the version: {_NO_LABEL_STUDIO}")
        return str(release)

    def unfamiliar_version(self) -> list[str]:
        """What there is to say where the server is of another release than the one known here.

        Raises ServerProblem where no Label Studio answers.
        """
        release = self.version()
        if release.split(".")[:2] == VERSION.split(".")[:2]:
            return []
        return [
            f"{self.url} runs Label Studio {release}; this was tried against {VERSION}, and other "
            "releases may answer otherwise"
        ]

    def create_project(self, title: str, labels: Sequence[Label]) -> int:
        """Make a project that annotates `labels`; gives its id."""
        shortest, longest = _TITLE_LENGTHS
        if not shortest <= len(title) <= longest:
            raise UserError(
                f"project title {title!r} has {len(title)} characters; Label Studio takes "
                f"{shortest} to {longest}"
            )
        with self._told(f"create the project {title!r}"):
            project = self._sdk.projects.create(
                title=title, label_config=labelling_config(labels), request_options=_ONCE
            )
            return int(project.id)

    def find_projects(self, title: str) -> list[int]:
        """The ids of the projects of exactly that title."""
        with self._told(f"look for the project {title!r}"):
            found = self._sdk.projects.list(title=title, include="id,title")
            return [int(project.id) for project in found if project.title == title]

    def get_project(self, project: int) -> Project:
        """A project as it is now."""
        with self._told(f"open project {project}"):
            found = self._sdk.projects.get(id=project)
        controls = found.parsed_label_config
        return Project(
            id=project,
            title=str(found.title),
            task_count=int(found.task_number or 0),
            config=str(found.label_config or ""),
            controls=controls if isinstance(controls, Mapping) else {},
        )

    def set_labels(self, project: int, labels: Sequence[Label]) -> None:
        """Give a project the configuration that is made from `labels`."""
        with self._told(f"change the configuration of project {project}"):
            self._sdk.projects.update(id=project, label_config=labelling_config(labels))

    def show_predictions_of(self, project: int, model_version: str) -> None:
        """Let the project's page show the predictions of that version, of which it has some."""
        with self._told(f"choose the predictions that project {project} shows"):
            self._sdk.projects.update(id=project, model_version=model_version)

    def list_tasks(
        self,
        project: int,
        *,
        after: int = 0,
        changed_since: datetime | None = None,
        model_version: str | None = None,
        page_tasks: int = _PAGE_TASKS,
    ) -> Iterator[ListedTask]:
        """The tasks of a project by their numbers, those beyond `after`, a page a request.

        With `changed_since` those that were changed after it; with `model_version` those that
        have predictions whose version contains it, with `model_versions`. Each page asks for the
        numbers beyond the last one seen, so that nothing is passed over when tasks are deleted
        in the meantime.
        """
        conditions = []
        if changed_since is not None:
            instant = changed_since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            conditions.append(_condition("updated_at", "greater", "Datetime", instant))
        if model_version is not None:
            conditions.append(
                _condition("predictions_model_versions", "contains", "List", [model_version])
            )
        while True:
            beyond = _condition("id", "greater", "Number", after)
            query = {
                "filters": {"conjunction": "and", "items": [beyond, *conditions]},
                "ordering": ["tasks:id"],
            }
            with self._told(f"list the tasks of project {project}", broken=_HALF_CHARACTER):
                page = self._sdk.tasks.list(
                    project=project,
                    page_size=page_tasks,
                    fields="task_only" if model_version is None else "all",
                    resolve_uri=False,
                    query=json.dumps(query),
                )
                listed = {task.id: _listed(task) for task in page.items or ()}
            if not listed:
                return
            yield from listed.values()
            after = max(listed)

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
                raise ServerProblem(
                    f"{self.url}: sent {len(batch)} tasks to project {project}, the server "
                    f"confirmed {len(new_ids)}{done}; look at the project before importing again",
                    acted=True,
                )
            ids.extend(new_ids)
            progress(len(batch))
        return ids

    def import_predictions(self, project: int, predictions: Sequence[Mapping[str, Any]]) -> None:
        """Add predictions to tasks that are there: `task`, `result`, `score`, `model_version`."""
        doing = f"import {len(predictions)} predictions into project {project}"
        with self._told(doing):
            answer = self._sdk.projects.import_predictions(
                id=project, request=predictions, request_options=_ONCE
            )
        if answer.created != len(predictions):
            raise ServerProblem(
                f"{self.url}: could not {doing}: the server took {answer.created} of them",
                acted=True,
            )

    def create_annotation(self, task: int, result: Sequence[Mapping[str, Any]]) -> None:
        """Add an annotation to a task that is there."""
        with self._told(f"annotate task {task}"):
            self._sdk.annotations.create(id=task, result=result, request_options=_ONCE)

    def export_project(
        self,
        project: int,
        output: Path,
        timeout_seconds: float = _EXPORT_SECONDS,
        poll_seconds: float = 1.0,
        *,
        tasks: Sequence[int] | None = None,
        with_predictions: bool = True,
        with_people: bool = False,
    ) -> None:
        """Write the tasks of a project to `output`, as Label Studio exports them in JSON.

        By a snapshot that is made, awaited, downloaded and removed: an export in one request is
        cut off by proxies when the project is large. `tasks` are the ones wanted; of a great many
        all come. Predictions come in full or as numbers, annotators by name or as numbers.
        """
        wanted = tasks if tasks is not None and len(tasks) <= _NAMED_TASKS else None
        with self._selected(project, wanted) as selection:
            self._export(
                project,
                output,
                time.monotonic() + timeout_seconds,
                poll_seconds,
                {
                    "serialization_options": {
                        "predictions": {"only_id": not with_predictions},
                        **(
                            {"annotations__completed_by": {"only_id": False}} if with_people else {}
                        ),
                    },
                    **selection,
                },
            )

    @contextmanager
    def _selected(self, project: int, tasks: Sequence[int] | None) -> Iterator[dict[str, Any]]:
        """How an export is told to take `tasks` alone: by a view of them, removed at the end."""
        if tasks is None:
            yield {}
            return
        with self._told(f"select {len(tasks)} tasks of project {project}"):
            view = self._sdk.views.create(
                project=project,
                data={"title": "rasd pull"},
                request_options={
                    **_ONCE,
                    # The SDK has no argument for it.
                    "additional_body_parameters": {
                        "selected_items": {"all": False, "included": list(tasks)}
                    },
                },
            )
        try:
            yield {"task_filter_options": {"view": view.id}}
        finally:
            with suppress(ApiError, httpx.HTTPError):
                self._sdk.views.delete(id=str(view.id))

    def _export(
        self,
        project: int,
        output: Path,
        deadline: float,
        poll_seconds: float,
        settings: Mapping[str, Any],
    ) -> None:
        title = f"rasd-{uuid.uuid4()}"
        with self._told(f"export project {project}"):
            try:
                made = self._sdk.projects.exports.create(
                    id=project, title=title, request_options=_ONCE, **settings
                )
                # Over SQLite the answer alone says so: the list has it in progress for ever.
                if made.status == "failed":
                    raise self._export_failed(project)
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
                    raise self._export_failed(project)
            if time.monotonic() > deadline:
                raise ServerProblem(
                    f"{self.url}: the export of project {project} was not ready in time; it goes "
                    f"on under the title {title}: download it from the project's page, or try again"
                )
            time.sleep(poll_seconds)

    def _export_failed(self, project: int) -> ServerProblem:
        return ServerProblem(
            f"{self.url}: Label Studio could not export project {project}; its log "
            f"says why ({_HALF_CHARACTER})"
        )

    @contextmanager
    def _told(self, doing: str, broken: str | None = None) -> Iterator[None]:
        """Turn what the SDK raises into a ServerProblem of one line; the key is never in it.

        `broken` says why the server may have answered 500.
        """
        failed = f"{self.url}: could not {doing}: "
        try:
            yield
        except ApiError as error:
            status = error.status_code
            refused = status is not None and 400 <= status < 500
            why = f" ({broken})" if broken and status == 500 else ""
            raise ServerProblem(
                failed + _explain(error) + why, status=status, acted=not refused
            ) from None
        except httpx.ConnectTimeout:
            raise ServerProblem(
                f"{failed}no server answers there within {self._http.timeout.connect:g} s; check "
                f"{URL_VARIABLE} and the network"
            ) from None
        except httpx.TimeoutException:
            raise ServerProblem(
                f"{failed}no answer within {self._http.timeout.read:g} s; "
                "the server may still be at it: look there before trying again",
                acted=True,
            ) from None
        except httpx.ConnectError as error:
            raise ServerProblem(
                f"{failed}no server answers there ({error}); start it, or "
                f"put its address into {URL_VARIABLE}"
            ) from None
        except httpx.HTTPError as error:
            raise ServerProblem(failed + (str(error) or type(error).__name__), acted=True) from None
        except ParsingError:
            raise ServerProblem(failed + _NO_LABEL_STUDIO, status=200, acted=True) from None


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
        case 413:
            return (
                f"the server, or a proxy before it, takes no request of that size "
                f"(413{_detail(error.body)})"
            )
        case 429:
            return f"the server has too much to do (429{_detail(error.body)}); try again later"
        case 507:
            return f"the server's disk is full (507{_detail(error.body)}); make room there"
        case status if 200 <= status < 300:
            return _NO_LABEL_STUDIO
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


def _condition(column: str, operator: str, kind: str, value: object) -> dict[str, object]:
    """A condition of the server's task list."""
    return {
        "filter": f"filter:tasks:{column}",
        "operator": operator,
        "type": kind,
        "value": value,
    }


def _listed(task: Any) -> ListedTask:
    versions = [prediction.model_version for prediction in task.predictions or ()]
    return ListedTask(
        id=int(task.id),
        data=task.data if isinstance(task.data, Mapping) else {},
        meta=task.meta if isinstance(task.meta, Mapping) else {},
        updated_at=task.updated_at,
        annotation_count=int(task.total_annotations or 0) + int(task.cancelled_annotations or 0),
        prediction_count=int(task.total_predictions or 0),
        model_versions=frozenset(str(version) for version in versions if version),
    )


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
