"""Who may call the server, how much it takes, and where it listens."""

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import (
    CREDENTIALS,
    PASSWORD,
    TOKEN,
    USER,
    Served,
    basic,
    serving,
)

from annotation.labels import labelling_config, load_labels
from annotation.problems import UserError
from inference.predictor import BatchPredictor
from inference.server.access import Credentials, check_reach
from inference.server.serving import ServerSettings, check_settings, serve, taken_address

BEARER = {"Authorization": f"Bearer {TOKEN}"}


# How much


def test_a_request_that_is_too_large_is_refused_with_and_without_its_length(
    predictor: BatchPredictor,
) -> None:
    with serving(predictor, request_bytes=2_000) as served:
        small, large = (json.dumps({"texts": ["x" * size]}).encode() for size in (1_900, 2_000))
        headers = {"Content-Type": "application/json"}

        def post(content: Any) -> httpx.Response:
            return served.client.post("/v1/predict", content=content, headers=headers)

        assert post(small).status_code == 200
        for content in (large, iter([large[:1_000], large[1_000:]])):
            refused = post(content)
            assert refused.status_code == 413
            assert refused.json() == {
                "detail": "the request is larger than 2000 bytes; send fewer texts at once"
            }
        assert post(iter([small[:1_000], small[1_000:]])).status_code == 200


def test_a_sender_that_stops_half_way_is_given_up(predictor: BatchPredictor) -> None:
    with serving(predictor, body_seconds=0.3) as served:
        with socket.create_connection(("127.0.0.1", int(served.url.rsplit(":", 1)[1]))) as slow:
            slow.sendall(
                b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n"
                b'Content-Type: application/json\r\n\r\n{"texts": ['
            )
            slow.settimeout(20)
            assert slow.recv(1_000).startswith(b"HTTP/1.1 408 ")
        assert served.client.post("/v1/predict", json={"texts": []}).status_code == 200


# Who


PATHS = ("/health", "/versions", "/metrics", "/openapi.json", "/nowhere")
CALLERS = [
    ({}, (401, 401, 401, 401, 401)),
    (basic(USER, PASSWORD), (200, 200, 200, 200, 404)),
    ({"Authorization": basic(USER, PASSWORD)["Authorization"].replace("Basic", "bASIC")},
     (200, 200, 200, 200, 404)),
    (BEARER, (401, 401, 200, 200, 404)),
    (basic(USER, PASSWORD + "x"), (401,) * 5),
    (basic(USER, PASSWORD[:-1]), (401,) * 5),
    (basic("other", PASSWORD), (401,) * 5),
    (basic("", ""), (401,) * 5),
    (basic(USER, TOKEN), (401,) * 5),
    ({"Authorization": "Basic"}, (401,) * 5),
    ({"Authorization": "Basic ===="}, (401,) * 5),
    ({"Authorization": "Basic \xff\xfe"}, (401,) * 5),
    ({"Authorization": f"Basic {USER}:{PASSWORD}"}, (401,) * 5),
    ({"Authorization": "Bearer"}, (401,) * 5),
    ({"Authorization": f"Bearer {TOKEN}x"}, (401,) * 5),
    ({"Authorization": f"Bearer {PASSWORD}"}, (401,) * 5),
    ({"Authorization": f"Token {TOKEN}"}, (401,) * 5),
]  # fmt: skip


def test_only_who_shows_the_credentials_comes_in(predictor: BatchPredictor) -> None:
    with serving(predictor, CREDENTIALS) as served:
        for headers, statuses in CALLERS:
            encoded = {key: value.encode("latin-1") for key, value in headers.items()}
            found = tuple(served.client.get(p, headers=encoded).status_code for p in PATHS)
            assert found == statuses, headers
        for path in ("/v1/predict", "/predict", "/setup"):
            assert served.client.post(path, json={"texts": []}).status_code == 401
        allowed = served.client.post("/v1/predict", json={"texts": []}, headers=BEARER)
        assert allowed.status_code == 200
        body = {"tasks": [], "label_config": labelling_config(load_labels())}
        for headers, status in ((BEARER, 401), (basic(USER, PASSWORD), 200)):
            assert served.client.post("/predict", json=body, headers=headers).status_code == status
        challenges = [
            served.client.get(path).headers["WWW-Authenticate"] for path in ("/health", "/metrics")
        ]
    assert challenges == [
        'Basic realm="rasd", charset="UTF-8"',
        'Basic realm="rasd", charset="UTF-8", Bearer realm="rasd"',
    ]


def test_a_stranger_is_refused_before_the_request_is_read(predictor: BatchPredictor) -> None:
    with (
        serving(predictor, CREDENTIALS) as served,
        socket.create_connection(("127.0.0.1", int(served.url.rsplit(":", 1)[1]))) as stranger,
    ):
        stranger.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999999\r\n"
            b"Content-Type: application/json\r\n\r\n{"
        )
        stranger.settimeout(20)
        assert stranger.recv(1_000).startswith(b"HTTP/1.1 401 ")


def test_with_a_token_alone_label_studio_stays_outside(predictor: BatchPredictor) -> None:
    with serving(predictor, Credentials(token=TOKEN)) as served:
        assert served.client.get("/health", headers=BEARER).status_code == 401
        assert served.client.get("/health", headers=basic("None", "None")).status_code == 401
        assert served.client.get("/metrics", headers=BEARER).status_code == 200


