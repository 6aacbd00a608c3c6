"""The files that procedures are kept in, as an adapter has read them."""

from collections.abc import Iterable

from billing.errors import InvalidInput, NotFound
from billing.model import Few, Line, Model
from orders.procedures.draft import Fault, meant
from orders.procedures.procedure import Procedure

_TOLD = 10  # of many faults


class ProcedureFile(Model):
    """A file, by its path, and the procedure in it. None: it has ``faults``."""

    path: Line
    procedure: Procedure | None = None
    faults: Few[Fault] = ()


def procedures_of(files: Iterable[ProcedureFile]) -> dict[str, Procedure]:
    """The procedures by name. Raises ``InvalidInput``, which names the first faults, if any file has one."""
    files = list(files)
    faults = [f"{file.path}: {fault}" for file in files for fault in file.faults]
    if faults:
        more = f"; and {len(faults) - _TOLD} more: python starter.py procedures check" if len(faults) > _TOLD else ""
        raise InvalidInput("; ".join(faults[:_TOLD]) + more)
    return {file.procedure.name: file.procedure for file in files if file.procedure is not None}


def procedure_of(procedures: dict[str, Procedure], name: str) -> Procedure:
    """Raises ``NotFound``, which names the procedures that there are."""
    if name not in procedures:
        raise NotFound(f"there is no procedure {name!r}; {meant(name, [*procedures])}")
    return procedures[name]
