"""The page of an evaluation in a browser, as a reader sees and works it."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from chromium import needs_chromium, open_file, start_chromium
from playwright.sync_api import expect
from seeded_errors import SCORES, seed_errors
from test_training_evaluate_page import HOSTILE

from annotation.formats import write_reports
from annotation.report import Report, Span
from training.evaluate import Besides, evaluate_predictions

pytestmark = needs_chromium

MARKS = """() => [...document.querySelectorAll('.passage .side')].map(side => ({
    side: side.getBoundingClientRect().toJSON(),
    dir: getComputedStyle(side.querySelector('.text')).direction,
    clips: getComputedStyle(side.querySelector('.text')).overflow,
    card: side.closest('.report').getBoundingClientRect().toJSON(),
    marks: [...side.querySelectorAll('.span')].map(mark => {
        const tag = mark.querySelector('.tag');
        const words = document.createRange();
        words.selectNode(mark.firstChild);
        const lefts = [...words.getClientRects()].map(box => box.left);
        return {
            start: Number(mark.dataset.start),
            isolated: getComputedStyle(mark).unicodeBidi,
            boxes: [...mark.getClientRects()].map(box => box.toJSON()),
            wordsLeft: Math.min(...lefts),
            tag: tag && tag.getBoundingClientRect().toJSON(),
        };
    }),
}))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with start_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the bundled held-out reports with seeded errors."""
    folder = tmp_path_factory.mktemp("page")
    seeded = seed_errors()
    write_reports(seeded.gold, folder / "gold.jsonl")
    write_reports(seeded.predicted, folder / "found.jsonl", format="predictions")
    besides = Besides(project="http://localhost:8080/projects/7")
    gold = str(folder / "gold.jsonl")
    evaluate_predictions(folder / "found.jsonl", gold, folder / "out", besides=besides)
    return folder / "out" / "evaluation.html"


def told(page: Any) -> tuple[int, int]:
    """How many spans in how many reports the page says to show."""
    text = page.locator("#count").inner_text().replace(",", "")
    found = re.fullmatch(r"(\d+) (?:errors?|spans?) in (\d+) of 90 reports", text)
    assert found, text
    return int(found[1]), int(found[2])


def keep_only(page: Any, group: str, *kept: str) -> None:
    """Set the chips of a group."""
    for chip in page.locator(f"#{group} .chip").all():
        name = chip.locator("bdi").inner_text()
        chip.locator("input").set_checked(name in kept)


# How it looks


@pytest.mark.parametrize(
    ("size", "scheme"), [("wide", "light"), ("wide", "dark"), ("phone", "light")]
)
def test_arabic_spans_are_unclipped_and_run_from_right_to_left(
    size: Any, scheme: Any, browser: Any, page_file: Path, tmp_path: Path
) -> None:
    with open_file(browser, page_file, size, scheme) as opened:
        page = opened.page
        page.locator("#reports").evaluate("section => section.scrollIntoView()")
        page.wait_for_selector("article.report")
        # For people to look at: --basetemp says where.
        page.screenshot(path=tmp_path / f"{size}-{scheme}.png")
        # Cards out of sight are laid out only when they come into it.
        page.evaluate(
            "for (const card of document.querySelectorAll('.report'))"
            " card.style.contentVisibility = 'visible'"
        )
        sides = page.evaluate(MARKS)
        assert len(sides) > 40
        assert sum(len(side["marks"]) for side in sides) > 200
        tagged = 0
        for side in sides:
            assert (side["dir"], side["clips"]) == ("rtl", "visible")
            for mark in side["marks"]:
                assert mark["isolated"] == "isolate"
                for box in mark["boxes"]:
                    assert box["width"] > 3 and box["height"] > 10
                    assert side["side"]["left"] <= box["left"]
                    assert box["right"] <= side["side"]["right"]
                    assert side["card"]["top"] <= box["top"]
                    assert box["bottom"] <= side["card"]["bottom"]
                if mark["tag"] and len(mark["boxes"]) == 1:
                    tagged += 1
                    assert mark["tag"]["right"] <= mark["wordsLeft"] + 1, "behind its words"
            for one, next_one in pairwise(side["marks"]):
                assert one["start"] < next_one["start"]
                ends, begins = one["boxes"][-1], next_one["boxes"][0]
                if abs(ends["top"] - begins["top"]) < 8:
                    assert begins["right"] <= ends["left"] + 1, "further on is further left"
                else:
                    assert ends["top"] < begins["top"], "or further down"
        assert tagged > 20

        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"], "nothing hangs over the page's edge"
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness = sum(map(int, re.findall(r"\d+", ground)[:3])) / 3
        assert brightness < 60 if scheme == "dark" else brightness > 200
        assert opened.asked == [page_file.as_uri()]
        assert opened.complaints == []


def test_gold_and_predictions_stand_side_by_side_and_on_a_phone_below_each_other(
    browser: Any, page_file: Path
) -> None:
    for size in ("wide", "phone"):
        with open_file(browser, page_file, size) as opened:
            passage = opened.page.locator(".passage").first
            gold, predicted = (
                passage.locator(f".side.{name}").bounding_box() for name in ("gold", "predicted")
            )
            if size == "wide":
                assert gold["y"] == predicted["y"]
                assert gold["x"] + gold["width"] <= predicted["x"] + 1
            else:
                assert gold["x"] == predicted["x"]
                assert gold["y"] + gold["height"] <= predicted["y"] + 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_written_stands_out_from_its_ground(
    scheme: Any, browser: Any, page_file: Path
) -> None:
    """At least 4.5 to 1, as WCAG 2.2 asks for, on the marks and the page's own words."""
    script = """selectors => {
        const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
        const rgb = colours => {
            for (const colour of colours) {
                canvas.fillStyle = colour;
                canvas.fillRect(0, 0, 1, 1);
            }
            return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
        };
        const light = rgb => rgb.map(c => c / 255)
            .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const contrast = element => {
            const grounds = [];
            for (let at = element; at; at = at.parentElement)
                grounds.unshift(getComputedStyle(at).backgroundColor);
            const under = light(rgb(grounds));
            const over = light(rgb([...grounds, getComputedStyle(element).color]));
            return (Math.max(over, under) + 0.05) / (Math.min(over, under) + 0.05);
        };
        return selectors.flatMap(selector =>
            [...document.querySelectorAll(selector)].map(one => [selector, contrast(one)]));
    }"""
    selectors = [".tag", ".tag b", ".tag i", ".span", ".hint", ".subject", ".chip span", ".range"]
    selectors += [".side-name", ".confusion button", ".confusion small", "a", "thead th", ".cut"]
    selectors += [".mistakes button", ".mistakes .meaning", ".mistakes .labels", ".review p"]
    selectors += [".thresholds .chosen td", ".review label"]
    with open_file(browser, page_file, scheme=scheme) as opened:
        found = opened.page.evaluate(script, selectors)
        assert {selector for selector, _ in found} == set(selectors)
        low = {(selector, round(ratio, 2)) for selector, ratio in found if ratio < 4.5}
        assert not low


