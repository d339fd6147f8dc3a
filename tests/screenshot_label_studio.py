"""Takes the picture of Label Studio's annotation page that README shows.

    python tests/screenshot_label_studio.py --output docs/label-studio.png

A report of the bundled corpus with its gold spans, in the real server (`make label-studio-install`)
and a headless Chromium. The picture has 256 colours, so that it stays small.
"""

import argparse
import io
from pathlib import Path
from tempfile import TemporaryDirectory

from annotation_page import AnnotationPage, annotation_page
from chromium import CHROMIUM
from PIL import Image

from annotation.bundled import CORPUS, find_file
from annotation.formats import read_records
from annotation.label_studio_client import LabelStudioClient
from annotation.label_studio_server import label_studio_server
from annotation.labels import load_labels
from annotation.ledger import Ledger
from annotation.push import push_reports

REPORT = "dly-017"
WIDTH, HEIGHT, SCALE = 1180, 640, 1.5
_EDITOR, _BUTTONS = ".lsf-label-view__lsf-container", ".lsf-bottombar"
_BOX = "e => (box => [box.x, box.y, box.width, box.height])(e.getBoundingClientRect())"


def take_screenshot(
    client: LabelStudioClient, page: AnnotationPage, report_id: str = REPORT
) -> Image.Image:
    """The page of a bundled report, in a project made for it."""
    bundled = Ledger().sort(read_records([find_file(CORPUS)]))
    (report,) = (report for report in bundled if report.id == report_id)
    pushed = push_reports(client, [report], Ledger(), labels=load_labels(), title="Reports")
    (task,) = (task.id for task in client.list_tasks(pushed.project))
    page.open(pushed.project, task)
    # Away from the spans, which look otherwise when they are pointed at.
    page.page.mouse.move(0, 0)
    (left, top, width, _), (_, bar_top, _, bar_height) = (
        page.page.locator(part).evaluate(_BOX) for part in (_EDITOR, _BUTTONS)
    )
    shown = {"x": left, "y": top, "width": width, "height": bar_top + bar_height - top}
    taken = page.page.screenshot(clip=shown, animations="disabled")
    return Image.open(io.BytesIO(taken)).convert("RGB").quantize(256, dither=Image.Dither.NONE)


def main() -> None:
    """Take it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("docs/label-studio.png"))
    output = parser.parse_args().output
    if CHROMIUM is None:
        parser.error("no Chromium on this machine: install the system's package chromium")
    with (
        TemporaryDirectory(prefix="label-studio-") as folder,
        label_studio_server(Path(folder)) as studio,
        LabelStudioClient(studio.url, studio.account.token) as client,
        annotation_page(studio, WIDTH, HEIGHT, SCALE) as page,
    ):
        picture = take_screenshot(client, page)
    picture.save(output, "PNG", optimize=True)
    print(f"{output}: {output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
