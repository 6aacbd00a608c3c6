"""The benchmark's figures: ratios are those of neighbours in time, costs without the stand-ins."""

import pytest

from benchmarks.report import Turn, as_json, print_report


def turn(contender: str, seconds: float, worker_ms: float, customers: int = 10) -> Turn:
    return Turn(
        contender=contender,
        customers=customers,
        months=customers,
        seconds=seconds,
        processor_ms={"worker": worker_ms, "stand-ins": 500.0},
        requests={"Sheets": 2, "Stripe": 40},
        billed=customers,
        history={"events": 40},
    )


TURNS = [turn("bare", 1, 50), turn("product", 2, 100), turn("bare", 8, 60), turn("product", 8, 60)]
GROWTH = [turn("product", 2, 100, 10), turn("product", 40, 110, 100)]


def test_ratios_compare_turns_of_the_same_round() -> None:
    (ratio,) = as_json(TURNS, [])["ratios"]
    assert ratio == {"of": "product", "over": "bare", "months_a_second": 0.75, "months_a_core_second": 0.667}


def test_the_table_has_ratios_and_growth(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(TURNS, GROWTH)
    shown = capsys.readouterr().out
    assert "product over bare: 0.75 in months a second" in shown
    assert "1.10" in shown
    assert "4.0 requests to Stripe" in shown


def test_growth_alone_can_be_measured() -> None:
    assert as_json([], GROWTH)["ratios"] == []
