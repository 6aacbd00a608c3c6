"""Departments, and who acts in them."""

from collections.abc import Iterable
from typing import Annotated, NamedTuple

from pydantic import Field, StringConstraints

from billing.errors import InvalidInput

Department = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,49}$", max_length=50)]
Departments = Annotated[tuple[Department, ...], Field(max_length=50)]


class Member(NamedTuple):
    """Somebody who acts on tasks; ``may_all``: an administrator, who does so for every department."""

    username: str
    departments: tuple[str, ...] = ()
    may_all: bool = False

    def is_of(self, department: str) -> bool:
        return self.may_all or department in self.departments


def known_departments(names: Iterable[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """The departments, each once and sorted. Raises ``InvalidInput`` for one that is not among ``known``."""
    departments = tuple(sorted(set(names)))
    if unknown := [name for name in departments if name not in known]:
        raise InvalidInput(
            f"there is no department {', '.join(unknown)[:200]}; BILLING_DEPARTMENTS has {', '.join(known)}"
        )
    return departments