# How it works


def test_filters_show_what_passes_them(browser: Any, page_file: Path) -> None:
    seeded = seed_errors()
    errors = sum(seeded.errors.values())
    with open_file(browser, page_file) as opened:
        page = opened.page
        assert told(page)[0] == errors
        assert page.locator("article.report").count() == 20, "a page of the list, not all"

        for kind, name in (("missed", "missed"), ("boundary", "boundary"), ("label", "label")):
            keep_only(page, "kinds", name)
            assert told(page)[0] == seeded.errors[kind]
            classes = page.eval_on_selector_all(
                ".span:not(.quiet)", "all => all.map(one => one.className)"
            )
            assert classes and all(f"error kind-{kind}" in one for one in classes)

        keep_only(page, "kinds", "missed")
        keep_only(page, "labels", "COUNT")
        by_hand = sum(
            span.label == "COUNT"
            and not any(s.start < span.end and span.start < s.end for s in found)
            for report, other in zip(seeded.gold, seeded.predicted, strict=True)
            for found in [other.spans or ()]
            for span in report.spans or ()
        )
        assert by_hand > 3
        assert told(page)[0] == by_hand

        page.get_by_role("button", name="Reset").click()
        assert told(page)[0] == errors
        page.get_by_label("Source", exact=True).select_option("cor")
        of_source = told(page)
        page.get_by_label("Source", exact=True).select_option("dly")
        assert of_source[0] + told(page)[0] == errors
        assert all(
            name.startswith("dly") for name in page.locator("article.report h3").all_text_contents()
        )

        page.get_by_role("button", name="Reset").click()
        page.get_by_label("from", exact=True).fill(str(SCORES["boundary"] - 0.05))
        page.get_by_label("to", exact=True).fill(str(SCORES["boundary"] + 0.05))
        expect(page.locator("#count")).to_contain_text(f"{seeded.errors['boundary']} errors in")
        assert page.locator(".tag i").first.text_content() == f"{SCORES['boundary']:.2f}"

        page.get_by_role("button", name="Reset").click()
        page.get_by_label("Words or id", exact=True).fill(seeded.gold[0].id)
        expect(page.locator("article.report")).to_have_count(1)
        assert told(page)[1] == 1
        assert page.locator("article.report h3").text_content() == seeded.gold[0].id
        page.get_by_label("Words or id", exact=True).fill("لا يوجد هذا في أي تقرير")
        page.wait_for_selector(".nobody")
        assert told(page) == (0, 0)
        assert opened.asked == [page_file.as_uri()]
        assert opened.complaints == []


