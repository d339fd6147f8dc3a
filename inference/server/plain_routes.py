"""`POST /v1/predict`: a batch of texts in, their spans out."""

from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from annotation.formats.spans import span_to_json
from annotation.problems import Rejection
from annotation.report import InvalidReport, Report
from inference.predictor import FOUND_FIELDS
from inference.server.prediction_queue import Outcome
from inference.server.service import Service

Text = Annotated[Any, WithJsonSchema({"type": "string"})]
"""A string. What is none gets an error in its place, and its neighbours their predictions."""


class Texts(BaseModel):
    """What is to be predicted."""

    model_config = ConfigDict(extra="forbid")

    texts: list[Text] = Field(examples=[["قُتل 12 جندياً من قسد في الرقة."]])


class FoundSpan(BaseModel):
    """A labelled stretch of a text."""

    start: int = Field(description="code points into the text as it was sent")
    end: int = Field(description="exclusive")
    label: str
    text: str = Field(description="what it covers")
    score: float = Field(
        description="the probability that it is right where the model is calibrated, "
        "else the lowest tag probability among its words"
    )


class UnreadText(BaseModel):
    """Why a text has no prediction."""

    reason: str
    message: str


class Prediction(BaseModel):
    """What was found in a text: `error` stands there, and `uncertainty` not, where it failed."""

    spans: list[FoundSpan]
    left_out: list[FoundSpan] | None = Field(
        default=None, description="those that score too low to be given, where there are any"
    )
    uncertainty: float | None = Field(
        default=None, description="the mean tag entropy of the text's words, in nats"
    )
    error: UnreadText | None = None


class Predictions(BaseModel):
    """An answer: one prediction for each text, in their order."""

    model_version: str
    predictions: list[Prediction]


def plain_routes(service: Service) -> APIRouter:
    """The routes that any program may use."""
    routes = APIRouter()

    @routes.post("/v1/predict", response_model=Predictions, summary="Find the spans of texts")
    async def predict(body: Texts, request: Request) -> Response:
        reports: list[Report] = []
        answers: list[dict[str, Any] | None] = []
        unread = Counter[str]()
        for index, text in enumerate(body.texts):
            try:
                reports.append(Report(str(index), text))
                answers.append(None)
            except InvalidReport as error:
                answers.append(_unread(error.reason, str(error)))
                unread[error.reason] += 1
        outcomes = iter(await service.predict(request, reports))
        predictions = []
        for answer in answers:
            if answer is None:
                outcome = next(outcomes)
                answer = _prediction(outcome)
                if isinstance(outcome, Rejection):
                    unread[outcome.reason] += 1
            predictions.append(answer)
        service.count_unread(unread)
        return JSONResponse({"model_version": service.model_version, "predictions": predictions})

    @routes.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        content = generate_latest(service.metrics.registry)
        return Response(content, media_type=CONTENT_TYPE_LATEST)

    return routes


def _prediction(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Rejection):
        return _unread(outcome.reason, outcome.message)
    fields = {key: outcome.fields[key] for key in FOUND_FIELDS if key in outcome.fields}
    return {"spans": [span_to_json(span, outcome.text) for span in outcome.spans or ()], **fields}


def _unread(reason: str, message: str) -> dict[str, Any]:
    return {"spans": [], "error": {"reason": reason, "message": message}}
