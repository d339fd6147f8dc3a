"""A project of Label Studio into a file: a snapshot is made, awaited, downloaded and removed.

An export in one request is cut off by proxies when the project is large.
"""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from label_studio_sdk.core.api_error import ApiError

from annotation.files import open_output_bytes
from annotation.label_studio_connection import HALF_CHARACTER, ONCE, Connection, ServerProblem

EXPORT_SECONDS = 1800.0
# Named one by one, more tasks than this could be more than a database takes in one question.
_NAMED_TASKS = 5000
# What a proxy answers when the server behind it takes too long: the server goes on working.
_GATEWAY_TIMEOUTS = (502, 504, 524)


class ProjectExport:
    """Exports of one project."""

    def __init__(self, connection: Connection, project: int) -> None:
        self._connection = connection
        self._sdk = connection.sdk
        self._project = project

    def write(
        self,
        output: Path,
        timeout_seconds: float,
        poll_seconds: float,
        tasks: Sequence[int] | None,
        with_predictions: bool,
        with_people: bool,
    ) -> None:
        """See LabelStudioClient.export_project."""
        wanted = tasks if tasks is not None and len(tasks) <= _NAMED_TASKS else None
        options: dict[str, Any] = {"predictions": {"only_id": not with_predictions}}
        if with_people:
            options["annotations__completed_by"] = {"only_id": False}
        deadline = time.monotonic() + timeout_seconds
        with self._selected(wanted) as selection:
            settings = {"serialization_options": options, **selection}
            self._download(output, deadline, poll_seconds, settings)

    @contextmanager
    def _selected(self, tasks: Sequence[int] | None) -> Iterator[dict[str, Any]]:
        """How an export is told to take `tasks` alone: by a view of them, removed at the end."""
        if tasks is None:
            yield {}
            return
        with self._connection.told(f"select {len(tasks)} tasks of project {self._project}"):
            view = self._sdk.views.create(
                project=self._project,
                data={"title": "rasd pull"},
                request_options={
                    **ONCE,
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

    def _download(
        self,
        output: Path,
        deadline: float,
        poll_seconds: float,
        settings: Mapping[str, Any],
    ) -> None:
        title = f"rasd-{uuid.uuid4()}"
        with self._connection.told(f"export project {self._project}"):
            try:
                made = self._sdk.projects.exports.create(
                    id=self._project, title=title, request_options=ONCE, **settings
                )
                # Over SQLite the answer alone says so: the list has it in progress for ever.
                if made.status == "failed":
                    raise self._failed()
            except httpx.ReadTimeout:
                pass  # The server goes on making it.
            except ApiError as error:
                if error.status_code not in _GATEWAY_TIMEOUTS:
                    raise
            export = self._await(title, deadline, poll_seconds)
            with open_output_bytes(output) as stream:
                for chunk in self._sdk.projects.exports.download(
                    id=self._project, export_pk=export, export_type="JSON"
                ):
                    stream.write(chunk)
            # The file is safe: an account that may not remove the snapshot has done its work.
            with suppress(ApiError, httpx.HTTPError):
                self._sdk.projects.exports.delete(id=self._project, export_pk=export)

    def _await(self, title: str, deadline: float, poll_seconds: float) -> int:
        """The id of the finished export of that title."""
        while True:
            exports = self._sdk.projects.exports.list(id=self._project)
            for export in exports:
                if export.title == title and export.status == "completed":
                    return int(export.id)
                if export.title == title and export.status == "failed":
                    raise self._failed()
            if time.monotonic() > deadline:
                raise ServerProblem(
                    f"{self._connection.url}: the export of project {self._project} was not ready "
                    f"in time; it goes on under the title {title}: download it from the project's "
                    "page, or try again"
                )
            time.sleep(poll_seconds)

    def _failed(self) -> ServerProblem:
        return ServerProblem(
            f"{self._connection.url}: Label Studio could not export project {self._project}; its "
            f"log says why ({HALF_CHARACTER})"
        )
