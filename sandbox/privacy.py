"""Nothing real can be touched: real settings are forgotten, and this process connects to this machine only.

forget_settings()
with loopback_only() as refused:
    ...             # whatever tries to leave fails, and is in `refused`
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

_OURS = ("BILLING_", "TEMPORAL_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
_NAMED_FIRST = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_ADDRESSED = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_WATCHED = _NAMED_FIRST | _ADDRESSED
_LOCAL = frozenset({"localhost", ""})

_guards: list[list[str]] = []  # the innermost is last; an audit hook can never be removed, only be idle
_installed = False


class OutsideConnectionError(PermissionError):
    """An attempt to reach another machine. An ``OSError``, so that every library treats it as a failed call."""


def forget_settings() -> None:
    """From here on, nothing that is configured outside reaches this process or its children; names have any case."""
    for name in list(os.environ):
        is_ours = name.upper().startswith(_OURS) and name != "BILLING_DEBUG"
        if is_ours or name.casefold() in _PROXIES:
            del os.environ[name]
    os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull


@contextmanager
def loopback_only() -> Iterator[list[str]]:
    """Until the block ends, connections of Python code to other machines fail, and look-ups of their names too.

    Yields the hosts that were refused. Looking up this machine's own name, with which mail clients greet, fails too,
    but is not listed.
    """
    global _installed
    if not _installed:
        sys.addaudithook(_watch)
        _installed = True
    refused: list[str] = []
    _guards.append(refused)
    try:
        yield refused
    finally:
        _guards.remove(refused)


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _WATCHED or not _guards:  # of very many events: this line has to be quick
        return
    if event in _ADDRESSED:
        address = next((argument for argument in arguments[1:] if isinstance(argument, tuple)), None)
        if address is None:  # a local socket, named by a path; or one that is connected already
            return
        host = address[0]
    else:
        host = arguments[0]
    if _is_here(host):
        return
    if event != "socket.gethostbyaddr":
        _guards[-1].append(f"{host!s:.100}")
    raise OutsideConnectionError(f"a rehearsal connects to this machine only, not to {host!s:.100}")


def _is_here(host: object) -> bool:
    text = (host.decode(errors="replace") if isinstance(host, bytes) else str(host or "")).casefold()
    try:
        return text in _LOCAL or ip_address(text).is_loopback
    except ValueError:
        return False


def private_folder(folder: Path) -> None:
    """Makes the folder readable for its owner only: its mails have names and amounts."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
