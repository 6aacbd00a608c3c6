"""What subscribers and the network ask for in mid-month: another tariff, an answer, planned works."""

from datetime import timedelta

from sandbox.demo.telecom.company import AIGUL, FAST, RESIDENTS, TIMUR
from sandbox.demo.telecom.front_desk import about, sent_by_shop, typed_by_ann
from sandbox.demo.telecom.scene import Scene
from sandbox.demo.telecom.story_time import workday

TIMURS, AIGULS = "103", "104"
NODE, WORKS = "north-3", "new switch"


async def change_tariff(scene: Scene) -> None:
    """From today on; nothing is overdue, so nobody has to decide."""
    scene.chapter("timur wants to be faster, from today on")
    await typed_by_ann(scene, about(TIMURS, "change_tariff", TIMUR.number, tariff=FAST))
    ann = scene.people["ann"]
    await ann.does(TIMURS, visit="no", first_day=f"{scene.time.local:%Y-%m-%d}")
    await ann.does(TIMURS)
    await scene.phones_ring()


async def answer_request(scene: Scene) -> None:
    """Its category says who answers it, and by when."""
    scene.chapter("aigul writes on the web site that her connection is slow; the crew answers")
    await sent_by_shop(scene, about(AIGULS, "request", AIGUL.number, category="Slow connection", text="Slow at night"))
    await scene.people["karl"].does(AIGULS, answer="A plug was loose; it is as fast as before")
    await scene.phones_ring()


async def announce_works(scene: Scene) -> None:
    """Told to whoever the node serves; then to the same that the day is another one."""
    scene.chapter("the node north-3 gets a new switch; whoever it serves is told, and of the new day, too")
    first = workday(scene.time.local + timedelta(days=1))
    second = workday(first + timedelta(days=1))
    phones = [resident.phone for resident in RESIDENTS if resident.node == NODE]
    scene.office.announces("works-1", WORKS, phones)
    works = ("--works", WORKS, "--node", NODE, "--by", "ann", "--command-id", "works-1")
    await scene.type("announcements", "create", *_hours(first), *works)
    approved = ("--texts", str(len(phones)), "--by", "bob", "--reason", "checked with the crew")
    await scene.type("announcements", "approve", "1", *approved, lines=slice(1))
    await scene.phones_ring()
    scene.office.announces("works-2", WORKS, phones, changes="works-1")
    changed = ("--by", "ann", "--reason", "the crew is ill", "--command-id", "works-2")
    await scene.type("announcements", "correct", "1", *_hours(second), *changed, lines=slice(1))
    await scene.phones_ring()


def _hours(day: object) -> tuple[str, ...]:
    return "--from", f"{day:%Y-%m-%d} 10:00", "--to", "12:00"
