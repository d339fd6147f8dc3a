"""Makes the bundled corpus: reports go into a real Label Studio, and its export is the corpus.

So the main job begins with the very kind of file that users have.
"""

import json
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from annotation.files import open_output
from annotation.formats import read_records
from annotation.formats.label_studio import TASK_FIELD, write_label_studio
from annotation.label_studio_client import LabelStudioClient, Progress
from annotation.label_studio_server import label_studio_server
from annotation.labels import load_labels
from annotation.ledger import Ledger
from annotation.problems import UserError
from annotation.report import Report

PROJECT_TITLE = "Rasd corpus"


def build_corpus(
    reports: Sequence[Report], output: Path, progress: Progress = lambda count: None
) -> None:
    """Write to `output` what Label Studio exports of `reports`, a task a line, in their order.

    Raises UserError when the export does not hold the same reports and spans; `output` is then
    left as it was.
    """
    with TemporaryDirectory(prefix="label-studio-") as folder:
        exported = Path(folder) / "export.json"
        with (
            label_studio_server(Path(folder) / "server") as server,
            LabelStudioClient(server.url, server.account.token) as client,
        ):
            project = client.create_project(PROJECT_TITLE, load_labels())
            client.import_tasks(project, reports_to_tasks(reports), progress=progress)
            client.export_project(project, exported)
        tasks = sorted(json.loads(exported.read_bytes()), key=lambda task: int(task["id"]))
        exported.write_text(tasks_to_text(tasks), "utf-8")
        differences = find_differences(reports, exported)
        if differences:
            told = ["Label Studio did not give back what it was given:", *differences]
            raise UserError("\n".join(told))
        with open_output(output) as stream:
            stream.write(tasks_to_text(tasks))


def reports_to_tasks(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """The tasks that `convert` would write of them: the same report gives the same regions."""
    stream = StringIO()
    write_label_studio(reports, stream, Ledger())
    tasks: list[dict[str, Any]] = json.loads(stream.getvalue())
    return tasks


def tasks_to_text(tasks: Sequence[Mapping[str, Any]]) -> str:
    """A JSON list with a task a line, so that a change of one shows as one."""
    lines = (json.dumps(task, ensure_ascii=False, separators=(",", ":")) for task in tasks)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def find_differences(reports: Sequence[Report], exported: Path) -> list[str]:
    """What the export does not say of `reports`, or says otherwise, or says badly, a line each."""
    with Ledger() as ledger:
        read = list(ledger.sort(read_records([exported])))
    differences = ledger.summary()
    if len(read) != len(reports):
        differences.append(f"{len(read)} reports, expected {len(reports)}")
    for before, after in zip(reports, read, strict=False):
        if (before.id, before.text) != (after.id, after.text):
            differences.append(f"{before.id}: came back as {after.id}, or with another text")
        if before.spans != after.spans:
            differences.append(f"{before.id}: the spans differ")
        if _own_fields(before) != _own_fields(after):
            differences.append(f"{before.id}: the further keys differ")
    return differences


def _own_fields(report: Report) -> dict[str, Any]:
    """What the report carries, without the number of the task it came from."""
    return {key: value for key, value in report.fields.items() if key != TASK_FIELD}
