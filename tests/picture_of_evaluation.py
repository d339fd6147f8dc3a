"""Make the picture of an evaluation's page that README shows.

    python tests/picture_of_evaluation.py runs/embedded docs/evaluation.png

It opens `evaluation.html` of the folder in headless Chromium, leaves out the sections between the
figures and the reports, and keeps as many colours as fit into 250 kB. Needs chromium.
"""

import io
import sys
from pathlib import Path

from chromium import CHROMIUM, open_file, start_chromium
from PIL import Image

HEIGHT = 1480
BYTES = 250_000
LEFT_OUT = ("errors", "scores", "slices", "record")


def take_picture(page_file: Path) -> bytes:
    """The page's figures and first reports as a PNG."""
    with start_chromium() as browser, open_file(browser, page_file) as opened:
        page = opened.page
        page.wait_for_selector("article.report")
        for section in LEFT_OUT:
            page.locator(f"#{section}").evaluate("section => { section.hidden = true; }")
        page.set_viewport_size({"width": 1280, "height": HEIGHT})
        picture: bytes = page.screenshot()
        return picture


def shrink(picture: bytes, most: int = BYTES) -> bytes:
    """The PNG with a palette of the most colours that `most` bytes hold."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in (256, 128, 64, 32, 16):
        packed = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
        if len(packed.getvalue()) <= most:
            return packed.getvalue()
    raise SystemExit(f"the picture takes more than {most:,} bytes even in 16 colours")


def main(folder: str, output: str) -> None:
    """Write the picture of an evaluation folder."""
    file = Path(folder).resolve() / "evaluation.html"
    if not file.is_file():
        raise SystemExit(f"{file}: no such file; expected the folder of an evaluation")
    if CHROMIUM is None:
        raise SystemExit("chromium is not installed; on Debian: apt-get install chromium")
    picture = shrink(take_picture(file))
    Path(output).write_bytes(picture)
    print(f"{output}: {len(picture):,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(f"usage: {sys.argv[0]} EVALUATION_FOLDER PICTURE.png")
    main(*sys.argv[1:])
