"""``procedures``: checks the files, lists them, draws one."""

from pathlib import Path
from typing import Annotated

import typer

from billing.errors import InvalidInput
from bootstrap_procedures import connect_procedures, read_procedures
from cli.terminal.options import AsJson
from cli.terminal.output import complain, counted, print_json, print_table, say, whole
from orders.procedures.files import ProcedureFile, procedure_of
from orders.procedures.procedure import Procedure
from settings import load_settings


def check(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="These, instead of the folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check procedures: every fault of every file, with its line and what to do. Exit code 1 if there is any.

    [bold]Examples[/bold]
    $ python starter.py procedures check
    $ python starter.py procedures check procedures/connect.yaml --json
    """
    checked = read_procedures(load_settings(), files or ())
    if as_json:
        print_json({"ok": not any(file.faults for file in checked), "files": checked})
    else:
        for file in checked:
            _say(file)
    if any(file.faults for file in checked):
        raise typer.Exit(1)


def _say(file: ProcedureFile) -> None:
    for fault in file.faults:
        complain(f"{file.path}: {fault}")
    if file.procedure is not None:
        say(f"{file.path}: {file.procedure.name}, {counted(len(file.procedure.steps), 'step')}, is in order")


def list_(as_json: AsJson = False) -> None:
    """List the procedures, and who has tasks in them.

    [bold]Example[/bold]
    $ python starter.py procedures list
    """
    procedures = [*connect_procedures(load_settings()).values()]
    if as_json:
        print_json({"procedures": procedures})
        return
    columns = (whole("Procedure"), "What it does", whole("Steps", "right"), "Departments", "A request says")
    print_table(columns, procedures, _listed, empty="there are no procedures")


def _listed(procedure: Procedure) -> tuple[str, ...]:
    asked = ", ".join(field.name for field in procedure.fields if field.required)
    return procedure.name, procedure.title, str(len(procedure.steps)), ", ".join(procedure.departments), asked


def draw(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The procedure's name, as in the list.")],
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Write a picture to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Draw a procedure: in the terminal, or as a picture for a browser.

    [bold]Examples[/bold]
    $ python starter.py procedures draw connect
    $ python starter.py procedures draw connect --svg connect.svg
    """
    from wording.pictures.procedure_svg import procedure_svg
    from wording.pictures.procedure_text import procedure_text

    procedure = procedure_of(connect_procedures(load_settings()), name)
    if svg is not None:
        _write(svg, procedure_svg(procedure))
    if as_json:
        print_json(procedure)
    elif svg is not None:
        say(f"{svg} shows {procedure.name}, {counted(len(procedure.steps), 'step')}")
    else:
        for line in procedure_text(procedure):
            say(line)


def _write(path: Path, picture: str) -> None:
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}; name a file that can be written") from None
