"""Procedures as tests write them: a small one, and what the check of a file says of it."""

from pathlib import Path

from adapters.procedures import procedure_file
from orders.procedures.checks import Known
from orders.procedures.files import ProcedureFile
from orders.procedures.texts import ProcedureText

KNOWN = Known(departments=("operator", "accounting", "warehouse", "crew"), texts=tuple(ProcedureText))
SHIPPED = Path(__file__).parents[2] / "procedures"
SMALL = """\
name: small
title: A small one
fields:
  - {name: account, label: Account}
  - {name: date, label: Day, required: no}
  - {name: category, label: What about?, options: [Bill, Line]}
fees:
  - {code: visit, title: A visit, amount: 1000 KZT}
steps:
  - name: look
    kind: task
    title: Look
    department: operator
    due: 1d
    form:
      - {name: good, type: yes_no, label: Is it good?}
      - {name: day, type: date, label: When?}
      - {name: note, type: text, label: What else?, required: no}
    next:
      - {when: {look.good: no}, go: bad}
      - {go: pay}
  - name: pay
    kind: payment
    title: The visit is paid
    fee: visit
    expires: 1w
    next:
      - {when: {pay.outcome: expired}, go: bad}
      - {go: prepare}
  - name: prepare
    kind: task
    title: Prepare
    department: warehouse
    due: 1h
    next: work
  - name: work
    kind: task
    title: Work
    department: crew
    due: 4h
    day: look.day
    can_return_to: [prepare]
    next: good
  - {name: good, kind: end, title: Good, outcome: good}
  - {name: bad, kind: end, title: Bad, outcome: bad}
undo: bad
"""


def read(folder: Path, text: str | bytes = SMALL, name: str = "small.yaml") -> ProcedureFile:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return procedure_file(path, KNOWN)


def faults(folder: Path, *changes: tuple[str, str]) -> list[str]:
    """What is said of the small procedure with texts replaced."""
    text = SMALL
    for before, after in changes:
        assert text.count(before) == 1, f"{before!r} is there {text.count(before)} times"
        text = text.replace(before, after)
    return [str(fault) for fault in read(folder, text).faults]