def test_the_order_can_be_by_matches_or_by_score(browser: Any, page_file: Path) -> None:
    with open_file(browser, page_file) as opened:
        page = opened.page
        names = page.locator("article.report h3").all_text_contents()
        assert names == sorted(names), "as in the file"
        page.get_by_label("Order", exact=True).select_option("errors")
        counts = [
            int(re.search(r"(\d+) errors?", text)[1])  # type: ignore[index]
            for text in page.locator("article.report header").all_text_contents()
        ]
        assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1]
        page.get_by_label("Order", exact=True).select_option("doubtful")
        assert "spurious" in page.locator("article.report").first.text_content()


def test_a_cell_of_the_confusion_table_leads_to_its_reports(browser: Any, page_file: Path) -> None:
    with open_file(browser, page_file) as opened:
        page = opened.page
        cell = page.locator(".confusion button[data-gold='0'][data-predicted='2']")
        spans = int(cell.inner_text())
        cell.click()
        assert told(page)[0] == spans > 0
        chip = page.locator("#pair")
        assert chip.inner_text().startswith("gold ACTOR, predicted LOCATION")
        sides = {
            name: set(page.locator(f".side.{name} .span:not(.quiet) .tag").all_text_contents())
            for name in ("gold", "predicted")
        }
        assert all("ACTOR" in tag for tag in sides["gold"]) and sides["gold"]
        assert all("LOCATION" in tag for tag in sides["predicted"])
        chip.click()
        assert told(page)[0] == sum(seed_errors().errors.values())
        assert not chip.is_visible()


def test_a_kind_of_mistake_leads_to_its_reports(browser: Any, page_file: Path) -> None:
    with open_file(browser, page_file) as opened:
        page = opened.page
        rows = page.locator(".mistakes tbody tr")
        counts = [int(text) for text in rows.locator("button").all_inner_texts()]
        assert sum(counts) == sum(seed_errors().errors.values())
        assert counts == sorted(counts, reverse=True)
        # The filters are as somebody left them: the number beside a kind is all of it.
        keep_only(page, "kinds", "right")
        page.get_by_label("Source", exact=True).select_option("cor")
        name = rows.nth(1).locator(".kind-name").inner_text()
        rows.nth(1).locator("button").click()
        assert told(page)[0] == counts[1]
        chosen = page.locator("#mistake option:checked").inner_text()
        assert chosen == f"{name} ({counts[1]})"
        assert page.locator("#source").input_value() == ""
        page.get_by_label("Kind of mistake", exact=True).select_option(label="all kinds")
        assert told(page)[0] == sum(counts)
        page.get_by_label("Kind of mistake", exact=True).select_option(index=1)
        assert told(page)[0] == counts[0]
        page.get_by_role("button", name="Reset").click()
        assert told(page)[0] == sum(counts)
        assert page.locator("#mistake").input_value() == "-1"
        assert opened.complaints == []


