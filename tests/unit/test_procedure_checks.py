"""Every fault of a procedure is told, with its line, its step and what to do; and all of them at once."""

from pathlib import Path

import pytest

from tests.unit.procedure_files import SMALL, faults, read

GOOD_END = "  - {name: good, kind: end, title: Good, outcome: good}\n"
BAD_END = "  - {name: bad, kind: end, title: Bad, outcome: bad}\n"
WORK = "    can_return_to: [prepare]\n    next: good\n"
UP = "  - {name: a, kind: wait, until: look.day, title: A, next: bad}\n"
AGAIN = """\
  - name: again
    kind: task
    title: Again
    department: crew
    due: 4h
    form: [{name: day, type: date, label: Day}]
    next: wait
"""
CASES = {
    "unknown step": (
        [("next: good\n", "next: god\n")],
        ["line 36, step work: leads to god, which is no step; did you mean good?"],
    ),
    "unknown department": (
        [("department: crew", "department: crews")],
        ["line 36, step work: crews is no department in BILLING_DEPARTMENTS; did you mean crew?"],
    ),
    "loop": (
        [(WORK, "    next: [{when: {look.good: yes}, go: look}, {go: good}]\n")],
        ["line 36, step work: goes round in a loop: look -> pay -> prepare -> work -> look"],
    ),
    "loop of one": (
        [("next: good\n", "next: work\n")],
        ["step work: goes round in a loop: work -> work; to have", "step good: no step leads here"],
    ),
    "dead end": (
        [("    next: good\n", "")],
        ["line 36, step work: is a dead end: write next, the step that follows; or kind: end, if the order ends here"],
    ),
    "upwards": (
        [(GOOD_END + BAD_END, BAD_END + UP + GOOD_END)],
        ["step a: leads up to bad; a procedure runs downwards: move bad below a", "step a: no step leads here"],
    ),
    "unreachable": (
        [(BAD_END, BAD_END + "  - {name: lone, kind: end, title: Lone, outcome: lone}\n")],
        ["line 46, step lone: no step leads here; let a branch lead to it, or take it out"],
    ),
    "branch on a field that no form has": (
        [("{look.good: no}", "{look.god: no}")],
        ["step look: when: look.god is no field of the request and of no form; did you mean look.good?"],
    ),
    "branch on a later form": (
        [("{when: {look.good: no}, go: bad}", "{when: {pay.outcome: settled}, go: bad}")],
        ["step look: when: pay.outcome is not known yet; name a field of the request, or of a form on the way"],
    ),
    "branch on a text": (
        [("{look.good: no}", "{look.note: no}")],
        ["step look: when: look.note is of type text; this takes yes_no or choice"],
    ),
    "branch on no answer": (
        [("{look.good: no}", "{category: Bil}")],
        ["step look: when: category: Bil is no answer; did you mean Bill?"],
    ),
    "last branch with a condition": (
        [("      - {go: pay}\n", "      - {when: {look.good: yes}, go: pay}\n")],
        ["step look: the last branch has a condition; add one without when, for all other cases"],
    ),
    "branch that is never taken": (
        [("      - {when: {look.good: no}, go: bad}\n      - {go: pay}", "      - {go: pay}\n      - {go: bad}")],
        ["step look: the branch to bad is never taken, for the one above it has no condition; move it up"],
    ),
    "no end": (
        [
            (GOOD_END + BAD_END, ""),
            ("next: good\n", "next: work\n"),
            ("look.good: no}, go: bad", "look.good: no}, go: work"),
            ("expired}, go: bad", "expired}, go: work"),
            ("undo: bad", "undo: work"),
        ],
        ["undo: at work", "has no end; add a step with kind: end and its outcome", "goes round in a loop"],
    ),
    "two steps of one name": (
        [("name: good, kind: end", "name: bad, kind: end"), ("next: good\n", "next: bad\n")],
        ["step bad: two steps have this name; rename one of them, and the branches that lead to it"],
    ),
    "two fields of one name": (
        [("{name: note, type: text", "{name: good, type: yes_no")],
        ["step look: form: two fields are named good; rename one of them"],
    ),
    "unknown fee": (
        [("fee: visit", "fee: visits")],
        ["step pay: visits is no fee in fees; did you mean visit?"],
    ),
    "fee that is no amount": (
        [("amount: 1000 KZT", "amount: a lot")],
        ["line 7, fees: no. 1, amount, no. 1: write amounts such as 5000 KZT: 'lot' is not a currency"],
    ),
    "unpaid goes on": (
        [("      - {when: {pay.outcome: expired}, go: bad}\n", "")],
        ["step pay: goes on unpaid when it is expired; add a branch when: {pay.outcome: expired}, go: …"],
    ),
    "unpaid goes on by another branch": (
        [
            (
                "      - {when: {pay.outcome: expired}",
                "      - {when: {look.good: no}, go: prepare}\n      - {when: {pay.outcome: expired}",
            )
        ],
        ["step pay: goes on unpaid when it is expired; add a branch above it when: {pay.outcome: expired}, go: …"],
    ),
    "unpaid goes on in some cases": (
        [("{pay.outcome: expired}, go", "{pay.outcome: expired, look.good: no}, go")],
        ["step pay: goes on unpaid when it is expired; add a branch when: {pay.outcome: expired}, go: …"],
    ),
    "payment for nothing": (
        [("    fee: visit\n", "")],
        ["step pay: write either fee, with the fee's code, or nothing_owed: yes"],
    ),
    "unknown kind": (
        [("kind: payment", "kind: paying")],
        ["step pay: this kind is not known; write one of task, payment, tell, call, billing, wait, end"],
    ),
    "no kind": ([("    kind: payment\n", "")], ["step pay: kind is missing; write one of task, payment, tell"]),
    "misspelled field": (
        [("    due: 4h\n", "    due: 4h\n    retrun_to: look\n")],
        ["step work: retrun_to has no place here; take it out, or see docs/procedures.md"],
    ),
    "missing field": ([("    due: 4h\n", "")], ["step work: due is missing; add it"]),
    "no span": ([("due: 4h", "due: soon")], ["step work: due, within: write a span of time such as 30m, 4h, 2d or 2w"]),
    "too long a span": ([("due: 4h", "due: 60w")], ["step work: due, within: "]),
    "type of a field": (
        [("type: date", "type: day")],
        ["step look: form, no. 2, type: Input should be 'text', 'number'"],
    ),
    "choice without options": (
        [("{name: note, type: text", "{name: note, type: choice")],
        ["step look: form, no. 3: note: a choice has options, and nothing else has"],
    ),
    "a truth where a text is meant": (
        [("title: Work", "title: yes")],
        ["step work: title: this is no text; if it is meant as one, write it in quotation marks"],
    ),
    "name of a step": (
        [("name: work", "name: Work it")],
        ["leads to work, which is no step", "step Work it: name: write small"],
    ),
    "return to what is no task": (
        [("can_return_to: [prepare]", "can_return_to: [pay]")],
        ["step work: can_return_to: pay is no task; name a task above this one"],
    ),
    "return to nowhere": (
        [("can_return_to: [prepare]", "can_return_to: [prepar]")],
        ["step work: can_return_to: prepar is no step; did you mean prepare?"],
    ),
    "return to itself": (
        [("can_return_to: [prepare]", "can_return_to: [work]")],
        ["step work: can_return_to: work does not come before this step; name another"],
    ),
    "day that may be empty": (
        [(WORK, "    next: wait\n  - {name: wait, kind: wait, title: Wait, until: date, next: good}\n")],
        ["step wait: until: date may be empty; make the field required"],
    ),
    "day that is not known on every way": (
        [
            (BAD_END, "  - {name: wait, kind: wait, title: Wait, until: again.day, next: bad}\n" + BAD_END),
            (WORK, WORK + AGAIN),
            ("expired}, go: bad", "expired}, go: again"),
            ("look.good: no}, go: bad", "look.good: no}, go: wait"),
        ],
        ["step wait: until: again.day is not known on every way here; ask for it in a form that all ways go through"],
    ),
    "return above what is charged": (
        [("can_return_to: [prepare]", "can_return_to: [look]")],
        ["step work: can_return_to: look stands above pay, which would charge again; name a task below that"],
    ),
    "day that is a text": (
        [("day: look.day", "day: look.note")],
        ["step work: day: look.note is of type text; this takes date"],
    ),
    "unknown category": (
        [("due: 4h", "due: {within: 4h, by_category: {Lines: 1h}}")],
        ["step work: due, by_category: Lines is no category; did you mean Line?"],
    ),
    "unknown text": (
        [(WORK, "    next: say\n  - {name: say, kind: tell, title: Say, text: conected, next: good}\n")],
        ["step say: conected is no text; did you mean connected?"],
    ),
    "answer that is longer than what a text repeats": (
        [
            (
                WORK,
                "    next: say\n"
                "  - {name: say, kind: tell, title: Say, text: answered, quotes: look.note, next: good}\n",
            )
        ],
        ["step say: quotes: look.note may have 2000 characters; give its field max: 500, or less"],
    ),
    "tariff that nobody is asked for": (
        [(WORK, "    next: bill\n  - {name: bill, kind: billing, title: Bill, action: start, next: good}\n")],
        ["step bill: start needs a tariff; add the field tariff to fields"],
    ),
    "charge of nothing": (
        [(WORK, "    next: bill\n  - {name: bill, kind: billing, title: Bill, action: charge, next: good}\n")],
        ["step bill: a charge needs fee or amount, one of them; other actions have none"],
    ),
    "account that nobody is asked for": (
        [("  - {name: account, label: Account}\n", "")],
        ["step pay: a step of kind payment concerns an account; add the field account or subscriber to fields"],
    ),
    "account and subscriber": (
        [("{name: account, label: Account}", "{name: account, label: A}\n  - {name: subscriber, label: B}")],
        ["fields: a request names an account, or somebody new; take account or subscriber out"],
    ),
    "unknown step in undo": (
        [("undo: bad", "undo: worse")],
        ["undo: leads to worse, which is no step; did you mean work?"],
    ),
    "undo without a limit": (
        [("undo: bad", "undo: work")],
        ["undo: at work an order could be cancelled again; add cancel_until, above it"],
    ),
    "undo above the limit": (
        [("undo: bad", "undo: pay\ncancel_until: work\ncancel_instead: wait")],
        ["line 46, undo: pay stands above work, where orders can be cancelled; move it below"],
    ),
    "no undo": ([("undo: bad", "")], ["undo: is missing; write undo: and the step at which a cancelled order goes on"]),
    "cancel_until alone": ([("undo: bad", "undo: bad\ncancel_until: pay")], ["cancel_instead: is missing; write what"]),
    "unknown cancel_until": (
        [("undo: bad", "undo: bad\ncancel_until: pai\ncancel_instead: wait")],
        ["line 47, cancel_until: pai is no step; did you mean pay?"],
    ),
    "reopened at no task": (
        [("undo: bad", "undo: bad\nreopens: {within: 5d, step: pay}")],
        ["line 47, reopens: pay is no task; write one of look, prepare, work"],
    ),
    "unknown part": (
        [("undo: bad", "undo: bad\nstep: []")],
        ["line 47, step: is no part of a procedure; did you mean st"],
    ),
    "another name than its file": ([("name: small", "name: tiny")], ["name: is tiny, and the file is small.yaml"]),
}


