"""Settings of procedures: where they are, and the departments that they may name."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode

from orders.procedures.steps import DepartmentName

_SHIPPED = Path(__file__).parents[1] / "procedures"


def _names(text: object) -> object:
    """``operator, crew`` as names."""
    return tuple(filter(None, (part.strip() for part in text.split(",")))) if isinstance(text, str) else text


DepartmentNames = Annotated[tuple[DepartmentName, ...], Field(max_length=50), NoDecode, BeforeValidator(_names)]


class ProcedureSettings(BaseSettings):
    """The part of ``Settings`` about procedures."""

    departments: DepartmentNames = ("operator", "accounting", "warehouse", "crew")
    procedures: Path | None = None

    @property
    def procedures_folder(self) -> Path:
        """Where the procedures are; those that are shipped, unless a folder is set."""
        return self.procedures or _SHIPPED
