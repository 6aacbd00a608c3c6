"""A real browser on the real console: system Chromium, driven by Playwright.

Without Chromium these tests are skipped, unless ``BILLING_BROWSER_REQUIRED`` is set, as CI does. Screenshots of every
page go to ``BILLING_SCREENSHOTS``, by default data/screenshots.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.console.conftest import Desk, console, desk, event

__all__ = ["console", "desk", "event"]

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = Path(os.environ.get("BILLING_SCREENSHOTS", ROOT / "data" / "screenshots"))
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LAPTOP = {"width": 1024, "height": 768}
SCHEMES = ("light", "dark")

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_PATIENCE_MS = 60_000  # where the machine is shared, Chromium may wait long for its turn
_VIOLATIONS = "axe.run({resultTypes: ['violations']}).then(results => results.violations)"
_MISSING = "needs Chromium; on Debian: apt-get install chromium fonts-dejavu-core"

expect.set_options(timeout=_PATIENCE_MS)


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        (pytest.fail if os.environ.get("BILLING_BROWSER_REQUIRED") else pytest.skip)(_MISSING)
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield launched
        await launched.close()


@asynccontextmanager
async def opened(browser: Browser, desk: Desk, **options: Any) -> AsyncIterator[Page]:
    """A page of a browser of its own (cookies and all), which fails the test if a script fails or is refused."""
    context = await browser.new_context(base_url=desk.links.base_url, **{"viewport": DESKTOP} | options)
    context.set_default_timeout(_PATIENCE_MS)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    await context.close()
    assert wrong == []


async def looks_well(page: Page, name: str) -> None:
    """No accessibility violation, at no size and in no colours; and a screenshot of each."""
    found = []
    await page.evaluate(Axe().axe_script)  # once: half a megabyte, and the document stays
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for size in (DESKTOP, PHONE):
            await page.set_viewport_size(size)  # type: ignore[arg-type]
            await page.evaluate("scrollTo(0, 0)")
            which = f"{name}-{scheme}-{'phone' if size is PHONE else 'desktop'}"
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            await page.screenshot(path=SCREENSHOTS / f"{which}.png", full_page=True)
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], f"{which}: scrolls sideways, {width} px wide"
            violations = await page.evaluate(_VIOLATIONS)
            found += [f"{which}: {each['id']}: {each['help']}" for each in violations]
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]
    await page.screenshot(path=SCREENSHOTS / f"{name}-light-laptop.png", full_page=True)
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= LAPTOP["width"], f"{name}: scrolls sideways on a laptop, {width} px wide"
    await page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    assert found == []
