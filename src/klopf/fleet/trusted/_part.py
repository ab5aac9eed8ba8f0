"""The trusted part itself: a process that holds a device's key and nothing else, and answers on a Unix socket.

It is started with ``-I``, so that neither the folder it is started in nor the environment chooses what it imports, and
gets its passphrase on standard input, which nobody else can read.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import struct
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from klopf import files
from klopf.errors import FleetError, KlopfError
from klopf.fleet.trusted._guard import Book, Guard
from klopf.fleet.trusted._harden import Condition, harden
from klopf.fleet.trusted._place import entered
from klopf.fleet.trusted._safes import safe_called
from klopf.fleet.trusted._safes.safe import Safe, read_settings, write_settings
from klopf.fleet.trusted._session import HEAD, HELLO, TRUSTED, Hello, length_of

__all__ = ["main"]

_CALLERS = 16
_WAITING = 128
_BREATH = 0.02
_HANDSHAKE = 10.0
_STACK = 512 * 1024  # locked in memory, so not the usual 8 MiB each


def main(arguments: list[str] | None = None) -> int:
    """``new FOLDER`` makes a key in a trusted part's folder, ``serve FOLDER`` answers until it is ended. Prints one
    line of JSON when that is done, or when it listens. What it needs comes as one line of JSON on standard input."""
    what, where = sys.argv[1:] if arguments is None else arguments
    folder = Path(where)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    try:
        return _new(folder) if what == "new" else _serve(folder)
    except KlopfError as error:
        print(json.dumps({"wrong": str(error)}), flush=True)
    except OSError as error:
        print(json.dumps({"wrong": f"{error.filename or folder}: {error.strerror}"}), flush=True)
    return 2


def _told() -> dict[str, Any]:
    """What whoever started this has to say: the passphrase among it, so it is read when root's rights are laid down."""
    found: dict[str, Any] = json.loads(sys.stdin.readline(65_536) or "{}")
    return found


def _new(folder: Path) -> int:
    place, _ = _inside(folder)
    told = _told()
    settings: dict[str, Any] = {"kind": "memory", "per_minute": 600, **told["settings"]}
    kind = safe_called(settings["kind"])
    pairing = secrets.token_bytes(32)
    safe = kind.create(place, told["secret"], settings)
    files.create(place / "pairing", pairing.hex(), private=True)
    write_settings(place, {**settings, "address": safe.address})  # the last, by which a folder is whole
    print(json.dumps({"address": safe.address, "pairing": pairing.hex()}), flush=True)
    return 0


def _inside(folder: Path) -> tuple[Path, Condition]:
    """Go into the trusted part's folder and become the user whose it is, before anything in it is read. The path that
    is given leads there whatever is put in the place of ``folder`` meanwhile."""
    found = entered(folder)
    if found.kind:
        safe_called(found.kind)  # imported before this process is a user who may not read the library
    condition = harden(found.owner, found.untrusted, found.kind)
    os.fchdir(found.handle)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise FleetError(
            f"user {os.geteuid()} cannot reach {folder}: choose a folder whose parents others may enter, such as one in"
            " /var/lib"
        )
    return Path("."), condition


def _serve(where: Path) -> int:
    folder, condition = _inside(where)
    untrusted, owner = os.stat("..").st_uid, os.geteuid()
    door = _door(where)
    told = _told()
    settings = read_settings(folder)
    kind = safe_called(str(settings.get("kind")))
    condition = replace(condition, kind=kind.kind)
    safe = kind.open(folder, told["secret"], settings)
    if safe.address != settings.get("address"):
        raise FleetError(f"the key in {where} is {safe.address}, not {settings.get('address')}: put its backup back")
    pairing = bytes.fromhex((folder / "pairing").read_text())
    print(json.dumps({"address": safe.address, "condition": condition.plain()}), flush=True)
    if told.get("stay"):  # whoever started it reads no JSON
        print(f"{safe.address} signs for {where.parent} until this is stopped", file=sys.stderr, flush=True)
    log = folder / "signed.log"

    def written(digest: bytes, purpose: str) -> None:
        files.append_line(log, json.dumps({"time": time.time(), "digest": digest.hex(), "purpose": purpose}))

    one = threading.Lock()
    book = Book(safe.sign, int(settings["per_minute"]), written)
    threading.stack_size(_STACK)
    if not told.get("stay"):
        threading.Thread(target=_end_with_parent, daemon=True).start()
    _answer(door, (untrusted, owner), (pairing, safe, condition, book, one))


def _answer(door: socket.socket, users: tuple[int, int], known: tuple[Any, ...]) -> NoReturn:
    """Give each caller who has some business here a thread. The system says who calls before one of the places is
    taken, so nobody else can fill them."""
    callers = threading.BoundedSemaphore(_CALLERS)
    while True:
        try:
            caller, _ = door.accept()
        except OSError:  # gone again, or no more files may be open: the next may be served
            time.sleep(_BREATH)
            continue
        if _user(caller) not in (None, 0, *users) or not callers.acquire(blocking=False):
            caller.close()
            continue
        threading.Thread(target=_attend, args=(caller, *known, callers), daemon=True).start()


def _end_with_parent() -> None:
    """Whoever started this holds the other end of standard input, and has ended when that is closed."""
    while sys.stdin.readline():
        pass
    os._exit(0)


def _attend(
    caller: socket.socket, pairing: bytes, safe: Safe, condition: Condition, book: Book, one: threading.Lock,
    callers: threading.BoundedSemaphore,
) -> None:  # fmt: skip
    """Answer one caller until it goes or says what does not belong to its session."""
    try:
        with caller:
            caller.settimeout(_HANDSHAKE)
            hello = Hello()
            caller.sendall(hello.sent)
            session = hello.session(TRUSTED, _exactly(caller, HELLO), pairing)
            caller.sendall(session.seal(json.dumps({"address": safe.address, **condition.plain()}).encode()))
            guard = Guard(session, book)
            first = True
            while not session.full:
                head = _exactly(caller, HEAD)
                message = head + _exactly(caller, length_of(head))
                with one:
                    said = guard.hear(message)
                if first:  # it has the pairing secret: it may be silent as long as it likes
                    caller.settimeout(None)
                    first = False
                caller.sendall(said)
    except (KlopfError, OSError, struct.error):
        pass  # whoever it was has gone or is none of ours; the next may be
    finally:
        callers.release()


def _exactly(caller: socket.socket, size: int) -> bytes:
    """Raises:
    OSError: the caller went before.
    """
    found = b""
    while len(found) < size:
        piece = caller.recv(size - len(found))
        if not piece:
            raise ConnectionError("the other end is closed")
        found += piece
    return found


def _user(caller: socket.socket) -> int | None:
    """The user at the other end, where the system tells; -1 if it does not know any more."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    try:
        found: int = struct.unpack("3i", caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
    except OSError:
        return -1
    return found


def _door(folder: Path) -> socket.socket:
    """The socket in the trusted part's folder, which is where this process is: the path of a Unix socket has at most
    107 bytes. It is of the folder's group, the device's; what callers know decides."""
    try:
        files.lock("serving")  # held until this process ends
    except BlockingIOError:
        raise FleetError(f"another trusted part serves {folder} already: end that one first") from None
    Path("socket").unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    door.bind("socket")
    os.chmod("socket", 0o660)
    door.listen(_WAITING)
    return door
