"""``klopf keys``: keys in files, locked with a passphrase."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from klopf.console.cli.command import CommandGroup
from klopf.console.cli.passphrase import passphrase
from klopf.errors import PeersError

__all__ = ["Keys"]

Index = Annotated[int, Parameter(validator=validators.Number(gte=0, lt=2**31))]


class Keys(CommandGroup):
    help = "Make, show, back up and restore keys."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"new": new, "show": show, "backup": backup, "restore": restore}


def new(file: Path) -> None:
    """Make a key and lock it in a new file with the passphrase in KLOPF_PASSPHRASE (asked for if not set).

    Example: klopf keys new key.json

    Parameters
    ----------
    file
        The key's file, which is not there yet.
    """
    from klopf import ledger

    if file.exists():
        raise PeersError(f"{file} exists: a key is never overwritten; choose another name")
    key = ledger.keys.new()
    ledger.keys.save(key, file, passphrase(confirm=True))
    print(key.address)
    print(f"back it up now: klopf keys backup {file}", file=sys.stderr)


def show(file: Path) -> None:
    """Print the address of a key file. No passphrase is needed.

    Example: klopf keys show key.json

    Parameters
    ----------
    file
        The key's file.
    """
    from klopf import ledger

    print(ledger.keys.read_address(file))


def backup(file: Path) -> None:
    """Print the words that a key can be restored from. Whoever reads them owns the key: write them on paper.

    Example: klopf keys backup key.json

    Parameters
    ----------
    file
        The key's file.
    """
    from klopf import ledger

    print(ledger.keys.load(file, passphrase()).words())


def restore(file: Path, *, index: Index = 0) -> None:
    """Make a key file from backup words, read from standard input.

    Example: klopf keys restore key.json --index 1

    Parameters
    ----------
    file
        The new key file.
    index
        Which of the words' keys (the last number of m/44'/60'/0'/0/index).
    """
    from klopf import ledger

    if file.exists():
        raise PeersError(f"{file} exists: a key is never overwritten; choose another name")
    if sys.stdin.isatty():
        print("the words, on one line:", file=sys.stderr)
    key = ledger.keys.restore(" ".join(sys.stdin.readline().split()), index)
    ledger.keys.save(key, file, passphrase(confirm=True))
    print(key.address)
