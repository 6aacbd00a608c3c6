"""The files that a process makes."""

import os


def private_files() -> None:
    """Makes files that this process and its children create readable by its user only. For entry points."""
    os.umask(0o077)
