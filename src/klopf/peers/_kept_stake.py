"""What was slashed goes back to the stake."""

from __future__ import annotations

from pathlib import Path

from klopf import files, ledger
from klopf.peers._home import ParticipantSettings
from klopf.peers._shown import log

__all__ = ["keep_stake"]


def keep_stake(book: ledger.Ledger, me: ledger.Participant, settings: ParticipantSettings, folder: Path) -> None:
    """Put back at stake what was slashed since ``me`` last did, out of what it owns. What its owner takes out stays
    out."""
    file = folder / "slashed"
    account, told = book.stake.account(me.id), int(file.read_text()) if file.exists() else 0
    lacks = min(int(settings.stake) - account.staked - account.thawing, account.slashed - told)
    if account.slashed == told or me.standing is ledger.Standing.SILENT:
        return
    if amount := max(0, min(lacks, book.token.balance(me.key))):
        book.stake.stake(me.id, amount)
        log(f"its stake had fallen: {amount / ledger.KLP:g} KLP of its own went back to it")
    if amount >= lacks:
        files.replace(file, str(account.slashed))
