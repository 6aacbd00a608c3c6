"""Composition of procedures: from settings to the files they are read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orders.procedures.checks import Known
    from orders.procedures.files import ProcedureFile
    from orders.procedures.procedure import Procedure
    from settings import Settings


def connect_procedures(settings: Settings) -> dict[str, Procedure]:
    """The procedures by name. Raises ``InvalidInput``, which names what is wrong with any of them."""
    from orders.procedures.files import procedures_of

    return procedures_of(read_procedures(settings))


def read_procedures(settings: Settings, paths: Sequence[Path] = ()) -> list[ProcedureFile]:
    """The files at ``paths``, or all of the folder, each with its procedure or what is wrong with it."""
    from adapters.procedures import procedure_file, procedure_files

    known = _known(settings)
    if paths:
        return [procedure_file(path, known) for path in paths]
    return procedure_files(settings.procedures_folder, known)


def _known(settings: Settings) -> Known:
    from orders.procedures.checks import Known
    from orders.procedures.texts import ProcedureText

    return Known(departments=settings.departments, texts=tuple(ProcedureText))
