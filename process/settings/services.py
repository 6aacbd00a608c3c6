"""Settings of service accounts and tasks: who switches them, and how soon; which departments there are."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode

from billing.errors import InvalidInput
from billing.model import Url
from billing.tasks.crews import Crews, read_crews
from billing.tasks.documents import DOCUMENT_MAX_BYTES
from billing.tasks.member import Department, Departments
from billing.tasks.task import DEPARTMENT_OF, TaskKind
from process.settings.types import Secret


def _names(text: object) -> object:
    return tuple(filter(None, (name.strip() for name in text.split(",")))) if isinstance(text, str) else text


def _crews(text: object) -> object:
    """Raises ``ValueError``, as pydantic wants it."""
    try:
        return read_crews(text) if isinstance(text, str) else text
    except InvalidInput as error:
        raise ValueError(str(error)) from None


DepartmentNames = Annotated[Departments, NoDecode, BeforeValidator(_names)]


class ServiceSettings(BaseSettings):
    """The part of ``Settings`` about provisioning, departments and their documents."""

    provisioning_url: Url = ""
    provisioning_secret: Secret = SecretStr("")
    restore_hours: float = Field(3, gt=0, le=720)
    departments: DepartmentNames = ("operator", "accounting", "warehouse", "crew")
    crews: Annotated[Crews, NoDecode, BeforeValidator(_crews)] = ()
    manual_department: Department = DEPARTMENT_OF[TaskKind.ENTER_AMOUNTS]
    document_max_mb: int = Field(DOCUMENT_MAX_BYTES // 10**6, ge=1, le=50)

    @property
    def document_max_bytes(self) -> int:
        return self.document_max_mb * 10**6

    @model_validator(mode="after")
    def _departments_do_what_is_opened(self) -> Self:
        opened = DEPARTMENT_OF | {TaskKind.ENTER_AMOUNTS: self.manual_department}
        if missing := sorted(set(opened.values()) - set(self.departments)):
            raise ValueError(f"BILLING_DEPARTMENTS lacks {', '.join(missing)}, whose tasks billing opens; add it")
        if missing := [crew.name for crew in self.crews if crew.name not in self.departments]:
            raise ValueError(f"BILLING_DEPARTMENTS lacks {', '.join(missing)} of BILLING_CREWS; add it")
        return self

    @property
    def provisioning_secrets(self) -> list[str]:
        """The secrets that sign changes of service; two while one is replaced by the other."""
        return self.provisioning_secret.get_secret_value().split()

    @property
    def restored_within(self) -> timedelta:
        """How long provisioning may take to restore who has paid, before people hear of it."""
        return timedelta(hours=self.restore_hours)
