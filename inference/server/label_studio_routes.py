"""Label Studio's ML backend protocol, as its release 1.23 speaks it."""

import json
import logging
import re
from collections import Counter
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from inference.server.access import WEBHOOK_PATH, WEBHOOK_SECRET_HEADER
from inference.server.labelling import UnusableConfig, check_labels, read_labelling
from inference.server.service import Service
from inference.server.tasks import outcomes_to_results, tasks_to_reports

log = logging.getLogger(__name__)


class Setup(BaseModel):
    """What Label Studio sends when a project is connected, and before each selection.

    It also sends a token to its API, which is neither needed nor kept here.
    """

    project: Any = None
    labelling: str = Field(alias="schema")


class Tasks(BaseModel):
    """A selection of tasks, all in one request."""

    tasks: list[Any]
    labelling: str = Field(alias="label_config")
    project: Any = None


def label_studio_routes(service: Service) -> APIRouter:
    """The routes that Label Studio calls."""
    routes = APIRouter(tags=["Label Studio"])

    @routes.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "UP", "model_version": service.model_version}

    @routes.get("/versions")
    async def versions() -> dict[str, list[str]]:
        return {"versions": [service.model_version]}

    @routes.post("/setup")
    async def setup(body: Setup) -> dict[str, str]:
        # Label Studio shows an error here, and passes over one at /predict without a word.
        try:
            check_labels(read_labelling(body.labelling), service.labels)
        except UnusableConfig as error:
            log.warning("project %s cannot be connected: %s", _number(body.project), error)
            raise HTTPException(422, str(error)) from None
        return {"model_version": service.model_version}

    @routes.post("/predict")
    async def predict(body: Tasks, request: Request) -> JSONResponse:
        project = _number(body.project)
        try:
            controls = read_labelling(body.labelling)
        except UnusableConfig as error:
            log.warning("project %s: %s", project, error)
            service.count_unread(Counter(no_labelling=len(body.tasks)))
            return JSONResponse({"results": [{"result": []} for _ in body.tasks]})
        found = tasks_to_reports(body.tasks, controls)
        outcomes = await service.predict(request, found.reports)
        answer = outcomes_to_results(found, outcomes, controls, service.model_version)
        service.count_unread(answer.unread)
        for label, count in answer.left_out.items():
            service.metrics.left_out.labels(label).inc(count)
        told = [f"{count} × {reason}" for reason, count in answer.unread.items()]
        told += [f"{count} {label} that it lacks" for label, count in answer.left_out.items()]
        if told:
            log.warning("project %s, %d tasks: %s", project, found.tasks, ", ".join(told))
        return JSONResponse({"results": answer.results})

    @routes.post(WEBHOOK_PATH)
    async def webhook(request: Request) -> dict[str, str]:
        # The same answer to all, and nothing read of a caller who does not know the secret.
        if service.command is None:
            outcome = "ignored"
        elif not service.credentials.is_webhook_secret(request.headers.get(WEBHOOK_SECRET_HEADER)):
            outcome = "refused"
            log.warning("a webhook without the right %s: nothing started", WEBHOOK_SECRET_HEADER)
        else:
            action, project = _event(await request.body())
            outcome = service.command.start(action, project)
        service.metrics.webhooks.labels(outcome).inc()
        return {"status": "ok"}

    return routes


def _event(body: bytes) -> tuple[str, str]:
    """The action and the project of a webhook; blank where it does not tell."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(event, dict):
        return "", ""
    action, project = event.get("action"), event.get("project")
    if not isinstance(action, str) or not re.fullmatch(r"[A-Z_]{1,50}", action):
        action = ""
    number = project.get("id") if isinstance(project, dict) else None
    return action, str(number) if type(number) is int else ""


def _number(project: object) -> str:
    """The number at the beginning of `36.1760000000`."""
    found = re.match(r"\d{1,12}", str(project))
    return found.group() if found else "?"
