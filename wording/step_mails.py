"""What mails about steps of service orders say besides the words of the text: their subjects, and their button."""

from billing.texts.text import Language, TextKind

SUBJECTS = {
    Language.ENGLISH: {
        TextKind.CONNECTED: "Your service is connected",
        TextKind.RECEIVED: "Request {number} is registered",
        TextKind.PAY_FEE: "To be paid for your request {number}",
        TextKind.PAY_DEBT: "Your request {number}: please pay first",
        TextKind.VISIT: "Your request {number}: our crew comes",
        TextKind.DISCONNECTED: "Your service is disconnected",
        TextKind.TARIFF_CHANGED: "Your tariff is changed",
        TextKind.ANSWERED: "Your request {number} is answered",
        TextKind.REFUSED: "Your request {number} cannot be carried out",
    },
    Language.RUSSIAN: {
        TextKind.CONNECTED: "Услуга подключена",
        TextKind.RECEIVED: "Заявка {number} принята",
        TextKind.PAY_FEE: "Заявка {number}: к оплате",
        TextKind.PAY_DEBT: "Заявка {number}: сначала оплатите долг",
        TextKind.VISIT: "Заявка {number}: придет мастер",
        TextKind.DISCONNECTED: "Услуга отключена",
        TextKind.TARIFF_CHANGED: "Тариф изменен",
        TextKind.ANSWERED: "Заявка {number}: ответ",
        TextKind.REFUSED: "Заявка {number}: отказ",
    },
    Language.KAZAKH: {
        TextKind.CONNECTED: "Қызмет қосылды",
        TextKind.RECEIVED: "Өтінім {number} қабылданды",
        TextKind.PAY_FEE: "Өтінім {number}: төлеңіз",
        TextKind.PAY_DEBT: "Өтінім {number}: алдымен төлеңіз",
        TextKind.VISIT: "Өтінім {number}: шебер келеді",
        TextKind.DISCONNECTED: "Қызмет ажыратылды",
        TextKind.TARIFF_CHANGED: "Тариф өзгертілді",
        TextKind.ANSWERED: "Өтінім {number}: жауап",
        TextKind.REFUSED: "Өтінім {number}: бас тарту",
    },
    Language.UKRAINIAN: {
        TextKind.CONNECTED: "Послугу підключено",
        TextKind.RECEIVED: "Заявку {number} прийнято",
        TextKind.PAY_FEE: "Заявка {number}: до сплати",
        TextKind.PAY_DEBT: "Заявка {number}: спершу сплатіть борг",
        TextKind.VISIT: "Заявка {number}: прийде майстер",
        TextKind.DISCONNECTED: "Послугу вимкнено",
        TextKind.TARIFF_CHANGED: "Тариф змінено",
        TextKind.ANSWERED: "Заявка {number}: відповідь",
        TextKind.REFUSED: "Заявка {number}: відмова",
    },
}
PAY = {
    Language.ENGLISH: "See and pay",
    Language.RUSSIAN: "Оплатить",
    Language.KAZAKH: "Төлеу",
    Language.UKRAINIAN: "Сплатити",
}
"""What the button to the page of a fee says."""
