"""Add a pack to a living network: create its contracts, and have them entered in the network's directory, for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from klopf.errors import LedgerError
from klopf.ledger._deployment import Deployment, arguments_of, artifact_of, create, created_by
from klopf.ledger._ledger import Ledger
from klopf.ledger._pack import Deploying, pack_called
from klopf.ledger._rpc import contract_address
from klopf.ledger.dao.governance import Governance
from klopf.ledger.keys import checksum

__all__ = ["Added", "add_pack"]


@dataclass(frozen=True)
class Added:
    """What came of it: the network with the pack, or the proposal that the DAO has to pass first."""

    addresses: dict[str, str]
    """Of the pack's contracts, by name."""
    deployment: Deployment | None = None
    proposal: int | None = None


def add_pack(
    ledger: Ledger,
    name: str,
    settings: Mapping[str, Any] | None = None,
    *,
    description: str = "",
    progress: Callable[[str], None] | None = None,
) -> Added:
    """Create the contracts of the installed pack ``name`` and enter them in the directory of ``ledger``'s network.

    The ledger's key must own the rules. Where a DAO does, it proposes that they be entered; the contracts are there
    before the vote, so that everybody can look at them. ``settings`` are what the pack's constructors ask for besides.

    Raises:
        ExtensionError: no such pack is installed.
        LedgerError: the network has it, or lacks what it stands on, or somebody else owns the rules.
    """
    network, me = ledger.deployment, ledger.me
    pack = pack_called(name)
    if name in network.packs:
        raise LedgerError(f"this network has the pack {name} already")
    missing = [other for other in pack.requires if other not in network.packs]
    if missing:
        raise LedgerError(f"the pack {name} stands on {missing[0]}, which this network has not; add that first")
    owner = ledger.rules.owner()
    if owner not in (me.address, network.addresses.get("Timelock")):
        raise LedgerError(f"{owner} owns the rules of this network; only that key may add a pack")
    names = created_by(name)
    nonce = int(ledger.rpc.request("eth_getTransactionCount", me.address, "pending"), 16)
    places = {contract: checksum(contract_address(me.address, nonce + i)) for i, contract in enumerate(names)}
    told = Deploying(
        network.directory, me.address, {**network.addresses, **places}, owner, network.treasury, settings or {}
    )
    for contract, place in places.items():
        data = artifact_of(name, contract).creation(arguments_of(name, contract, told))
        create(ledger.rpc, me, data, place)
        if progress is not None:
            progress(contract)
    if owner == me.address:
        ledger.directory.add(name, places)
        return Added(places, deployment=network.current(ledger.rpc))
    call = network.directory, ledger.directory.entry(name, places)
    proposal = ledger.client(Governance).propose([call], description or f"Add the pack {name}")
    return Added(places, proposal=proposal)
