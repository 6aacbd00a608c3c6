"""What subscribers and the network ask for in mid-month: another tariff, an answer, planned works."""

import json
from datetime import timedelta

from sandbox.demo.telecom.company import AIGUL, FAST, TIMUR
from sandbox.demo.telecom.scene import Scene
from sandbox.demo.telecom.story_time import workday
from sandbox.demo.web_shop import post_order

TIMURS, AIGULS = "103", "104"


async def change_tariff(scene: Scene) -> None:
    """From today on; nothing is overdue, so nobody has to decide."""
    scene.chapter("timur wants to be faster, from today on")
    what = ("--procedure", "change_tariff", "--account", TIMUR.number, "--tariff", FAST, "--by", "ann")
    scene.time.orders.append(TIMURS)
    await scene.type("orders", "open", TIMURS, *what)
    ann = scene.people["ann"]
    await ann.does(TIMURS, visit="no", first_day=f"{scene.time.local:%Y-%m-%d}")
    await ann.does(TIMURS)
    await scene.phones_ring()


async def answer_request(scene: Scene) -> None:
    """Its category says who answers it, and by when."""
    scene.chapter("aigul writes on the web site that her connection is slow; the crew answers")
    asked = {"procedure": "request", "account": AIGUL.number, "category": "Slow connection", "text": "Slow at night"}
    scene.time.orders.append(AIGULS)
    await post_order(scene.stack, json.dumps({"number": AIGULS, **asked}).encode())
    await scene.people["karl"].does(AIGULS, answer="A plug was loose; it is as fast as before")
    await scene.phones_ring()


async def announce_works(scene: Scene) -> None:
    """Told to whoever the node serves; then to the same that the day is another one."""
    scene.chapter("the node north-3 gets a new switch; whoever it serves is told, and of the new day, too")
    first = workday(scene.time.local + timedelta(days=1))
    second = workday(first + timedelta(days=1))
    works = ("--works", "new switch", "--node", "north-3", "--by", "ann")
    await scene.type("announcements", "create", *_hours(first), *works)
    approved = ("--texts", "3", "--by", "bob", "--reason", "checked with the crew")
    await scene.type("announcements", "approve", "1", *approved, lines=slice(1))
    await scene.phones_ring()
    changed = ("--by", "ann", "--reason", "the crew is ill")
    await scene.type("announcements", "correct", "1", *_hours(second), *changed, lines=slice(1))
    await scene.phones_ring()


def _hours(day: object) -> tuple[str, ...]:
    return "--from", f"{day:%Y-%m-%d} 10:00", "--to", "12:00"
