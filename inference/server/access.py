"""Who may call the server: credentials come from the environment alone."""

import base64
import binascii
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

from annotation.problems import UserError

USER_VARIABLE = "RASD_SERVE_USER"
PASSWORD_VARIABLE = "RASD_SERVE_PASSWORD"
TOKEN_VARIABLE = "RASD_SERVE_TOKEN"
WEBHOOK_SECRET_VARIABLE = "RASD_SERVE_WEBHOOK_SECRET"
SECRET_VARIABLES = (USER_VARIABLE, PASSWORD_VARIABLE, TOKEN_VARIABLE, WEBHOOK_SECRET_VARIABLE)
WEBHOOK_SECRET_HEADER = "X-Rasd-Webhook-Secret"

LABEL_STUDIO_PATHS = ("/health", "/setup", "/predict", "/versions")
"""Label Studio sends Basic authentication to these, and can send nothing else."""
WEBHOOK_PATH = "/webhook"
"""Label Studio's webhooks carry no authentication: what they may start hangs on their secret."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller must show. With neither user nor token the server is open."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    webhook_secret: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Credentials":
        """Read and check the variables. Raises UserError that tells all their problems."""
        values = [environment.get(name) for name in SECRET_VARIABLES]
        problems = [
            f"{name} {problem}"
            for name, value in zip(SECRET_VARIABLES, values, strict=True)
            if value is not None and (problem := _problem_of(name, value))
        ]
        user, password, _, _ = values
        if (user is None) != (password is None):
            there, lacking = USER_VARIABLE, PASSWORD_VARIABLE
            if user is None:
                there, lacking = lacking, there
            problems.append(f"{there} is set but {lacking} is not; expected both or neither")
        if problems:
            raise UserError("\n".join(problems))
        return cls(*values)

    @property
    def is_open(self) -> bool:
        """Whether anyone who reaches the server may use it."""
        return self.user is None and self.token is None

    def allow(self, path: str, authorization: str | None) -> bool:
        """Whether a request with this `Authorization` header may go on to `path`."""
        if self.is_open or path == WEBHOOK_PATH:
            return True
        scheme, _, shown = (authorization or "").partition(" ")
        match scheme.lower():
            case "basic":
                return self._is_user(shown.strip())
            case "bearer" if path not in LABEL_STUDIO_PATHS:
                return _same(self.token, shown.strip())
            case _:
                return False

    def is_webhook_secret(self, shown: str | None) -> bool:
        """Whether a webhook's secret header is right."""
        return shown is not None and _same(self.webhook_secret, shown)

    def _is_user(self, shown: str) -> bool:
        if self.user is None:
            return False
        try:
            decoded = base64.b64decode(shown, validate=True)
        except (binascii.Error, ValueError):
            return False
        return compare_digest(decoded, f"{self.user}:{self.password}".encode())


def check_reach(host: str, credentials: Credentials) -> None:
    """Raise UserError where other machines would reach a server that asks for no credentials."""
    if credentials.is_open and not is_loopback(host):
        raise UserError(
            f"--host {host}: other machines could use the server, and nothing is set that they "
            f"must show; set {USER_VARIABLE} and {PASSWORD_VARIABLE} (what Label Studio sends), "
            f"or {TOKEN_VARIABLE} (for /v1), or serve 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _same(secret: str | None, shown: str) -> bool:
    # compare_digest takes as long for a near miss as for a wild guess.
    return secret is not None and compare_digest(secret.encode(), shown.encode("utf-8", "replace"))


def _problem_of(name: str, value: str) -> str | None:
    # Label Studio can send Latin-1 alone, HTTP headers are trimmed, and a colon ends the user.
    if not value:
        return "is set but empty; give it a value, or do not set it"
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        return "has other characters than printable ASCII, or blanks around it"
    if name == USER_VARIABLE and ":" in value:
        return "has a colon, which Basic authentication has no place for"
    return None
