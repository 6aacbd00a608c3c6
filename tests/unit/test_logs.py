"""Logs: no message forges a line, none holds an address, and an outside effect says whom it was about."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process.logs import LINE, JsonFormatter, SafeFormatter
from services.effects import log_effect


def formatted(message: str, *arguments: object, error: BaseException | None = None) -> str:
    record = logging.LogRecord("inbound.inbox", logging.WARNING, __file__, 1, message, arguments, None)
    if error is not None:
        record.exc_info = (type(error), error, error.__traceback__)
    return SafeFormatter(LINE).format(record)


@given(st.text())
def test_a_message_is_one_line_whatever_is_in_it(text: str) -> None:
    line = formatted("cs_%s", text)
    assert line.isprintable()
    assert len(line.splitlines()) == 1


@given(st.text())
def test_the_text_of_an_exception_cannot_look_like_a_line_of_the_log(text: str) -> None:
    try:
        raise ValueError(f"no such session: {text}")
    except ValueError as error:
        first, *others = formatted("refused", error=error).splitlines()
    assert first.endswith("refused")
    assert all(line.startswith("    ") for line in others)


@pytest.mark.parametrize(
    "address", ["ann@example.com", "a+b.c@mail.example.co.uk", "kasse@straße.example", "a%40b.io", "a@b.io."]
)
@pytest.mark.parametrize("text", ["{}", "mail to <{}> was refused", "'email': '{}',", "/search?query=email:{}&limit=1"])
def test_no_address_is_in_a_line(address: str, text: str) -> None:
    line = formatted("%s", text.format(address))
    assert address not in line
    assert "(address)" in line
    assert address not in formatted("%s", "x", error=ValueError(text.format(address)))


def test_a_long_word_takes_no_long_time() -> None:
    assert len(formatted("%s", f"{'a' * 1_000_000}@")) > 1_000_000


def test_what_is_no_address_stays() -> None:
    text = "retry @ 10 s: acme, 2026-10, 3 @ 5.00, alert 5@b"
    assert formatted("%s", text).endswith(text)


@pytest.mark.parametrize("text", ["{}", "text to {} refused", "'to': '{}',", "/Messages.json?To={}&PageSize=100"])
@pytest.mark.parametrize("phone", ["+77012345678", "%2B380501234567"])
def test_no_phone_number_is_in_a_line(phone: str, text: str) -> None:
    line = formatted("%s", text.format(phone))
    assert phone not in line
    assert "(phone)" in line


def test_amounts_and_times_are_no_phone_numbers() -> None:
    assert "1+1234567" in formatted("%s", "1+1234567")
    assert "10:00+0200" in formatted("%s", "10:00+0200")


def as_json(message: str, **fields: object) -> dict[str, object]:
    record = logging.LogRecord("services.cashier", logging.INFO, __file__, 1, message, (), None)
    record.__dict__.update(fields)
    line = JsonFormatter().format(record)
    assert len(line.splitlines()) == 1
    shown: dict[str, object] = json.loads(line)
    return shown


def test_an_effect_as_json_has_customer_month_run_and_attempt_as_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        log_effect(logging.getLogger("services"), "charge", "acme", "2026-11", "120.00 EUR: succeeded (pi_1)")
    (record,) = caplog.records
    info = {"attempt": 2, "workflow_id": "monthly-billing-v1-acme", "workflow_run_id": "r-1", "activity_id": "5"}
    fields = {name: vars(record)[name] for name in ("effect", "customer", "about")}
    shown = as_json(f"{record.getMessage()} ({info})", temporal_activity=info, **fields)
    assert shown.pop("at")
    assert shown == {
        "level": "INFO",
        "logger": "services.cashier",
        "message": "charge: acme, 2026-11, 120.00 EUR: succeeded (pi_1)",
        "effect": "charge",
        "customer": "acme",
        "about": "2026-11",
        "workflow": "monthly-billing-v1-acme",
        "run": "r-1",
        "attempt": 2,
    }


@given(st.text())
def test_a_message_as_json_is_one_line_whatever_is_in_it(text: str) -> None:
    assert str(as_json(f"cs_ {text}")["message"]).startswith("cs_ ")


def test_no_address_and_no_phone_number_is_in_json_either() -> None:
    shown = as_json("mail to ann@example.com refused, +77012345678", customer="bob@example.com")
    assert "example.com" not in json.dumps(shown)
    assert "+7701" not in json.dumps(shown)
