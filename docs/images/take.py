"""Takes the pictures of this folder from a running demo, in Chromium: ``make screenshots``.

It starts ``demo --serve`` in a folder of its own, does what the pictures show by clicks, and ends the demo. Each
picture is a function below, named like its file; ``tests/unit/test_docs.py`` compares both.
"""

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.async_api import Browser, Page, async_playwright

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
START_SECONDS = 300
DESKTOP, PHONE, TEMPORAL = {"width": 1200, "height": 760}, {"width": 390, "height": 844}, {"width": 1560, "height": 720}
EDITED = "bergson"  # whose sheet has a typo, which the demo corrects


class Demo(NamedTuple):
    """Where the demo is reached, and the password of everybody in it."""

    console: str
    password: str


Picture = Callable[[Browser, Demo], Awaitable[None]]


async def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="billing-pictures-"))
    try:
        async with running(folder) as demo, async_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            for picture in PICTURES:
                await picture(browser, demo)
                print(f"docs/images/{file_of(picture)}")
            await browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Demo]:
    """A demo that has stopped while drafts are monitored."""
    demo = folder / "demo"
    command = [sys.executable, str(ROOT / "starter.py"), "demo", "--serve", "--data-dir", str(demo)]
    with (folder / "demo.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL, stdout=log, cwd=ROOT)
    try:
        async with asyncio.timeout(START_SECONDS):
            while not (variables := demo / "environment.sh").exists():
                if process.returncode is not None:
                    raise SystemExit(f"the demo has ended:\n{(folder / 'demo.log').read_text()}")
                await asyncio.sleep(0.5)
        port = re.search(r"BILLING_CONSOLE_PORT=(\d+)", variables.read_text())
        assert port, variables.read_text()
        yield Demo(f"http://127.0.0.1:{port[1]}", (demo / "console-password").read_text())
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()


@asynccontextmanager
async def signed_in(browser: Browser, demo: Demo, name: str, size: Any = DESKTOP) -> AsyncIterator[Page]:
    context = await browser.new_context(base_url=demo.console, viewport=size, timezone_id="UTC", color_scheme="light")
    page = await context.new_page()
    await page.goto("/desk")
    await page.get_by_label("User name").fill(name)
    await page.get_by_label("Password").fill(demo.password)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Sign out").wait_for()
    yield page
    await context.close()


async def console_month(browser: Browser, demo: Demo) -> None:
    async with signed_in(browser, demo, "carol") as page:
        await taken(page, console_month)


async def console_invoices(browser: Browser, demo: Demo) -> None:
    async with signed_in(browser, demo, "carol") as page:
        await page.get_by_role("link", name="Invoices", exact=True).click()
        await page.get_by_role("table").first.wait_for()
        await taken(page, console_invoices)


async def console_invoice(browser: Browser, demo: Demo) -> None:
    async with signed_in(browser, demo, "bob") as page:
        await page.goto(await invoice_of(page, EDITED))
        await taken(page, console_invoice, whole=True)


async def console_edit(browser: Browser, demo: Demo) -> None:
    async with signed_in(browser, demo, "ann") as page:
        await page.goto(f"{await invoice_of(page, EDITED)}/edit")
        await page.locator("input.num").first.fill("470.00")
        await taken(page, console_edit, whole=True)


async def console_stale(browser: Browser, demo: Demo) -> None:
    """Two edit the same version; the second is shown what the first has done."""
    async with signed_in(browser, demo, "ann") as ann, signed_in(browser, demo, "bob") as bob:
        address = f"{await invoice_of(ann, EDITED)}/edit"
        for page in (ann, bob):
            await page.goto(address)
        await saves(ann, "475.00", "agreed by phone")
        await ann.get_by_text("Done.").wait_for()
        await saves(bob, "465.00", "discount for two weeks")
        await bob.get_by_role("heading", name="This invoice has changed").wait_for()
        await taken(bob, console_stale, whole=True)


async def console_phone(browser: Browser, demo: Demo) -> None:
    async with signed_in(browser, demo, "carol", PHONE) as page:
        await page.goto(await invoice_of(page, EDITED))
        await taken(page, console_phone)


async def temporal_ui(browser: Browser, demo: Demo) -> None:
    async with signed_in(browser, demo, "carol", TEMPORAL) as page:
        await page.goto(await invoice_of(page, "quito"))
        run = await page.get_by_role("link", name="Open the run in Temporal").get_attribute("href")
        assert run
        await page.goto(run)
        await page.get_by_text("User Metadata").click()
        await page.get_by_text("Current Details").wait_for()
        async with asyncio.timeout(120):
            while not await is_in_a_frame(page, "A person is needed"):
                await page.keyboard.press("r")  # the page asks the workflow for them only then
                await page.wait_for_timeout(10_000)
        await taken(page, temporal_ui)


async def is_in_a_frame(page: Page, words: str) -> bool:
    """Markdown has frames of its own there."""
    return any([await frame.get_by_text(words).first.is_visible() for frame in page.frames])


async def console_brake(browser: Browser, demo: Demo) -> None:
    """Last, for it stops everything."""
    async with signed_in(browser, demo, "carol") as page:
        await page.goto("/desk/brake")
        await page.get_by_label("Reason").fill("prices of last year in the sheet")
        await page.get_by_role("button", name="Pull the brake").click()
        await page.get_by_role("button", name="Stop everything now").click()
        await page.get_by_role("heading", name="Nothing is announced or charged").wait_for()
        await taken(page, console_brake)


PICTURES: tuple[Picture, ...] = (
    console_month,
    console_invoices,
    console_phone,
    console_invoice,
    console_edit,
    console_stale,
    temporal_ui,
    console_brake,
)


async def saves(page: Page, amount: str, reason: str) -> None:
    await page.locator("input.num").first.fill(amount)
    await page.get_by_label("Reason").fill(reason)
    await page.get_by_role("button", name="Save the changes").click()


async def invoice_of(page: Page, customer: str) -> str:
    """The address of the customer's invoice of the month that the desk shows."""
    await page.goto("/desk")
    month = re.search(r"/desk/(20\d\d-\d\d)", page.url)
    assert month, page.url
    return f"/desk/{month[1]}/invoices/{customer}"


async def taken(page: Page, picture: Picture, whole: bool = False) -> None:
    await page.screenshot(path=HERE / file_of(picture), full_page=whole)


def file_of(picture: Picture) -> str:
    """``console_month`` is ``console-month.png``."""
    return f"{picture.__name__.replace('_', '-')}.png"


if __name__ == "__main__":
    os.chdir(ROOT)
    asyncio.run(main())
