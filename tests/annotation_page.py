"""Label Studio's annotation page in a headless Chromium, as a person there sees and uses it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chromium import start_chromium

from annotation.label_studio_server import RunningServer
from annotation.report import Span

if TYPE_CHECKING:
    from playwright.sync_api import Page

_WAIT_SECONDS = 60.0
_TEXT = ".lsf-htx-richtext"
_SPAN = ".htx-highlight"
_READ_SPANS = """spans => spans.map(span => ({
    start: Number(span.dataset.start),
    end: Number(span.dataset.end),
    label: span.dataset.label.split(':').at(-1),
    text: span.textContent,
    colour: getComputedStyle(span).backgroundColor,
    boxes: [...span.getClientRects()].map(box => [box.left, box.top, box.right, box.bottom]),
}))"""
_READ_TEXT = """text => ({
    direction: getComputedStyle(text).direction,
    box: (box => [box.left, box.top, box.right, box.bottom])(text.getBoundingClientRect()),
    clipped: [...(function* () { for (let e = text; e; e = e.parentElement) yield e; })()].some(
        e => getComputedStyle(e).overflowX !== 'visible' && e.scrollWidth > e.clientWidth),
})"""
_FIND_WORD = """(text, word) => {
    const nodes = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    for (let node; (node = nodes.nextNode());) {
        const at = node.data.indexOf(word);
        if (at < 0) continue;
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + word.length);
        const box = range.getBoundingClientRect();
        return [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    }
    return null;
}"""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the page, in pixels from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other: "Box", slack: float = 1.0) -> bool:
        """Whether the other one lies inside."""
        return (
            self.left - slack <= other.left <= other.right <= self.right + slack
            and self.top - slack <= other.top <= other.bottom <= self.bottom + slack
        )


@dataclass(frozen=True, slots=True)
class ShownSpan:
    """A coloured span, as the page shows it."""

    span: Span
    text: str
    colour: tuple[int, int, int]
    boxes: tuple[Box, ...]
    """One for each line that it stands on."""


@dataclass(frozen=True, slots=True)
class ShownText:
    """Where the text stands."""

    box: Box
    direction: str
    clipped: bool
    """Whether anything around it hides a part of what is beside it."""


class AnnotationPage:
    """A browser's page, and what can be done there."""

    def __init__(self, page: "Page", studio: RunningServer) -> None:
        self.page = page
        self._studio = studio

    def open(self, project: int, task: int) -> None:
        """Go to a task, through the login if need be, and wait until its spans are there.

        By way of the project's table: at the address of a task, the page asks for the task and for
        the table at once, and where the table comes last, it shows the task without its spans.
        """
        self.page.goto(f"{self._studio.url}/projects/{project}/data")
        if "/user/login" in self.page.url:
            self.page.fill("input[name=email]", self._studio.account.email)
            self.page.fill("input[name=password]", self._studio.account.password)
            self.page.click("button[type=submit]")
        named = self.page.get_by_text(str(task), exact=True)
        self.page.get_by_test_id("table-row").filter(has=named).click()
        self.page.locator(_SPAN).first.wait_for()

    def spans(self) -> list[ShownSpan]:
        """The coloured spans in the order of the text."""
        found: list[dict[str, Any]] = self.page.locator(_SPAN).evaluate_all(_READ_SPANS)
        shown = []
        for one in found:
            red, green, blue = (int(part) for part in re.findall(r"\d+", one["colour"])[:3])
            boxes = tuple(Box(*box) for box in one["boxes"])
            span = Span(one["start"], one["end"], one["label"])
            shown.append(ShownSpan(span, one["text"], (red, green, blue), boxes))
        return shown

    def text(self) -> ShownText:
        """The text that is annotated."""
        found: dict[str, Any] = self.page.locator(_TEXT).evaluate(_READ_TEXT)
        return ShownText(Box(*found["box"]), found["direction"], found["clipped"])

    def mark_word(self, word: str, hotkey: str) -> None:
        """Choose a label by its key, double-click the word, and wait for the span."""
        before = self.page.locator(_SPAN).count()
        self.page.keyboard.press(hotkey)
        self.page.locator(".lsf-label_selected").wait_for()
        x, y = self.page.locator(_TEXT).evaluate(_FIND_WORD, word)
        self.page.mouse.dblclick(x, y)
        self.page.locator(_SPAN).nth(before).wait_for()

    def submit(self) -> None:
        """Press the button, and wait until the server has the annotation."""
        with self.page.expect_response(
            lambda answer: answer.request.method == "POST" and "/annotations" in answer.url
        ) as answered:
            self.page.get_by_role("button", name="Submit current annotation").click()
        assert answered.value.status == 201


@contextmanager
def annotation_page(
    studio: RunningServer, width: int = 1280, height: int = 800, scale: float = 1
) -> Iterator[AnnotationPage]:
    """A fresh browser before `studio`; to all other servers it has no way."""
    from playwright.sync_api import Route

    def pass_on(route: Route) -> None:
        if route.request.url.startswith(studio.url):
            route.continue_()
        else:
            route.abort()

    with start_chromium() as browser:
        context = browser.new_context(
            viewport={"width": width, "height": height}, device_scale_factor=scale
        )
        context.set_default_timeout(_WAIT_SECONDS * 1000)
        context.route("**/*", pass_on)
        yield AnnotationPage(context.new_page(), studio)
