"""Russian, Kazakh and Ukrainian in Latin letters, of which a segment holds more than twice as many."""

from billing.texts.text import Language

_RUSSIAN = {
    **dict(zip("абвгдезийклмнопрстуфыэ", "abvgdeziyklmnoprstufye", strict=True)),
    "ё": "e",
    "ж": "zh",
    "х": "kh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "shch",
    "ъ": "",
    "ь": "",
    "ю": "yu",
    "я": "ya",
}
_KAZAKH = dict(zip("әғқңөұүһі", "agqnouuhi", strict=True))
_UKRAINIAN = {"г": "h", "ґ": "g", "є": "ie", "и": "y", "й": "i", "і": "i", "ї": "i", "ю": "iu", "я": "ia", "’": ""}
_SIGNS = {
    "₸": "KZT",
    "₴": "UAH",
    "₽": "RUB",
    "№": "No",
    "«": '"',
    "»": '"',
    "“": '"',
    "”": '"',
    "„": '"',
    "–": "-",
    "—": "-",
    "’": "'",
    "‘": "'",
    "…": "...",
    "\u00a0": " ",
    "\u202f": " ",
}
_TABLES = {
    Language.ENGLISH: _SIGNS,
    Language.RUSSIAN: _SIGNS | _RUSSIAN | _KAZAKH,
    Language.KAZAKH: _SIGNS | _RUSSIAN | _KAZAKH,
    Language.UKRAINIAN: _SIGNS | _RUSSIAN | _UKRAINIAN,
}


def latin(text: str, language: Language) -> str:
    """The text without Cyrillic letters; what has no Latin spelling stays."""
    table = _TABLES[language]
    return "".join(_spelled(char, table) for char in text)


def _spelled(char: str, table: dict[str, str]) -> str:
    if char in table:
        return table[char]
    spelling = table.get(char.lower())
    return char if spelling is None else spelling[:1].upper() + spelling[1:]
