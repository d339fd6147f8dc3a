"""How long Label Studio waits for a whole selection, and what others wait meanwhile.

    python tests/benchmark_serving.py --model runs/embedded/model

A server in a process of its own gets 1,250 tasks of the bundled corpus in one request, as the
action `retrieve_tasks_predictions` sends them. Beside it somebody asks for its health and for the
spans of one report, over and over. Then eight clients ask for one report each. Exit status 1 where
Label Studio would have given up: after 100 s for the selection, 1 s for the health.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

import httpx

from annotation.bundled import CORPUS, HOME
from annotation.formats import read_records
from annotation.labels import labelling_config, load_labels
from annotation.ledger import Ledger

PREDICT_SECONDS = 100
HEALTH_SECONDS = 1
CLIENTS = 8
REQUESTS = 200


def main() -> int:
    """Measure, print, and say whether it was quick enough."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a model folder")
    parser.add_argument("--tasks", type=int, default=1_250)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    with Ledger() as ledger:
        corpus = [report.text for report in ledger.sort(read_records([HOME / CORPUS]))]
    texts = list(islice(cycle(corpus), arguments.tasks))
    with (
        server(arguments.model, arguments.device) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=1_000) as client,
    ):
        done = threading.Event()
        with ThreadPoolExecutor(2) as pool:
            health = pool.submit(ask_over_and_over, url, done, "GET", "/health", None)
            one = pool.submit(
                ask_over_and_over, url, done, "POST", "/v1/predict", {"texts": corpus[:1]}
            )
            seconds, size, regions = ask_for_selection(client, texts)
            done.set()
        characters = sum(map(len, texts))
        print(f"{os.cpu_count()} cores, {arguments.device}, {arguments.model}")
        print(f"{len(texts)} tasks, {characters} characters, {size} bytes in one request")
        print(f"selection          {seconds:8.1f} s, {regions} regions, limit {PREDICT_SECONDS} s")
        print(f"                   {characters / seconds:8.0f} characters/s")
        print(f"health meanwhile   {told(health.result())}, limit {HEALTH_SECONDS} s")
        print(f"one text meanwhile {told(one.result())}")
        started = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            waits = list(pool.map(lambda text: ask_for_one(client, text), corpus[:REQUESTS]))
        rate = len(waits) / (time.perf_counter() - started)
        print(f"{CLIENTS} clients          {told(waits)}; {rate:.1f} requests/s")
    return int(seconds > PREDICT_SECONDS or max(health.result()) > HEALTH_SECONDS)


@contextmanager
def server(model: Path, device: str) -> Iterator[str]:
    """The URL of `inference serve` in a process of its own."""
    command = [sys.executable, "-m", "inference", "serve", "--model", str(model), "--port", "0"]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("RASD_SERVE_")}
    process = subprocess.Popen(
        [*command, "--device", device], stderr=subprocess.PIPE, text=True, cwd=HOME, env=kept
    )
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r" answers at (\S+)", line):
                break
        else:
            raise SystemExit(f"{said}the server ended with status {process.wait()}")
        # Nobody would read on, and a full pipe would stop the server.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield found.group(1)
    finally:
        process.terminate()
        process.wait()


def ask_for_selection(client: httpx.Client, texts: list[str]) -> tuple[float, int, int]:
    """Seconds, the request's bytes, and how many regions came back."""
    tasks = [
        {"id": n, "data": {"text": text, "id": f"r{n}"}, "meta": {}, "annotations": []}
        for n, text in enumerate(texts)
    ]
    config = labelling_config(load_labels())
    body = {"tasks": tasks, "project": "1.1", "label_config": config, "params": {}}
    request = client.build_request("POST", "/predict", json=body)
    started = time.perf_counter()
    answer = client.send(request)
    seconds = time.perf_counter() - started
    results = answer.raise_for_status().json()["results"]
    assert len(results) == len(texts)
    return seconds, len(request.content), sum(len(one["result"]) for one in results)


def ask_over_and_over(
    url: str, done: threading.Event, method: str, path: str, body: object
) -> list[float]:
    """The seconds that each answer took, until `done`."""
    waits = []
    with httpx.Client(base_url=url, trust_env=False, timeout=1_000) as client:
        while not waits or not done.wait(0.25):
            started = time.perf_counter()
            client.request(method, path, json=body).raise_for_status()
            waits.append(time.perf_counter() - started)
    return waits


def ask_for_one(client: httpx.Client, text: str) -> float:
    """The seconds that the answer to one text took."""
    started = time.perf_counter()
    client.post("/v1/predict", json={"texts": [text]}).raise_for_status()
    return time.perf_counter() - started


def told(waits: list[float]) -> str:
    """Median and longest of some waits."""
    return (
        f"{statistics.median(waits):8.3f} s median, {max(waits):.3f} s longest, {len(waits)} asked"
    )


if __name__ == "__main__":
    sys.exit(main())
