"""The way to a Label Studio server: address, key, SDK, and what can go wrong between."""

import ipaddress
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError
from label_studio_sdk.core.parse_error import ParsingError

from annotation.problems import UserError

URL_VARIABLE = "LABEL_STUDIO_URL"
KEY_VARIABLE = "LABEL_STUDIO_API_KEY"
REQUEST_SECONDS = 120.0
# The SDK sends a request again after an error of the server. An import or an export that reached
# the server must not be sent twice.
ONCE = {"max_retries": 0}
NO_LABEL_STUDIO = (
    f"what answers there does not speak as Label Studio does; put the server's address into "
    f"{URL_VARIABLE}"
)
HALF_CHARACTER = "a text with half a character in it, a lone surrogate, does it"


class ServerProblem(UserError):
    """A server that cannot be reached, refuses, breaks, or does not answer in time."""

    def __init__(self, message: str, *, status: int | None = None, acted: bool = False) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status; None where there was no answer."""
        self.may_have_acted = acted
        """Whether the server may have done, or may still be doing, what it was asked."""


class Connection:
    """A server, a key to it, and the SDK that speaks with it.

    `api_key` is a personal access token or a legacy token. Raises UserError for an address or a key
    that cannot be one; nothing is sent before the first call.
    """

    def __init__(self, url: str, api_key: str, request_seconds: float = REQUEST_SECONDS) -> None:
        self.url = _checked_url(url)
        api_key = _checked_key(api_key)
        # A proxy of the environment is for the outside, not for this machine.
        self._http = httpx.Client(
            timeout=request_seconds, follow_redirects=True, trust_env=not _is_loopback(self.url)
        )
        with self.told("log in"):
            # With the slash at its end the SDK also finds its way below a path.
            self.sdk = LabelStudio(
                base_url=self.url + "/", api_key=api_key, httpx_client=self._http
            )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @contextmanager
    def told(self, doing: str, broken: str | None = None) -> Iterator[None]:
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
            raise ServerProblem(failed + NO_LABEL_STUDIO, status=200, acted=True) from None


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
            return NO_LABEL_STUDIO
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
