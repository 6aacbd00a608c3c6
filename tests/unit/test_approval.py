"""Nobody approves what they have edited themselves, and an approval is for the draft that was looked at."""

import pytest

from billing.invoices.stages import Stage
from tests.unit.months import accepted, announced, drafted, refused
from tests.unit.reviewing import ADD, APPROVE, NOW


def test_an_edit_voids_the_approval() -> None:
    month = drafted(10000, terms=APPROVE)
    assert month.invoice is not None
    month = accepted(month, "approve", NOW, digest=month.invoice.digest)
    assert month.approval is not None
    assert accepted(month, "edit", NOW, **ADD).approval is None


def test_an_approval_is_refused_where_it_is_not_asked_for_or_not_of_this_draft() -> None:
    assert "needs no approval" in refused(drafted(1), "approve", NOW, digest="x")
    month = drafted(10000, terms=APPROVE)
    assert refused(month, "approve", NOW, digest="x") == (
        "this approves another version, but version 1 as imported (100.00 EUR) is current; look at it and approve again"
    )
    unreadable = drafted(1, unreadable=True, terms=APPROVE)
    assert "cannot be read" in refused(unreadable, "approve", NOW, digest=unreadable.invoice.digest)  # type: ignore[union-attr]


def test_the_last_editor_cannot_approve() -> None:
    month = accepted(drafted(10000, terms=APPROVE), "edit", NOW, **ADD)
    assert month.invoice is not None
    digest = month.invoice.digest
    assert refused(month, "approve", NOW, digest=digest) == (
        "ann has edited this draft since it was approved or imported; somebody else has to approve it"
    )
    assert accepted(month, "approve", NOW, by="ben", digest=digest).approval is not None


def test_the_last_editor_cannot_approve_under_another_spelling() -> None:
    month = accepted(drafted(10000, terms=APPROVE), "edit", NOW, **ADD)
    assert month.invoice is not None
    assert "somebody else" in refused(month, "approve", NOW, by="Ann", digest=month.invoice.digest)


@pytest.mark.parametrize("typed", ["BOB", "b\u200bob", "\N{FULLWIDTH LATIN SMALL LETTER B}ob"])
def test_an_editor_who_types_the_name_in_another_way_does_not_approve(typed: str) -> None:
    month = accepted(drafted(10000, terms=APPROVE), "edit", NOW, by="bob", **ADD)
    assert month.invoice is not None
    assert "somebody else has to approve it" in refused(month, "approve", NOW, by=typed, digest=month.invoice.digest)


def test_nobody_who_has_edited_since_the_import_approves_however_little_came_after() -> None:
    month = accepted(drafted(10000, terms=APPROVE), "edit", NOW, by="bob", **ADD)
    small = {"version": 2, "changes": [{"op": "add", "description": "Rounding", "amount_minor": 1}]}
    month = accepted(month, "edit", NOW, by="carol", **small)
    assert month.invoice is not None
    digest = month.invoice.digest
    for editor in ("bob", "Bob", "carol"):
        assert "has edited this draft since" in refused(month, "approve", NOW, by=editor, digest=digest)
    assert accepted(month, "approve", NOW, by="ann", digest=digest).approval is not None


def test_an_approval_answers_for_the_edits_before_it() -> None:
    month = accepted(drafted(10000, terms=APPROVE), "edit", NOW, by="bob", **ADD)
    assert month.invoice is not None
    month = accepted(month, "approve", NOW, by="ann", digest=month.invoice.digest)
    month = accepted(month, "edit", NOW, by="ann", **ADD | {"version": 2})
    assert month.invoice is not None
    assert month.editors == ("ann",)
    assert accepted(month, "approve", NOW, by="bob", digest=month.invoice.digest).approval is not None


def test_an_editor_does_not_approve_again_what_somebody_else_has_approved() -> None:
    month = accepted(drafted(10000, terms=APPROVE), "edit", NOW, by="bob", **ADD)
    assert month.invoice is not None
    digest = month.invoice.digest
    month = accepted(month, "approve", NOW, by="ann", digest=digest)
    assert "somebody else has to approve it" in refused(month, "approve", NOW, by="bob", digest=digest)


def test_an_edit_alone_demands_an_approval_where_the_terms_say_so() -> None:
    month = drafted(10000, terms={"approve_when": ["edited"]})
    assert "needs no approval" in refused(month, "approve", NOW, by="ann", digest="x")
    assert month.stage(month.notice_at) is Stage.MONITORING
    edited = accepted(month, "edit", NOW, by="bob", **ADD)
    assert edited.invoice is not None
    assert edited.stage(edited.notice_at) is Stage.AWAITING_APPROVAL
    assert "somebody else" in refused(edited, "approve", NOW, by="bob", digest=edited.invoice.digest)
    approved = accepted(edited, "approve", NOW, by="ann", digest=edited.invoice.digest)
    assert approved.stage(approved.notice_at) is Stage.MONITORING
    told = announced(10000, terms={"approve_when": ["edited"]})
    assert accepted(told, "edit", NOW, **ADD).stage(NOW) is Stage.AWAITING_APPROVAL
