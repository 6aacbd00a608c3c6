"""Files of procedures are read strictly: what YAML can beyond that is refused, with the line."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.procedures import BYTES_MAX, procedure_file, procedure_files
from billing.errors import InvalidInput, NotFound
from billing.texts.text import TextKind
from orders.procedures.files import procedure_of, procedures_of
from orders.procedures.steps import Branch, TaskStep
from orders.procedures.texts import ProcedureText
from tests.unit.procedure_files import KNOWN, SHIPPED, SMALL, faults, read

BOMB = "a: &a [x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no parts; begin with name, title and steps"),
        ("- a\n- b\n", "has no parts; begin with name, title and steps"),
        (BOMB + SMALL, "line 1: has an alias (& or *), which is not taken; write the text out"),
        ("a: *b\n", "line 1: has an alias (& or *), which is not taken"),
        ("name: !!python/object/apply:os.system [true]\n", "line 1: has a tag (!), which is not taken"),
        ("name: !!str small\n", "line 1: has a tag (!), which is not taken"),
        ("name: small\n  title: x\n", "line 2: cannot be read as YAML: mapping values are not allowed"),
        ("name: small\n---\nname: other\n", "line 2: cannot be read as YAML: but found another document"),
        ("name: 'small\n", "cannot be read as YAML: found unexpected end of stream"),
        ("? [a]\n: b\n", "line 1: this name is no text; write a word, then a colon"),
        ("a: " + "[" * 30 + "]" * 30 + "\n", "line 1: is nested too deeply; check the indentation"),
        ("a: " + "[" * 90_000, "line 1: cannot be read as YAML: exceeded maximum nesting depth"),
        ("name: sm\x07all\n", "characters that nobody sees"),
        (b"name: \xff\n", "line 1: this is not UTF-8; save the file as UTF-8"),
        ("#" * (BYTES_MAX + 1), "has more than 200 kB; a procedure is a page or two: split it"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_line(text: str | bytes, told: str, tmp_path: Path) -> None:
    file = read(tmp_path, text)
    assert file.procedure is None
    assert told in str(file.faults[0])


def test_a_name_that_is_written_twice_is_refused_with_every_line(tmp_path: Path) -> None:
    found = faults(tmp_path, ("due: 4h", "due: 4h\n    due: 5h"), ("title: A small one", "title: A\ntitle: B"))
    assert found == [
        "line 3: title is written twice; take one out",
        "line 42: due is written twice; take one out",
    ]


def test_values_are_what_an_office_means(tmp_path: Path) -> None:
    """``on`` is a word, and ``4:30`` no number of seconds; yes and no are answers unless quoted."""
    text = SMALL.replace("title: Work", "title: on").replace("title: Good", 'title: "yes"').replace("Bad,", "4:30,")
    file = read(tmp_path, text)
    assert file.procedure is not None, file.faults
    titles = {step.name: step.title for step in file.procedure.steps}
    assert (titles["work"], titles["good"], titles["bad"]) == ("on", "yes", "4:30")
    look = file.procedure.step("look")
    assert isinstance(look, TaskStep)
    assert look.next[0] == Branch(go="bad", when={"look.good": (False,)})


def test_a_byte_order_mark_and_windows_lines_are_taken(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode()).procedure is not None


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    (fault,) = procedure_file(tmp_path / "none.yaml", KNOWN).faults
    assert str(fault) == "cannot be read: No such file or directory; check its name and permissions"
    with pytest.raises(InvalidInput, match="is no folder; name the one with your procedures by BILLING_PROCEDURES"):
        procedure_files(tmp_path / "none", KNOWN)


def test_a_folder_has_its_procedures_by_name(tmp_path: Path) -> None:
    read(tmp_path)
    read(tmp_path, SMALL.replace("name: small", "name: other"), "other.yaml")
    (tmp_path / "notes.txt").write_text("no procedure")
    procedures = procedures_of(procedure_files(tmp_path, KNOWN))
    assert [*procedures] == ["other", "small"]
    assert procedure_of(procedures, "small").title == "A small one"
    with pytest.raises(NotFound, match=r"there is no procedure 'smal'; did you mean small\?"):
        procedure_of(procedures, "smal")


def test_another_ending_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    read(tmp_path, name="small.yml")
    with pytest.raises(InvalidInput, match=r"the file is small\.yml; rename the file to small\.yaml"):
        procedures_of(procedure_files(tmp_path, KNOWN))


def test_one_faulty_file_is_told_with_its_faults(tmp_path: Path) -> None:
    read(tmp_path)
    read(
        tmp_path,
        SMALL.replace("name: small", "name: other").replace("department: crew", "department: crev"),
        "other.yaml",
    )
    with pytest.raises(
        InvalidInput,
        match=r"other\.yaml: line 36, step work: crev is no department in BILLING_DEPARTMENTS; did you mean crew",
    ):
        procedures_of(procedure_files(tmp_path, KNOWN))


@pytest.mark.parametrize("path", sorted(SHIPPED.iterdir()), ids=lambda path: path.stem)
def test_every_shipped_procedure_is_in_order(path: Path) -> None:
    file = procedure_file(path, KNOWN)
    assert not file.faults
    assert file.procedure is not None


def test_every_text_of_a_step_is_one_that_customers_get() -> None:
    assert {*map(str, ProcedureText)} <= {*map(str, TextKind)}


def test_the_example_in_the_documents_is_in_order(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (SHIPPED.parent / "docs" / "procedures.md").read_text(), re.DOTALL)
    assert not read(tmp_path, example, "visit.yaml").faults


@given(st.data())
def test_whatever_a_slip_makes_of_a_file_it_is_in_order_or_its_faults_are_told(data: st.DataObject) -> None:
    """Lines that are missing, twice, elsewhere or of another depth; words in the place of others."""
    lines = SMALL.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        other = lines[data.draw(st.integers(0, len(lines) - 1))]
        slip = data.draw(st.sampled_from(["drop", "double", "move", "indent", "replace", "cut"]))
        if slip == "drop":
            lines[place] = ""
        elif slip in ("double", "move"):
            lines.insert(place, other)
        elif slip == "indent":
            lines[place] = "  " + lines[place]
        elif slip == "replace":
            value = data.draw(st.sampled_from(["5", "[]", "{}", "yes", "x", "[[a]]", "null", "{a: b}", "- a", "''"]))
            lines[place] = f"{lines[place].partition(':')[0]}: {value}"
        else:
            lines[place] = lines[place][: data.draw(st.integers(0, len(lines[place])))]
    with TemporaryDirectory() as folder:
        file = read(Path(folder), "\n".join(lines))
    assert (file.procedure is None) == bool(file.faults)
    assert all(fault.text for fault in file.faults)
