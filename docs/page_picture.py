"""The picture of the live page in the README: ``python docs/page_picture.py RUN`` (a folder of ``klopf demo``).

Takes Playwright and Chromium; writes ``docs/page.png``, of 256 colours.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

WIDTH, HEIGHT = 1280, 860
SECONDS = 60


def main() -> None:
    """Draw it."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    folder, out = Path(sys.argv[1]), Path(__file__).with_name("page.png")
    command = [str(Path(sys.executable).with_name("klopf")), "page", str(folder), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        with sync_playwright() as started:
            browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", locale="en")
            page.goto(process.stdout.readline().strip())
            for _ in range(10 * SECONDS):
                if page.inner_text("#where").endswith("live"):
                    break
                page.wait_for_timeout(100)
            page.wait_for_timeout(8_000)  # the picture comes to rest
            shot = page.screenshot()
            browser.close()
    finally:
        process.terminate()
        process.wait()
    Image.open(io.BytesIO(shot)).convert("P", palette=Image.Palette.ADAPTIVE, colors=256).save(out, optimize=True)
    print(f"{out}: {out.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
