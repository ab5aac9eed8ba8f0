"""Leave a network: go without holding anybody up, take back what was at stake, and be no member any more."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from klopf import files, ledger
from klopf.errors import LedgerError, PeersError
from klopf.network._join import read_home
from klopf.peers import ParticipantSettings

__all__ = ["Left", "leave"]

LOOK = 1.0


@dataclass(frozen=True)
class Left:
    """How far it came."""

    id: int
    gone: bool
    """Out of the registry, with everything at its own key."""
    ready_at: int
    """When what thaws can be taken, in seconds since 1970; 0 where nothing does."""
    thawing: int
    tokens: int
    """What the key has."""


def leave(
    folder: Path, passphrase: str, *, wait: bool = False, begun: Callable[[str], None] = lambda _: None
) -> Left:  # fmt: skip
    """Retire whoever joined from ``folder``: end its part in draws, let its stake and its reserved fees thaw, and, once
    they have (``wait`` sits that out), withdraw them and quit. Called again, it goes on where it stood.

    Raises:
        PeersError: its process still lives.
        LedgerError: a contract refuses.
    """
    settings, deployment, where = read_home(folder)
    try:
        lock = files.lock(folder / "lock")
    except BlockingIOError:
        raise PeersError(f"{settings.name} is still being served from {folder}: end that process first") from None
    try:
        key = ledger.keys.load(folder / "key.json", passphrase)
        with ledger.connect(where, key, deployment) as own:
            id = own.registry.id_of(key.address)
            if id == 0:
                raise PeersError(f"{settings.name} ({key.address}) is not in the registry: there is nothing to leave")
            if own.registry.get(id).role is ledger.Role.NONE:
                return Left(id, True, 0, 0, own.token.balance(key.address))
            return _leave(own, id, settings, wait, begun)
    finally:
        os.close(lock)


def _leave(
    own: ledger.Ledger, id: int, settings: ParticipantSettings, wait: bool, begun: Callable[[str], None]
) -> Left:
    me = own.me.address
    begun("retiring")
    with contextlib.suppress(LedgerError):  # who never arrived holds nobody up
        own.clock.depart(id)
    _leave_beacon(own, id, begun)
    if staked := own.stake.account(id).staked:
        begun(f"unstaking {staked / ledger.KLP:g} KLP")
        own.stake.unstake(id, staked)
    neurons = [p.id for p in own.registry.all() if p.role is ledger.Role.NEURON] if settings.role == "requester" else []
    for k in neurons:
        reserve = own.vouchers.reserved(id, k)
        if reserve.held > reserve.thawing:
            begun(f"letting what is reserved for {k} thaw")
            own.vouchers.thaw(id, k, reserve.held - reserve.thawing)
    told = False
    while True:
        now, account = own.clock.now().time, own.stake.account(id)
        waiting = [account.ready_at] if account.thawing else []
        if account.thawing and now >= account.ready_at:
            own.stake.withdraw(id)
            waiting = []
        held = account.thawing if waiting else 0
        for k in neurons:
            reserve = own.vouchers.reserved(id, k)
            if reserve.thawing and now >= reserve.ready_at:
                own.vouchers.release(id, k)
            elif reserve.thawing:
                waiting.append(reserve.ready_at)
                held += reserve.thawing
        if not waiting:
            break
        if not wait:
            return Left(id, False, max(waiting), held, own.token.balance(me))
        if not told:
            begun(f"{held / ledger.KLP:g} KLP thaw for {max(0, max(waiting) - now)} s")
            told = True
        time.sleep(LOOK)
    if free := own.vouchers.free(id):
        own.vouchers.withdraw(id, free)
    begun("quitting")
    own.registry.quit(id)
    return Left(id, True, 0, 0, own.token.balance(me))


def _leave_beacon(own: ledger.Ledger, id: int, begun: Callable[[str], None]) -> None:
    """Be bound to the beacon no longer. What is owed for the running epoch can only be shown in its second phase."""
    told = False
    while own.beacon.chain(id).since:
        with contextlib.suppress(LedgerError):  # its phase may just have ended
            own.beacon.take_part(id, True)
        if not own.beacon.chain(id).since:
            return
        if not told:
            begun("showing the value that is owed for this epoch's draw")
            told = True
        own.clock.advance()
        time.sleep(LOOK)
