"""Give the neuron in a folder another model: what is kept is its key, its place, its listening and its samples."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from klopf import ledger, peers
from klopf.errors import PeersError
from klopf.network._join import read_home, read_schema
from klopf.network._units import prepared
from klopf.peers.models import public_name

__all__ = ["change_model"]


def change_model(
    folder: Path, model: str, settings: dict[str, Any], passphrase: str, begun: Callable[[str], None] = lambda _: None,
    knows: dict[str, Any] | None = None,
) -> bool:  # fmt: skip
    """Let whoever joined as a neuron from ``folder`` learn as ``model`` from its next epoch on. The former one answers
    until the new one is committed, since nothing answers that was not committed. The registry is told first: whoever
    listens forgets what it learned about the former one, and auditors ask anew. ``knows`` is what it claims to know
    from then on, a region in the units of a file; None: what it claimed before. False where it has this model already,
    and claims that.

    Raises:
        PeersError: a process lives there, it is no neuron, or the model cannot be made.
        LedgerError: the key lacks what the transaction costs, or a contract refuses.
    """
    home, deployment, where = read_home(folder)
    if home.role != "neuron":
        raise PeersError(f"{folder} is that of a {home.role}, which has no model: --model is for a neuron")
    claimed = home.more.get("knows", {})
    knows = claimed if knows is None else prepared(knows, read_schema(folder))
    if (home.more["model"], home.more["settings"], claimed) == (model, settings, knows):
        return False
    peers.create_model(model, home.task, home.seed, settings)
    told = peers.Domain.registered(knows, home.task, public_name(model, settings))
    lock = peers.lock(folder)
    try:
        last = peers.last_state(folder)
        begun(f"from model {home.more['model']} to {model}")
        with ledger.connect(where, ledger.keys.load(folder / "key.json", passphrase), deployment) as own:
            id = own.registry.id_of(own.me.address)
            if id == 0:
                raise PeersError(f"{home.name} is not in the registry: `klopf join` registers it")
            own.registry.change_model(id, told)
        more = dict(home.more) | {"model": model, "settings": settings, "knows": knows}
        if home.more.get("former_until", -1) < last:  # else the former one has not been replaced yet
            more |= {"former": home.more["model"], "former_until": last}
        replace(home, more=more).write(folder)
    finally:
        os.close(lock)
    return True
