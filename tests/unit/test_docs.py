"""What the documents name exists, and every command, setting and term is documented."""

import re
from datetime import time
from pathlib import Path

import pytest
import typer.main
from pydantic import BaseModel, SecretStr

from billing.customers.customer import Terms
from billing.customers.schedule import Schedule
from cli.app import app
from settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]


def test_every_command_is_in_the_documents_and_nothing_else_is() -> None:
    table = (ROOT / "docs" / "commands.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert documented == set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_files_exist(document: Path) -> None:
    folders = "|".join(path.name for path in ROOT.iterdir() if (path / "__init__.py").exists())
    for path in re.findall(rf"`((?:{folders}|docs|tests)/[\w./*]*)`", document.read_text()):
        assert list(ROOT.glob(path)), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", document.read_text(), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_variables_are_documented(document: Path) -> None:
    example = (ROOT / ".env.example").read_text()
    for name in set(re.findall(r"\b(?:BILLING|TEMPORAL|POSTGRES)_[A-Z_]+", document.read_text())):
        assert name in example, name


def _table(document: str, heading: str = "") -> dict[str, str]:
    """The first two columns of a table: names and their defaults."""
    text = (ROOT / "docs" / document).read_text().partition(heading)[2] if heading else ""
    text = (text or (ROOT / "docs" / document).read_text()).partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| `?([^`|]*?)`? \|", text, re.MULTILINE))


def _defaults(kind: type[BaseModel], prefix: str = "") -> dict[str, str]:
    fields = kind.model_fields.items()
    return {f"{prefix}{name}": _shown(field.get_default(call_default_factory=True)) for name, field in fields}


def _shown(default: object) -> str:
    if default is None or isinstance(default, BaseModel | SecretStr):
        return ""
    if isinstance(default, tuple | dict):
        return ", ".join(map(str, default))
    return f"{default:%H:%M}" if isinstance(default, time) else str(default)


def test_every_setting_is_in_its_table_with_its_default() -> None:
    documented = {name.lower(): default for name, default in _table("settings.md").items()}
    assert documented == _defaults(Settings, "billing_")


def test_every_term_is_in_its_table_with_its_default() -> None:
    assert _table("terms.md") == _defaults(Terms)
    assert _table("terms.md", "## Schedule") == _defaults(Schedule)


def test_the_index_leads_to_every_document() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    assert [
        path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md" and path.name not in index
    ] == []


def test_every_picture_is_taken_by_the_script_and_shown_somewhere() -> None:
    images = ROOT / "docs" / "images"
    script = (images / "take.py").read_text().partition("PICTURES:")[2].partition("\n)\n")[0]
    taken = {f"{name.replace('_', '-')}.png" for name in re.findall(r"^    (\w+),$", script, re.MULTILINE)}
    assert {path.name for path in images.glob("*.png")} == taken
    shown = "".join(document.read_text() for document in DOCUMENTS)
    assert [name for name in taken if f"images/{name}" not in shown] == []


def test_what_subscribers_expect_has_its_command_or_page() -> None:
    everything = typer.main.get_command(app)
    table = (ROOT / "docs" / "subscribers.md").read_text().partition("company expect\n")[2]
    rows = re.findall(r"^\| .* \|$", table, re.MULTILINE)[2:]
    assert len(rows) >= 18
    for row in rows:
        named = [words.split() for words in re.findall(r"`([a-z][^`]*)`", row)]
        commands = [words for words in named if words[0] in everything.commands]  # type: ignore[attr-defined]
        assert commands or "page " in row.lower(), row
        for words in commands:
            assert _leads_to(everything, words), words


def _leads_to(command: object, words: list[str]) -> bool:
    """Whether the words name a command, with options of it after them or none."""
    for word in words:
        if not hasattr(command, "commands"):
            return word.startswith("-")
        if word not in command.commands:
            return False
        command = command.commands[word]
    return not hasattr(command, "commands")
