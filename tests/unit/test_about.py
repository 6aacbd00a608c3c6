"""What the Temporal UI says of a workflow: other people's words stay words, and no month is named."""

import pytest

from workflows import about

BAD = "[pay](https://evil.example) <b>"


def test_the_title_of_a_procedure_makes_no_link() -> None:
    summary = about.service_order("1042", "acme", BAD)["static_summary"]
    assert summary.startswith(r"\[pay\]\(https:")
    assert "<b>" not in summary
    assert summary.endswith(": order 1042 of acme")


@pytest.mark.parametrize(
    "shown",
    [
        about.DIGEST,
        about.COMPLETENESS,
        about.RECONCILIATION,
        about.month_of("acme"),
        about.collection_of("acme"),
        about.order("1042", "acme"),
        about.service_order("1042", "acme", "t" * 300),
    ],
    ids=lambda shown: shown["static_summary"][:20],
)
def test_a_summary_fits_into_its_line_and_details_say_how_to_look(shown: about.About) -> None:
    """Temporal takes 400 bytes of a summary."""
    assert len(shown["static_summary"].encode()) <= 400
    assert "\n" not in shown["static_summary"]
    assert "python starter.py" in shown["static_details"] or shown is about.DIGEST
