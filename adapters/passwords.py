"""Passwords as argon2id hashes with the library's recommended parameters, computed outside of the event loop."""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar, TypeVarTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_AT_ONCE: Final = 2  # each takes 64 MB and several cores; others queue

_Args = TypeVarTuple("_Args")
_T = TypeVar("_T")


class Argon2Passwords:
    """``billing.reviewers.ports.Passwords`` by argon2id::

    passwords = Argon2Passwords()
    kept = await passwords.hashed("correct horse battery staple")
    assert await passwords.fits("correct horse battery staple", kept)
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._nobodys = _hash_of_nobody()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="passwords")

    async def hashed(self, password: str) -> str:
        return await self._in_thread(self._hash, password)

    async def fits(self, password: str, kept: str) -> bool:
        return await self._in_thread(self._verify, password, kept)

    def is_outdated(self, kept: str) -> bool:
        return self._hasher.check_needs_rehash(kept)

    async def _in_thread(self, work: Callable[[*_Args], _T], *args: *_Args) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_one_spelling(password))

    def _verify(self, password: str, kept: str) -> bool:
        try:
            return self._hasher.verify(kept or self._nobodys, _one_spelling(password)) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False


@cache
def _hash_of_nobody() -> str:
    """The hash of an unknown password; computed once in a process, in a quarter of a second."""
    return PasswordHasher().hash(secrets.token_urlsafe())


def _one_spelling(password: str) -> str:
    """Keyboards encode one letter in several ways (é, e with an accent)."""
    return unicodedata.normalize("NFKC", password)
