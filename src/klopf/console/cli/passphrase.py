"""Passphrases: from the environment or a terminal, never from an argument, which others could see."""

from __future__ import annotations

import os
import sys

from klopf.errors import PeersError

__all__ = ["passphrase"]


def passphrase(confirm: bool = False) -> str:
    """From KLOPF_PASSPHRASE, or asked for at a terminal; ``confirm`` where it is to lock something new."""
    given = os.environ.get("KLOPF_PASSPHRASE")
    if given is not None:
        return _locks(given) if confirm else given
    if not sys.stdin.isatty():
        raise PeersError("no passphrase: set KLOPF_PASSPHRASE, or run this at a terminal to be asked for it")
    from getpass import getpass

    first = getpass("passphrase: ")
    if confirm and getpass("once more: ") != first:
        raise PeersError("the two passphrases differ: try again")
    return _locks(first) if confirm else first


def _locks(phrase: str) -> str:
    if not phrase:
        raise PeersError("an empty passphrase locks nothing: put some words into KLOPF_PASSPHRASE")
    return phrase
