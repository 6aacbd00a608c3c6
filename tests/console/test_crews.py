"""A visit on the desk's page: crews are proposed with their visits, and a full day is refused with what to do."""

from datetime import timedelta
from pathlib import Path

from billing.reviewers.users import Role
from billing.tasks.crews import read_crews
from billing.tasks.forms import FieldType, FormField
from settings import Settings
from tests.console.paying import Person
from tests.console.people import office, signed_in_at
from tests.console.reviewing import fields
from tests.contract.task_fixtures import opened
from tests.unit.command_line import NOW

FORM = (
    FormField(name="day", label="Day of the visit", type=FieldType.DATE),
    FormField(name="who", label="Crew", type=FieldType.CREW),
)
DEPARTMENTS = ("operator", "accounting", "warehouse", "crew", "crew-north", "crew-south")
CREWS = read_crews("crew-north=2: north-1; crew-south=1: south-1")
TOMORROW = (NOW + timedelta(days=1)).date()


async def test_a_crew_is_chosen_with_its_visits_in_sight_and_a_full_day_is_refused(tmp_path: Path) -> None:
    async with office(Settings(_env_file=None, data_dir=tmp_path, departments=DEPARTMENTS, crews=CREWS)) as here:
        await opened(here.ledger, "visit", crew="crew-south", visit_on=TOMORROW.isoformat(), department="crew-south")
        task = await opened(here.ledger, "plan", form=FORM, department="operator")
        path = f"/desk/tasks/{task.number}"
        async with signed_in_at(here.url, here.ledger, "olga", Role.STAFF, ("operator",)) as browser:
            olga = Person(browser)
            page = await olga.page(path)
            assert "crew-north: 0 of 2 visits on" in page
            assert "crew-south: 0 of 1 visits on" in page
            form = fields((await browser.get(path)).text, f"{path}/complete")
            typed = form | {"field-day": TOMORROW.isoformat(), "field-who": "crew-south"}
            refused = await olga.post(f"{path}/complete", typed, 409)
            assert f"has 1 of 1 visits on {TOMORROW}" in refused
            assert f"its next free day is {TOMORROW + timedelta(days=1)}" in refused
            assert f"crew-south: 1 of 1 visits on {TOMORROW:%-d %b}" in refused, "of the day that was chosen"
            await olga.post(f"{path}/complete", typed | {"field-who": "crew-north"})
        async with signed_in_at(here.url, here.ledger, "sven", Role.STAFF, ("crew-south",)) as browser:
            assert "Install the equipment" in await Person(browser).page("/desk/tasks", view="departments")
