"""Texts: how many segments they have, and that every language's say what they have to in one."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from billing.customers.links import PaymentLinks
from billing.errors import InvalidInput
from billing.texts.latin import latin
from billing.texts.segments import Alphabet, foreign_characters, measure
from billing.texts.text import ConsequenceKind, Language, TextFacts, TextKind
from orders.procedures.texts import ProcedureText
from wording.texts import LONGEST, OF_OWN_PAGE, TextWording, check_typed


@pytest.mark.parametrize(
    ("text", "alphabet", "places", "segments"),
    [
        ("a" * 160, Alphabet.GSM_7, 160, 1),
        ("a" * 161, Alphabet.GSM_7, 161, 2),
        ("a" * 306, Alphabet.GSM_7, 306, 2),
        ("a" * 307, Alphabet.GSM_7, 307, 3),
        ("€" * 80, Alphabet.GSM_7, 160, 1),
        ("a" * 159 + "€", Alphabet.GSM_7, 161, 2),
        ("a" * 152 + "€" + "a" * 152, Alphabet.GSM_7, 306, 3),  # the escape does not stay behind
        ("д" * 70, Alphabet.UCS_2, 70, 1),
        ("д" * 71, Alphabet.UCS_2, 71, 2),
        ("a" * 69 + "д", Alphabet.UCS_2, 70, 1),
        ("😀" * 35, Alphabet.UCS_2, 70, 1),
        ("д" * 66 + "😀" + "д" * 66, Alphabet.UCS_2, 134, 3),
        ("^{}\\[~]|", Alphabet.GSM_7, 16, 1),
        ("ç", Alphabet.UCS_2, 1, 1),
    ],
)
def test_segments_are_counted(text: str, alphabet: Alphabet, places: int, segments: int) -> None:
    assert measure(text)[:3] == (alphabet, places, segments)


@given(st.text())
def test_a_text_fits_into_its_segments_and_not_into_fewer(text: str) -> None:
    measured = measure(text)
    assert measured.places <= measured.room
    assert measured.segments == 1 or measured.places > measured.room - 2 * measured.room // measured.segments
    assert (measured.alphabet is Alphabet.GSM_7) == (not foreign_characters(text))


OF_WORKS = (TextKind.WORKS, TextKind.WORKS_CHANGED, TextKind.WORKS_CANCELLED)


@pytest.mark.parametrize("in_latin", [False, True])
@pytest.mark.parametrize("language", Language)
def test_every_text_of_every_language_has_one_segment(language: Language, in_latin: bool) -> None:
    for checked in TextWording(language=language, latin=in_latin, pay="Kaspi.kz").checked():
        assert checked.measure.segments == 1
        assert checked.measure.alphabet is Alphabet.GSM_7 or (language is not Language.ENGLISH and not in_latin)
        says = "30" if checked.kind in OF_WORKS else LONGEST.account
        assert says in checked.example


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", [TextKind.BILL, TextKind.REMINDER, TextKind.WARNING, TextKind.SUSPENDED])
def test_whoever_has_to_pay_reads_how_much_for_which_account_and_where(language: Language, kind: TextKind) -> None:
    text = TextWording(language=language, pay="Kaspi").text(kind, LONGEST.evolve(action=ConsequenceKind.SUSPEND))
    for part in ("99999.99 KZT", "1234567897", "Kaspi"):
        assert part in text


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", [TextKind.PAY_FEE, TextKind.PAY_DEBT])
def test_who_has_to_pay_for_an_order_gets_a_link_which_may_take_another_segment(
    language: Language, kind: TextKind
) -> None:
    link = "https://billing.example.com/fee/100042.AbCdEfGhIjKlMnOp"
    wording = TextWording(language=language, pay="Kaspi")
    (checked,) = [each for each in wording.checked(link) if each.kind is kind]
    assert checked.example.endswith(f"Kaspi {link}")
    assert checked.measure.segments <= 2
    assert link not in wording.mail(kind, LONGEST.evolve(link=link))[1]


PAGE = PaymentLinks("https://pay.acme.kz", "a secret").to_own_page("acme", LONGEST.account)
"""Of usual length."""


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", OF_OWN_PAGE)
def test_who_has_to_pay_gets_the_address_of_their_page_in_one_segment(language: Language, kind: TextKind) -> None:
    wording = TextWording(language=language)
    (checked,) = [each for each in wording.checked(page=PAGE) if each.kind is kind]
    assert checked.measure.segments == 1
    assert checked.example.endswith(f" {PAGE}")
    assert checked.example.count(PAGE) == 1
    assert "99999.99 KZT" in checked.example
    for more in ({"latin": True}, {"segments": 2}):
        (checked,) = [each for each in wording.evolve(**more).checked(page=PAGE) if each.kind is kind]
        assert PAGE in checked.example
        assert LONGEST.account in checked.example, "there is room for it"


@pytest.mark.parametrize("language", Language)
def test_words_of_where_to_pay_stay_and_the_page_is_added_where_there_is_room(language: Language) -> None:
    for checked in TextWording(language=language, pay="Kaspi").checked(page=PAGE):
        assert checked.measure.segments == 1
        if checked.kind in OF_OWN_PAGE:
            assert "Kaspi" in checked.example
            assert LONGEST.account in checked.example
            assert (PAGE in checked.example) == (language is Language.ENGLISH)


def test_a_template_of_ones_own_names_the_page_itself_or_as_where_to_pay() -> None:
    facts = LONGEST.evolve(link=PAGE)
    for template in ("Pay {amount}: {link}", "Pay {amount}: {pay}"):
        wording = TextWording(templates={TextKind.BILL: template})
        assert wording.text(TextKind.BILL, facts) == f"Pay 99999.99 KZT: {PAGE}"
    both = TextWording(templates={TextKind.BILL: "{pay} {link}"})
    assert both.text(TextKind.BILL, facts) == PAGE
    assert both.evolve(pay="Kaspi").text(TextKind.BILL, facts) == f"Kaspi {PAGE}"


def test_an_address_that_is_too_long_for_one_segment_is_no_fault_of_the_settings_but_is_said() -> None:
    page = PaymentLinks("https://subscribers.telecom.example.kz", "a secret").to_own_page("acme", LONGEST.account)
    wording = TextWording(language=Language.KAZAKH)
    assert "more than 1 in one text of: bill, reminder, warning, suspended; take a shorter" in wording.fault_of(page)
    for fine in (wording.evolve(latin=True), wording.evolve(segments=2), wording.evolve(pay="Kaspi")):
        assert fine.fault_of(page) == ""
    assert wording.fault_of(PAGE) == ""


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", ProcedureText)
def test_each_text_of_a_step_has_a_mail(language: Language, kind: ProcedureText) -> None:
    subject, text = TextWording(language=language, latin=True).mail(TextKind(kind), LONGEST)
    assert "{" not in subject + text
    assert LONGEST.account in text


def test_a_bill_and_a_warning_say_when() -> None:
    facts = LONGEST.evolve(amount_minor=599_000, action=ConsequenceKind.DISCONNECT)
    assert (
        TextWording(language=Language.RUSSIAN).text(TextKind.BILL, facts) == "Счет 5990 KZT до 30.12, л/с 1234567897."
    )
    warning = TextWording().text(TextKind.WARNING, facts)
    assert warning == "5990 KZT is overdue. On 30 Dec your service will be disconnected. Account 1234567897."


def test_planned_works_say_when_on_the_clocks_of_their_place_and_what() -> None:
    facts = TextFacts(
        starts=datetime(2026, 12, 3, 5, tzinfo=UTC),
        ends=datetime(2026, 12, 3, 7, tzinfo=UTC),
        timezone="Asia/Almaty",
        reason="новый\nкоммутатор",
    )
    wording = TextWording(language=Language.RUSSIAN)
    assert wording.text(TextKind.WORKS, facts) == "Работы 03.12 10:00-12:00: новый коммутатор"
    night = facts.evolve(ends=datetime(2026, 12, 4, 1, tzinfo=UTC))
    assert (
        TextWording().text(TextKind.WORKS_CANCELLED, night).startswith("Cancelled: the planned works 3 Dec 10:00 - 4")
    )


def test_cyrillic_letters_have_latin_spellings() -> None:
    assert latin("Щука, Ёж № 7 — 5990 ₸", Language.RUSSIAN) == "Shchuka, Ezh No 7 - 5990 KZT"
    assert latin("Қызмет ңөұүһіәғ", Language.KAZAKH) == "Qyzmet nouuhiag"
    assert latin("Їжак і ґава’", Language.UKRAINIAN) == "Izhak i gava"


@pytest.mark.parametrize("language", [Language.RUSSIAN, Language.KAZAKH, Language.UKRAINIAN])
def test_no_letter_of_a_language_is_left_out(language: Language) -> None:
    letters = {
        Language.RUSSIAN: "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        Language.KAZAKH: "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя",
        Language.UKRAINIAN: "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    }[language]
    assert latin(letters + letters.upper(), language).isascii()


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("Pay {amount!r}", "names {amount}"),
        ("Pay {amount.__class__}", "names {amount.__class__}"),
        ("Pay {}", "names {}"),
        ("Pay {name}", "names {name}; it may name {amount}"),
        ("Pay {amount", "brace"),
        ("Pay\n{amount}", "more than one line"),
        ("Pay \u202e{amount}", "nobody sees"),
        ("д" * 60 + "{amount}", "has 72 characters, which are 2 segments, and may have 1; д make it UCS-2"),
    ],
)
def test_a_template_that_does_not_fit_is_refused(template: str, fault: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        TextWording(templates={TextKind.BILL: template})
    assert fault in str(refusal.value)


def test_a_companys_own_template_replaces_ours() -> None:
    wording = TextWording(templates={TextKind.BILL: "ACME {{1}}: {amount}"})
    assert wording.text(TextKind.BILL, TextFacts(account="1", amount_minor=150, currency="eur")) == "ACME {1}: 1.50 EUR"


def test_unusual_facts_are_sent_all_the_same() -> None:
    facts = LONGEST.evolve(account="9" * 20, amount_minor=10**14, action=ConsequenceKind.SUSPEND)
    text = TextWording(language=Language.KAZAKH, pay="Kaspi").text(TextKind.WARNING, facts)
    assert measure(text).segments == 2


@pytest.mark.parametrize("text", ["", " \n", "д" * 200])
def test_what_somebody_types_has_a_limit(text: str) -> None:
    with pytest.raises(InvalidInput):
        check_typed(text, 2)


def test_what_somebody_types_is_one_line() -> None:
    assert check_typed("Works\non \u202eFriday", 1) == "Works on Friday"