@pytest.mark.parametrize(("changes", "told"), CASES.values(), ids=CASES)
def test_a_fault_is_told_with_its_place_and_what_to_do(
    changes: list[tuple[str, str]], told: list[str], tmp_path: Path
) -> None:
    found = faults(tmp_path, *changes)
    assert len(found) == len(told), found
    for fault, expected in zip(found, told, strict=True):
        assert expected in fault


def test_the_small_one_is_in_order(tmp_path: Path) -> None:
    file = read(tmp_path)
    assert not file.faults
    assert file.procedure is not None
    assert file.procedure.departments == ("operator", "warehouse", "crew")


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Also those of what could be read, beside what could not."""
    found = faults(
        tmp_path,
        ("kind: payment", "kind: paying"),
        ("department: crew", "department: crews"),
        ("look.good: no}, go: bad", "look.god: no}, go: bed"),
        ("type: date", "type: day"),
        ("undo: bad", "undo: worse"),
    )
    told = " | ".join(found)
    for part in ("form, no. 2, type", "this kind is not known", "crews is no department", "worse, which is no step"):
        assert part in told
    assert "no step leads here" not in told  # only because of what could not be read


def test_too_many_steps_are_refused(tmp_path: Path) -> None:
    many = "".join(f"  - {{name: w{n}, kind: wait, title: W, until: look.day, next: good}}\n" for n in range(60))
    text = SMALL.replace(GOOD_END, many + GOOD_END)
    assert any("has 66 steps; a procedure has 60 at most" in str(fault) for fault in read(tmp_path, text).faults)


def test_too_long_a_form_is_refused(tmp_path: Path) -> None:
    fields = "".join(f"      - {{name: f{n}, type: text, label: F}}\n" for n in range(31))
    (fault,) = faults(tmp_path, ("    can_return_to: [prepare]\n", f"    form:\n{fields}"))
    assert "form: 31 fields; a form has 30 at most: split the task" in fault