def test_what_scores_below_a_threshold_is_listed_by_keyboard(browser: Any, page_file: Path) -> None:
    seeded = seed_errors()
    doubtful = {"both", "spurious"}
    below = sum(seeded.errors[kind] for kind in doubtful)
    right = sum(span.score == SCORES["right"] for one in seeded.predicted for span in one.spans)
    gold = sum(len(report.spans) for report in seeded.gold)
    kept = right + seeded.errors["boundary"] + seeded.errors["label"]
    with open_file(browser, page_file) as opened:
        page = opened.page
        told_of_cut = page.locator("#cut-told")
        reports = sum(any(span.score < 0.5 for span in report.spans) for report in seeded.predicted)
        expected = f"{below} spans in {reports} reports to look at; the {kept:,} others with "
        expected += f"precision {right / kept:.3f}, recall {right / gold:.3f}."
        assert told_of_cut.inner_text() == expected
        row = page.locator(".thresholds tr.chosen")
        assert row.locator("th").inner_text() == "0.50"
        shown = row.locator("td").all_inner_texts()
        assert shown[:2] == [f"{right / kept:.3f}", f"{right / gold:.3f}"]
        assert shown[3:] == [f"{kept:,}", f"{right:,}"]

        page.locator("#cut").focus()
        page.keyboard.press("Enter")
        assert told(page) == (below, reports)
        scores = [float(text) for text in page.locator(".tag i").all_text_contents()]
        assert set(scores) == {SCORES[kind] for kind in doubtful}
        chip = page.locator("#below")
        assert chip.inner_text().startswith("to review: below 0.5")
        first = page.locator("article.report").first.locator(".tag i").all_text_contents()
        assert str(SCORES["spurious"]) in {text.rstrip("0") for text in first}, "the least sure"

        # All spans below a higher one, right ones too.
        page.locator("#cut").fill("0.98")
        page.locator("#show-review").click()
        assert told(page)[0] == below + kept
        page.locator("#cut").fill("0")
        assert page.locator("#show-review").is_disabled()
        assert told_of_cut.inner_text().startswith("0 spans in 0 reports to look at")
        chip.focus()
        page.keyboard.press("Enter")
        assert told(page)[0] == sum(seeded.errors.values())
        assert not chip.is_visible()
        assert opened.complaints == []


