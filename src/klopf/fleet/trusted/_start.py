"""Making and starting a trusted part, from the untrusted side."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from klopf import files
from klopf.errors import FleetError
from klopf.fleet.trusted import _place

__all__ = ["create", "exec_part", "started"]

_NOBODYS = range(61_184, 65_520)
"""Numbers for users that have no account, as systemd gives them to services."""
_PATIENCE = 60.0


def create(
    device: Path, secret: str, settings: Mapping[str, Any] | None = None, owner: tuple[int, int] | None = None
) -> str:
    """Make a key in ``device/trusted``, under a user of its own where this process is root; returns its address.

    ``secret`` opens it again: a passphrase, or a token's PIN. ``settings``: ``kind`` (a kind of safe, by default
    ``memory``), ``per_minute`` (how often it may sign, 600), and what the kind of safe takes. ``owner``: user and group
    to whom root gives the device's folder when all in it is made; by default those it has.

    Raises:
        FleetError: there is one already, or it cannot be made; nothing is left of it.
    """
    root, chosen = os.geteuid() == 0, {**(settings or {})}
    with _place.nobody_elses(device, owner) as (place, (user, group)):
        try:
            _place.made(place, str(chosen.get("kind", "memory")), _unused() if root else user, group)
        except FileExistsError:
            raise FleetError(f"{device}/trusted exists: a key is never overwritten; choose another folder") from None
        try:
            said = _said(_part("new", device, stdout=subprocess.PIPE), secret, settings=chosen)
            files.create(place / "pairing", said["pairing"], private=True)
            if root:
                os.chown(place / "pairing", user, group, follow_symlinks=False)
        except BaseException:
            shutil.rmtree(place / "trusted", ignore_errors=True)
            raise
    return str(said["address"])


@contextlib.contextmanager
def started(device: Path, secret: str) -> Iterator[dict[str, Any]]:
    """The trusted part of ``device`` as a process that ends with the block, and with this process. Gives what it said:
    ``address`` and ``condition``.

    Raises:
        FleetError: it does not start; one line says why.
    """
    process = _part("serve", device, stdout=subprocess.PIPE)
    try:
        yield _said(process, secret)
    finally:
        process.terminate()
        assert process.stdin and process.stdout
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def exec_part(device: Path, secret: str) -> None:
    """Become the trusted part of ``device``, as a service does that is started apart. Does not return."""
    reader, writer = os.pipe()
    os.write(writer, (json.dumps({"secret": secret, "stay": True}) + "\n").encode())
    os.close(writer)
    os.dup2(reader, 0)
    os.execve(sys.executable, _command("serve", device), _environment())


def _command(what: str, device: Path) -> list[str]:
    return [sys.executable, "-I", "-m", "klopf.fleet.trusted", what, str(device.absolute() / "trusted")]


def _environment() -> dict[str, str]:
    """What a token's library may need, and no passphrase."""
    kept = ("PATH", "LANG", "SOFTHSM2_CONF", "KLOPF_TPM")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _part(what: str, device: Path, stdout: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        _command(what, device), stdin=subprocess.PIPE, stdout=stdout, text=True, env=_environment(), cwd="/"
    )


def _said(process: subprocess.Popen[str], secret: str, **told: Any) -> dict[str, Any]:
    """Tell a process that was just started what it needs, and read its one line."""
    assert process.stdin and process.stdout
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps({"secret": secret, **told}) + "\n")
        process.stdin.flush()
    line = process.stdout.readline(65_536)
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        process.kill()
        raise FleetError("the trusted part ended without a word: see what it wrote on standard error") from None
    if "wrong" in found:
        process.wait(_PATIENCE)
        raise FleetError(str(found["wrong"]))
    return found


def _unused() -> int:
    """The number of a user that no account has."""
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    return secrets.choice([number for number in _NOBODYS if number not in taken])