def test_an_open_server_answers_no_page_that_got_here_by_another_name(server: Served) -> None:
    for host, status in [
        ("evil.example", 400), ("127.0.0.1.evil.example", 400), ("localhost", 200),
        ("127.0.0.1:1234", 200), ("[::1]:1234", 200),
    ]:  # fmt: skip
        answer = server.client.get("/health", headers={"Host": host})
        assert answer.status_code == status, host
    # A form of a web page can send no JSON without asking first, and it is not allowed to.
    for kind in ({}, {"Content-Type": "text/plain"}):
        form = server.client.post("/v1/predict", content=b'{"texts": []}', headers=kind)
        assert form.status_code == 422
    asked = server.client.options("/v1/predict", headers={"Origin": "http://evil.example"})
    assert asked.status_code == 405 and "access-control-allow-origin" not in asked.headers


PAIR = "{0} is set but {1} is not; expected both or neither"
ODD = "{0} has other characters than printable ASCII, or blanks around it"
ENVIRONMENTS = [
    ({"RASD_SERVE_USER": "a"}, [PAIR.format("RASD_SERVE_USER", "RASD_SERVE_PASSWORD")]),
    ({"RASD_SERVE_PASSWORD": "a"}, [PAIR.format("RASD_SERVE_PASSWORD", "RASD_SERVE_USER")]),
    (
        {"RASD_SERVE_TOKEN": ""},
        ["RASD_SERVE_TOKEN is set but empty; give it a value, or do not set it"],
    ),
    (
        {"RASD_SERVE_USER": "a:b", "RASD_SERVE_PASSWORD": "سر"},
        [
            "RASD_SERVE_USER has a colon, which Basic authentication has no place for",
            ODD.format("RASD_SERVE_PASSWORD"),
        ],
    ),
    (
        {"RASD_SERVE_TOKEN": "a\n", "RASD_SERVE_WEBHOOK_SECRET": " b"},
        [ODD.format("RASD_SERVE_TOKEN"), ODD.format("RASD_SERVE_WEBHOOK_SECRET")],
    ),
]


@pytest.mark.parametrize(("environment", "told"), ENVIRONMENTS)
def test_all_problems_of_the_credentials_are_told_at_once(
    environment: dict[str, str], told: list[str]
) -> None:
    with pytest.raises(UserError) as raised:
        Credentials.from_environment(environment)
    assert str(raised.value).splitlines() == told


def test_credentials_are_read_from_the_environment_and_not_shown() -> None:
    environment = {
        "RASD_SERVE_USER": USER,
        "RASD_SERVE_PASSWORD": PASSWORD,
        "RASD_SERVE_TOKEN": TOKEN,
        "RASD_SERVE_WEBHOOK_SECRET": "hook-55aa",
        "OTHER": "x",
    }
    read = Credentials.from_environment(environment)
    assert read == CREDENTIALS and not read.is_open
    assert repr(read) == f"Credentials(user={USER!r})"
    assert Credentials.from_environment({}).is_open
    assert Credentials.from_environment({"RASD_SERVE_WEBHOOK_SECRET": "x"}).is_open


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True),
        ("0.0.0.0", False), ("::", False), ("192.168.1.5", False), ("", False),
        ("localhost.example.org", False), ("*", False),
    ],
)  # fmt: skip
def test_an_open_server_is_for_this_machine_alone(host: str, loopback: bool) -> None:
    for credentials in (Credentials("a", "b"), Credentials(token="t")):
        check_reach(host, credentials)
    if loopback:
        check_reach(host, Credentials())
        return
    with pytest.raises(UserError, match="RASD_SERVE_USER and RASD_SERVE_PASSWORD") as raised:
        check_reach(host, Credentials(webhook_secret="a"))
    assert str(raised.value).startswith(f"--host {host}: other machines could use the server")


def test_settings_that_cannot_be_are_told_at_once() -> None:
    settings = ServerSettings(port=70_000, request_bytes=0, queue_characters=-1)
    with pytest.raises(UserError) as raised:
        check_settings(settings, Credentials())
    assert str(raised.value).splitlines() == [
        "--request-bytes 0: expected 1 or more",
        "--queue-characters -1: expected 1 or more",
        "--port 70000: expected 0 (any free one) to 65535",
    ]


def test_an_address_that_is_taken_or_not_ours_is_told() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = rf"127\.0\.0\.1:{port} cannot be used: .*in use"
        with pytest.raises(UserError, match=told), taken_address("127.0.0.1", port):
            pass
    with (
        pytest.raises(UserError, match=r"192\.0\.2\.1:9090 cannot be used: "),
        taken_address("192.0.2.1", 9090),
    ):
        pass


def test_nobody_listens_before_the_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []

    def load(folder: Path, **_: object) -> BatchPredictor:
        address = ("127.0.0.1", port)
        with socket.socket() as probe:
            found.append(probe.connect_ex(address) != 0)
        with socket.socket() as other, pytest.raises(OSError):
            other.bind(address)
        raise UserError("loaded enough")

    with taken_address("127.0.0.1", 0) as (free, _):
        port = free.getsockname()[1]
    monkeypatch.setattr(BatchPredictor, "from_pretrained", load)
    with pytest.raises(UserError, match="loaded enough"):
        serve(tmp_path, ServerSettings(port=port), Credentials())
    assert found == [True]


def test_a_model_that_cannot_read_at_all_is_told_before_anyone_connects(tiny_model: Path) -> None:
    broken = BatchPredictor.from_pretrained(tiny_model, device="cpu")

    class NoMemory:
        precision = "exact"

        def run(self, windows: object) -> Any:
            raise RuntimeError("no memory left")

    broken.engine = NoMemory()
    told = "cannot read a first text: .*: no memory left"
    with pytest.raises(UserError, match=told), serving(broken):
        pass
