"""Takes a picture of a page's first screen; `make screenshot` calls it."""

import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from chromium import chromium_binary

SIZE = {"width": 1280, "height": 510}
NUM_COLORS = 128
"""Enough for text and bars, in a third of the bytes."""

if __name__ == "__main__":
    page_file, image = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_binary())
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(page_file.as_uri())
        image.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=image)
        browser.close()
    picture = Image.open(image).convert("RGB").quantize(NUM_COLORS, dither=Image.Dither.NONE)
    picture.save(image, optimize=True)
