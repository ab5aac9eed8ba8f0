"""Ask Linux for short turns, so that whoever waits for the disk goes on as soon as the disk is done.

On cores that others keep busy, a process that slept goes on at the next tick of the scheduler: milliseconds after a
write that took a fraction of one. Since Linux 6.12 it may say that its turns are short (``sched_setattr``, the slice of
an ordinary process, which needs no privilege); it is then woken in between, and gets no larger a share for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
import sys

__all__ = ["ask_for_short_turns"]

NUMBERS = {"x86_64": (314, 315), "aarch64": (274, 275)}  # of the system calls sched_setattr and sched_getattr
ATTRIBUTES = struct.Struct("=IIQiIQQQ")  # linux/sched/types.h, version 0
SLICE = 100_000  # nanoseconds, the least there is
ORDINARY = 0


def ask_for_short_turns() -> None:
    """For this thread and those that it starts; where that is not to be had, nothing happens."""
    numbers = NUMBERS.get(platform.machine())
    if sys.platform != "linux" or numbers is None:
        return
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        held = ctypes.create_string_buffer(ATTRIBUTES.size)
        if library.syscall(numbers[1], 0, held, ATTRIBUTES.size, 0) != 0:
            return
        _, policy, _, nice, *_ = ATTRIBUTES.unpack(held.raw)
        if policy == ORDINARY and os.sched_getscheduler(0) == ORDINARY:
            wanted = ATTRIBUTES.pack(ATTRIBUTES.size, policy, 0, nice, 0, SLICE, 0, 0)
            library.syscall(numbers[0], 0, wanted, 0)
