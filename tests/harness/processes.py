"""What runs on this machine."""

import psutil


def runs(pid: int) -> bool:
    """Not what has ended and waits for somebody to take notice: a container may have no init that does."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
