"""Ports for servers that are started a moment later: chosen now, given to others, and still free then."""

import random
import socket
from dataclasses import asdict, dataclass
from typing import Self

from settings import Settings

HOST = "127.0.0.1"
# Below the range from which systems give ports to outgoing connections (Linux: 32768, others higher).
_FIRST, _LAST = 15_000, 31_000


@dataclass(frozen=True)
class Ports:
    """Where the stand-ins listen; 0 is chosen by the system."""

    stripe: int = 0
    sheets: int = 0
    mail: int = 0
    smtp: int = 0
    production: int = 0
    wayforpay: int = 0
    bank: int = 0
    provisioning: int = 0
    sms: int = 0

    @classmethod
    def settings(cls) -> list[str]:
        """The settings that have them, in their order."""
        return [f"sandbox_{name}_port" for name in cls.__dataclass_fields__]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(*(getattr(settings, name) for name in cls.settings()))

    def into(self, settings: Settings) -> Settings:
        """``settings`` for a user of these stand-ins."""
        return settings.model_copy(update={f"sandbox_{name}_port": port for name, port in asdict(self).items()})

    @property
    def by_setting(self) -> dict[str, int]:
        """Each by the variable that sets it."""
        return {f"BILLING_SANDBOX_{name.upper()}_PORT": port for name, port in asdict(self).items()}

    @property
    def environment(self) -> dict[str, str]:
        """For a process that is to find them."""
        return {name: str(port) for name, port in self.by_setting.items()}

    @property
    def arguments(self) -> list[str]:
        """What ``python -m sandbox.stack.stand_ins`` takes."""
        return [word for name, port in asdict(self).items() for word in (f"--{name}", str(port))]


def free_port() -> int:
    """A port that nobody listens on, and that nobody else who asks here is given for a minute."""
    while not reserve(port := random.randint(_FIRST, _LAST)):
        pass
    return port


def reserve(port: int) -> bool:
    """Keeps a port for a server that is to be started within a minute; False if it is in use or kept already.

    One connection on it is made and closed from its own side. In TIME_WAIT the port is refused to the next who asks
    here, also in another process: ``bind`` is called without ``SO_REUSEADDR``. A server, which sets that, gets it.
    """
    with socket.socket() as server:
        try:
            server.bind((HOST, port))
        except OSError:
            return False
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the connection is to have it
        server.listen(1)
        with socket.create_connection((HOST, port)):
            server.accept()[0].close()
        return True


def is_taken(port: int) -> bool:
    """Whether a server could not listen on it now."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return True
    return False
