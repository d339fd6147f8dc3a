"""What a person at Label Studio's page sees of pre-annotated reports, and what comes back of it."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from annotation_page import AnnotationPage, Box, annotation_page
from chromium import CHROMIUM
from marked import report

from annotation.formats import read_records
from annotation.formats.label_studio import TASK_FIELD
from annotation.label_studio_client import LabelStudioClient
from annotation.label_studio_server import RunningServer
from annotation.labels import load_labels
from annotation.ledger import Ledger
from annotation.pull import pull_reports
from annotation.push import push_reports
from annotation.pushed_predictions import Predictions
from annotation.report import Report

# Long enough for several lines; what the person adds stands behind an emoji of several characters.
WHOLE = report(
    "🚨 عاجل 🚨 أَعْلَنَتْ [A:وِزَارَةُ الصِّحَّةِ] مقتل [C:12 مدنياً] وإصابة [C:ثلاثة وعشرين] آخرين "
    "بقصف طال أطراف [L:ريف النهرين الشرقي]، وقالت [A:منصة راصد] إن القصف تجدد مساءً على "
    "[L:تل الورد] [L:وحي الزيتون] 👨‍👩‍👧🚑 [L:الميناء] خارج الخدمة.\r\n\r\nونزحت  [C:1,250 عائلة]  "
    "من [L:سهل الرمان] إلى [L:معبر الصفصاف]، بحسب [A:الهلال الأزرق].",
    "page",
)
ADDED = "الميناء"


@pytest.fixture(scope="module")
def page(label_studio: RunningServer) -> Iterator[AnnotationPage]:
    pytest.importorskip("playwright", reason="playwright comes with pip install 'rasd[dev]'")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install the system's package chromium")
    with annotation_page(label_studio) as opened:
        yield opened


def test_pre_annotated_spans_are_seen_accepted_and_added_to_and_come_back_exactly(
    page: AnnotationPage, client: LabelStudioClient, tmp_path: Path
) -> None:
    (added,) = (s for s in WHOLE.spans or () if WHOLE.text[s.start : s.end] == ADDED)
    predicted = tuple(replace(s, score=0.9) for s in WHOLE.spans or () if s != added)
    pushed = push_reports(
        client,
        [replace(WHOLE, spans=None)],
        Ledger(),
        labels=load_labels(),
        title="The page",
        predictions=[Predictions("p", {WHOLE.id: predicted}, "m1")],
    )
    (task,) = (task.id for task in client.list_tasks(pushed.project))
    page.open(pushed.project, task)

    shown, text = page.spans(), page.text()
    assert [one.span for one in shown] == list(predicted)
    for one in shown:
        assert one.text == WHOLE.text[one.span.start : one.span.end]
    colours = {label.name: label.colour for label in load_labels()}
    assert {one.span.label: "#{:02x}{:02x}{:02x}".format(*one.colour) for one in shown} == colours
    assert (text.direction, text.clipped) == ("rtl", False)
    window = page.page.viewport_size
    assert window and Box(0, 0, window["width"], window["height"]).holds(text.box)
    boxes = [box for one in shown for box in one.boxes]
    assert all(text.box.holds(box) for box in boxes)
    assert all(box.right - box.left > 10 and box.bottom - box.top > 10 for box in boxes)
    lines = 1
    for one, following in pairwise(boxes):
        if following.top < one.bottom and one.top < following.bottom:
            assert following.right <= one.left + 1, "what is read later stands further left"
        else:
            assert following.top >= one.bottom, "lines stand apart, below each other"
            lines += 1
    assert lines >= 3

    # The predicted spans are in the annotation that is open: submitting accepts them.
    location = next(label for label in load_labels() if label.name == added.label)
    page.mark_word(ADDED, location.hotkey or "")
    assert [one.span for one in page.spans()] == list(WHOLE.spans or ())
    page.submit()
    output = tmp_path / "pulled.jsonl"
    pulled = pull_reports(client, pushed.project, output)
    assert pulled.ledger.summary() == []
    (back,) = (record for record in read_records([output]) if isinstance(record, Report))
    assert replace(back, fields={}) == WHOLE
    assert back.fields == {TASK_FIELD: task}
