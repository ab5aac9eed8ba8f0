"""What a process does so that others on the machine do not read its memory, as far as the system lets it."""

from __future__ import annotations

import ctypes
import os
import resource
from dataclasses import asdict, dataclass
from typing import Any

from klopf.errors import FleetError

__all__ = ["Condition", "harden"]

_SET_DUMPABLE, _KEEP_CAPABILITIES, _SET_NO_NEW_PRIVS = 4, 8, 38
_LOCK_ALL = 1 | 2 | 4  # what there is, what comes, and each page when it is first touched
_IPC_LOCK, _CAPABILITIES_3 = 1 << 14, 0x20080522


@dataclass(frozen=True)
class Condition:
    """How a trusted part stands.

    user: its number. apart: it runs as another user than the owner of the device's folder, and neither is root.
    sealed: no core dumps, and no process of the same user may trace it or read its memory. locked: its memory is never
    written to a swap. kind: where the key is.
    """

    user: int
    apart: bool
    sealed: bool
    locked: bool
    kind: str = "memory"

    def plain(self) -> dict[str, Any]:
        return asdict(self)

    def lacks(self) -> list[str]:
        """What is not as it should be, a line each."""
        found = []
        if self.user == 0:
            found.append("the trusted part runs as root: give its folder to a user of its own")
        elif not self.apart:
            found.append(
                "the trusted part runs as the same user as the rest of the device, or that is root's: to keep them"
                " apart, make the device as root with `klopf device new FOLDER --user NAME`, and start `klopf device"
                " signer` as root"
            )
        if not self.sealed:
            found.append("this system lets other processes read the trusted part's memory")
        if not self.locked:
            found.append("the trusted part's memory may be swapped to the disk: raise its limit of locked memory")
        return found


def harden(owner: int, other: int, kind: str) -> Condition:
    """Become the user ``owner`` where this process is root, and shut the door. ``other``: the untrusted part's user.

    Raises:
        FleetError: this process is another user than ``owner`` and may not become it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0 and owner != 0:
        _become(owner, libc)
    if os.geteuid() != owner:
        raise FleetError(f"the trusted part's folder belongs to user {owner}: start it as that user, or as root")
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sealed = hasattr(libc, "prctl") and libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0) == 0
    if sealed:
        libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    locked = hasattr(libc, "mlockall") and libc.mlockall(_LOCK_ALL) == 0
    return Condition(owner, owner not in (0, other) and other != 0, sealed, locked, kind)


def _become(owner: int, libc: ctypes.CDLL) -> None:
    """From root to ``owner``, who keeps none of root's rights but that to lock memory."""
    kept = hasattr(libc, "prctl") and hasattr(libc, "capset")
    if kept:
        libc.prctl(_KEEP_CAPABILITIES, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(owner, owner, owner)
    os.setresuid(owner, owner, owner)
    if kept:
        header = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
        lock_alone = (ctypes.c_uint32 * 6)(
            _IPC_LOCK, _IPC_LOCK, 0, 0, 0, 0
        )  # effective, permitted, inherited; high words
        if libc.capset(header, lock_alone) != 0 and libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
            raise FleetError("root's rights cannot be laid down on this system: start the trusted part as its user")