def test_pages_of_the_list_are_turned(browser: Any, page_file: Path) -> None:
    with open_file(browser, page_file) as opened:
        page = opened.page
        pages = -(-told(page)[1] // 20)
        assert page.locator("#where").inner_text() == f"page 1 of {pages}"
        assert page.get_by_role("button", name="Previous").is_disabled()
        first = page.locator("article.report h3").all_text_contents()
        seen = [*first]
        for number in range(2, pages + 1):
            page.get_by_role("button", name="Next").click()
            assert page.locator("#where").inner_text() == f"page {number} of {pages}"
            seen += page.locator("article.report h3").all_text_contents()
        assert len(seen) == len(set(seen)) == told(page)[1]
        assert page.get_by_role("button", name="Next").is_disabled()


def test_a_report_opens_whole_and_closes_again(browser: Any, page_file: Path) -> None:
    texts = {report.id: report.text for report in seed_errors().gold}
    with open_file(browser, page_file) as opened:
        page = opened.page
        card = page.locator("article.report", has=page.locator("button.more")).first
        text = texts[card.locator("h3").text_content()]
        button = card.locator("button.more")
        assert button.get_attribute("aria-expanded") == "false"
        assert card.locator(".cut").count() > 0
        button.click()
        assert button.get_attribute("aria-expanded") == "true"
        assert card.locator(".cut").count() == 0
        shown = card.locator(".gold .text").evaluate(
            "side => { const copy = side.cloneNode(true);"
            " copy.querySelectorAll('.tag').forEach(tag => tag.remove()); return copy.textContent }"
        )
        assert shown == text, "every character, tags apart"
        button.click()
        assert card.locator(".cut").count() > 0


def test_the_keyboard_reaches_everything_in_order(browser: Any, page_file: Path) -> None:
    focused = (
        "(() => { const e = document.activeElement; return [e.tagName, e.id || e.innerText] })()"
    )
    with open_file(browser, page_file) as opened:
        page = opened.page
        page.keyboard.press("Tab")
        assert page.evaluate(focused) == ["A", "Skip to the reports"]
        box = page.locator(".skip").bounding_box()
        assert box["y"] >= 0, "it comes into sight"
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate(focused) == ["SUMMARY", "Filters"]
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.parentElement.innerText").startswith("right")
        ring = "getComputedStyle(document.activeElement.nextElementSibling).outlineStyle"
        assert page.evaluate(ring) == "solid"
        errors = seed_errors().errors
        spans = sum(len(report.spans or ()) for report in seed_errors().gold) + errors["spurious"]
        page.keyboard.press("Space")
        assert told(page)[0] == spans, "the right ones come on top"
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert told(page)[0] == spans - errors["missed"]
        # Everything that can be worked gets its turn, and shows that it has it.
        reached = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.add(
                page.evaluate("document.activeElement.id || document.activeElement.className")
            )
        worked = {"mistake", "source", "low", "high", "words", "order", "whole", "plain", "task"}
        assert worked <= reached
        names = page.evaluate(
            "[...document.querySelectorAll('input, select, button, a')]"
            ".filter(e => !(e.hidden || e.getAttribute('aria-label') || e.textContent.trim() ||"
            " e.labels?.length)).map(e => e.outerHTML)"
        )
        assert names == [], "nothing is without a name"
        assert page.locator("#count").get_attribute("role") == "status"


def test_tasks_are_linked_where_the_project_is_known(browser: Any, page_file: Path) -> None:
    tasks = {report.id: report.fields["label_studio_task"] for report in seed_errors().gold}
    with open_file(browser, page_file) as opened:
        links = opened.page.locator("article.report").evaluate_all(
            "cards => cards.map(card => [card.querySelector('h3').textContent,"
            " card.querySelector('a.task').href, card.querySelector('a.task').rel])"
        )
        assert len(links) == 20
        for id, address, rel in links:
            assert address == f"http://localhost:8080/projects/7/data?task={tasks[id]}"
            assert rel == "noopener noreferrer"


# What may stand in reports


def test_hostile_texts_are_shown_as_they_are(browser: Any, tmp_path: Path) -> None:
    gold = []
    for number, hostile in enumerate(HOSTILE):
        text = f"{hostile} قوات"
        span = Span(len(text) - 4, len(text), f"<i>{number}")
        gold.append(Report(f"{number} {hostile}", text, (span,), {"source": hostile}))
    write_reports(gold, tmp_path / "gold.jsonl")
    (tmp_path / "found.jsonl").write_text("", encoding="utf-8")
    evaluate_predictions(tmp_path / "found.jsonl", str(tmp_path / "gold.jsonl"), tmp_path / "out")
    file = tmp_path / "out" / "evaluation.html"
    with open_file(browser, file) as opened:
        page = opened.page
        assert page.locator("article.report").count() == len(HOSTILE)
        shown = page.locator(".side.predicted .text").evaluate_all(
            "sides => sides.map(side => side.textContent)"
        )
        assert shown == [report.text for report in gold]
        assert page.locator("img").count() == 0
        assert page.locator(".text b").count() == page.locator(".tag > b").count()
        assert page.evaluate("window.hacked") is None
        assert page.locator(".none-predicted").count() == len(HOSTILE)
        assert (opened.asked, opened.complaints) == ([file.as_uri()], [])


def test_text_without_arabic_and_spans_beyond_the_text_are_shown(
    browser: Any, tmp_path: Path
) -> None:
    gold = [Report("latin", "Clashes near Hol camp.", (Span(13, 21, "LOCATION"),))]
    write_reports(gold, tmp_path / "gold.jsonl")
    (tmp_path / "found.jsonl").write_text(
        '{"id": "latin", "spans": [{"start": 13, "end": 90, "label": "LOCATION", "score": 0.5}]}\n',
        encoding="utf-8",
    )
    evaluate_predictions(tmp_path / "found.jsonl", str(tmp_path / "gold.jsonl"), tmp_path / "out")
    with open_file(browser, tmp_path / "out" / "evaluation.html") as opened:
        page = opened.page
        assert page.locator(".text[dir='ltr']").count() == 2
        assert page.locator(".outside").text_content() == (
            "predicted LOCATION 13–90 ends behind the text of 22 characters"
        )
        assert page.locator(".predicted .span").evaluate("m => m.firstChild.data") == "Hol camp."
        assert opened.complaints == []
