"""Settings of procedures: where they are."""

from pathlib import Path

from pydantic_settings import BaseSettings

_SHIPPED = Path(__file__).parents[2] / "procedures"


class ProcedureSettings(BaseSettings):
    """The part of ``Settings`` about procedures."""

    procedures: Path | None = None

    @property
    def procedures_folder(self) -> Path:
        """Where the procedures are; those that are shipped, unless a folder is set."""
        return self.procedures or _SHIPPED
