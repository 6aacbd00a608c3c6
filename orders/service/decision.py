"""The task by which a person decides whether an order goes on although something is owed."""

from collections.abc import Mapping
from typing import Final

from billing.tasks.forms import Answer, FieldType, Form, FormField

_ALLOW: Final = "allow"
DECISION: Final[Form] = (
    FormField(name=_ALLOW, label="Let the order go on, whatever is owed?", type=FieldType.YES_NO),
    FormField(name="why", label="Why", type=FieldType.TEXT, max=500),
)


def is_allowed(answers: Mapping[str, Answer]) -> bool:
    return answers.get(_ALLOW) is True
