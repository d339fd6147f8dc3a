"""The web application: routes, limits, and how errors are told."""

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from inference.provenance import versions
from inference.server.gate import BODY_SECONDS, Gate
from inference.server.label_studio_routes import label_studio_routes
from inference.server.plain_routes import plain_routes
from inference.server.prediction_queue import QueueFull, RequestTooLarge
from inference.server.service import Service

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def build_app(service: Service, request_bytes: int, body_seconds: float = BODY_SECONDS) -> ASGIApp:
    """The application that `service` answers through."""
    app = FastAPI(
        title="Rasd",
        description="Spans of Arabic monitoring reports.",
        version=versions()["rasd"],
        # The pages would have a browser load scripts from elsewhere; /openapi.json is there.
        docs_url=None,
        redoc_url=None,
        # Its log records would hold what people sent.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    if service.credentials.is_open:
        # So that no web page can reach the server through a name that leads to this machine.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK_NAMES)

    @app.exception_handler(RequestTooLarge)
    async def too_large(request: Request, error: Exception) -> Response:
        return JSONResponse({"detail": str(error)}, 413)

    @app.exception_handler(QueueFull)
    async def full(request: Request, error: Exception) -> Response:
        assert isinstance(error, QueueFull)
        return JSONResponse({"detail": str(error)}, 429, {"Retry-After": str(error.retry_seconds)})

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problems = []
        for problem in error.errors():
            where = ".".join(str(part) for part in problem["loc"])
            # What was found is left out: it may be a long text, or half of a character.
            problems.append(f"{where}: {problem['msg']}")
        return JSONResponse({"detail": "; ".join(problems)}, 422)

    app.include_router(plain_routes(service))
    app.include_router(label_studio_routes(service))
    return Gate(app, service.credentials, service.metrics, request_bytes, body_seconds)
