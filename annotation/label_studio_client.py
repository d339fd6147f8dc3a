"""Talks to a Label Studio server: projects, tasks in, exports out.

A thin layer over label-studio-sdk that knows the server's pitfalls (docs/decisions.md) and turns
what goes wrong into a line that a user can act on. Tasks are plain JSON here: what they mean is
known to `annotation.formats`.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from annotation.label_studio_connection import (
    HALF_CHARACTER,
    KEY_VARIABLE,
    NO_LABEL_STUDIO,
    ONCE,
    REQUEST_SECONDS,
    URL_VARIABLE,
    Connection,
    ServerProblem,
)
from annotation.label_studio_export import EXPORT_SECONDS, ProjectExport
from annotation.label_studio_server import VERSION
from annotation.labels import Label, labelling_config
from annotation.problems import UserError

Progress = Callable[[int], None]
"""Told how many tasks have gone since the last call."""

_BATCH_TASKS = 100
_PAGE_TASKS = 200
_TITLE_LENGTHS = (3, 50)


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

    def __init__(self, url: str, api_key: str, request_seconds: float = REQUEST_SECONDS) -> None:
        self._connection = Connection(url, api_key, request_seconds)
        self._sdk = self._connection.sdk
        self._told = self._connection.told
        self.url = self._connection.url

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
        self._connection.close()

    def version(self) -> str:
        """The server's release, such as `1.23.2`."""
        with self._told("ask for the version"):
            try:
                release = self._sdk.versions.get().release
            except TypeError:  # The SDK was given JSON of another shape.
                release = None
        if not release:
            raise ServerProblem(f"{self.url}: could not ask for the version: {NO_LABEL_STUDIO}")
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
                title=title, label_config=labelling_config(labels), request_options=ONCE
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

    def connect_backend(self, project: int, url: str, title: str) -> str:
        """Have the model's server at `url`, which asks for no credentials, predict for the project.

        A backend of that title that the project has already is moved there. Gives the version of
        the model as its server tells it.
        """
        with self._told(f"connect project {project} with the model at {url}"):
            known = [one.id for one in self._sdk.ml.list(project=project) if one.title == title]
            settings = {"project": project, "url": url, "title": title, "auth_method": "NONE"}
            if known:
                backend = self._sdk.ml.update(known[0], **settings, request_options=ONCE)
            else:
                backend = self._sdk.ml.create(**settings, request_options=ONCE)
        return str(backend.model_version)

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
            with self._told(f"list the tasks of project {project}", broken=HALF_CHARACTER):
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
                    id=project, request=batch, return_task_ids=True, request_options=ONCE
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
                id=project, request=predictions, request_options=ONCE
            )
        if answer.created != len(predictions):
            raise ServerProblem(
                f"{self.url}: could not {doing}: the server took {answer.created} of them",
                acted=True,
            )

    def create_annotation(self, task: int, result: Sequence[Mapping[str, Any]]) -> None:
        """Add an annotation to a task that is there."""
        with self._told(f"annotate task {task}"):
            self._sdk.annotations.create(id=task, result=result, request_options=ONCE)

    def export_project(
        self,
        project: int,
        output: Path,
        timeout_seconds: float = EXPORT_SECONDS,
        poll_seconds: float = 1.0,
        *,
        tasks: Sequence[int] | None = None,
        with_predictions: bool = True,
        with_people: bool = False,
    ) -> None:
        """Write the tasks of a project to `output`, as Label Studio exports them in JSON.

        By a snapshot, which is awaited. `tasks` are the ones wanted; of a great many all come.
        Predictions come in full or as numbers, annotators by name or as numbers.
        """
        ProjectExport(self._connection, project).write(
            output, timeout_seconds, poll_seconds, tasks, with_predictions, with_people
        )


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
