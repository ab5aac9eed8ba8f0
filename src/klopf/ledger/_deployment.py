"""Put the contracts on a chain, and remember where they are, so that nobody talks to another chain by mistake."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from klopf import files
from klopf.errors import LedgerError
from klopf.ledger._abi import CONTRACTS, GOVERNANCE, MOVED, UPGRADEABLE, artifact, created
from klopf.ledger._parameters import Constitution, Economy, Marks, Parameters
from klopf.ledger._rpc import Rpc, Where, contract_address, open_rpc
from klopf.ledger.keys import Key, checksum

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Deployment", "deploy"]

_WIRED = (
    "Rules", "Economy", "Token", "Clock", "Registry", "Stake", "Settlement", "Audits", "Marks", "Emission", "Effort",
    "Devices", "Disputes", "Forwarder",
)  # fmt: skip


@dataclass(frozen=True)
class Former:
    """What a network brings along from another chain: the root of everybody's claims, and the rewards emitted there."""

    root: bytes
    emitted: int
    treasury: str


@dataclass(frozen=True)
class Deployment:
    """Which contracts, on which chain. ``genesis`` is the hash of its block 0, ``block`` where the first one stands."""

    chain_id: int
    genesis: str
    block: int
    addresses: dict[str, str]
    code: dict[str, str]
    """Keccak-256 of the code at each address."""
    treasury: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON, whole or not at all."""
        place = Path(path)
        try:
            files.replace(place, json.dumps(asdict(self), indent=1) + "\n")
        except OSError as error:
            raise LedgerError(f"cannot write {place}: {error.strerror}; choose a folder that can be written") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Deployment:
        """Back from :meth:`save`."""
        try:
            return cls(**json.loads(Path(path).read_text()))
        except OSError as error:
            raise LedgerError(f"cannot read {path}: {error.strerror}; name the network's deployment file") from None
        except (TypeError, ValueError):
            raise LedgerError(f"{path} is no deployment file; get it from the network's owner") from None

    @property
    def wiring(self) -> tuple[str, ...]:
        """What the contracts' constructors take."""
        return (*(self.addresses[name] for name in _WIRED), self.treasury)

    def check(self, rpc: Rpc) -> None:
        """LedgerError unless the chain behind ``rpc`` is the one this was deployed to."""
        if rpc.chain_id() != self.chain_id:
            raise LedgerError(
                f"this registry names another chain: its id is {self.chain_id}, {rpc.where} has {rpc.chain_id()}; "
                "connect to the chain it was deployed to"
            )
        if rpc.block_hash(0) != self.genesis:
            raise LedgerError(
                f"this registry names another chain: its genesis is {self.genesis[:10]}, {rpc.where} has "
                f"{rpc.block_hash(0)[:10]}; connect to the chain it was deployed to"
            )
        missing = sorted(set(CONTRACTS) - set(self.addresses))
        if missing:
            raise LedgerError(
                f"this deployment was made by another version of Klopf (it has no {missing[0]}); "
                "use that version, or deploy again"
            )
        for name, address in self.addresses.items():
            if "0x" + bytes(keccak(rpc.code(address))).hex() != self.code[name]:
                raise LedgerError(
                    f"this registry names another chain: the code at {address} is not its {name}; "
                    "connect to the chain it was deployed to"
                )


def deploy(
    where: Where,
    key: Key,
    parameters: Parameters | None = None,
    *,
    economy: Economy | None = None,
    marks: Marks | None = None,
    owner: str | None = None,
    fundraising: str | None = None,
    lab: str | None = None,
    foundation: str | None = None,
    constitution: Constitution | None = None,
    confirmations: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Deployment:
    """Create the contracts with ``key``, which becomes owner of the rules (and so of the economy) and holder of the
    genesis tokens unless others are named. Slashed stake goes to ``foundation``. ``progress`` gets the name of each
    contract created. With a ``constitution`` a DAO of the token's holders owns the rules from the start, and ``owner``
    only starts the clock.
    """
    rpc = open_rpc(where, confirmations)
    try:
        return deploy_over(
            rpc, key, parameters, owner, fundraising, lab, foundation, constitution, progress,
            economy=economy, marks=marks,
        )  # fmt: skip
    finally:
        rpc.close()


def deploy_over(
    rpc: Rpc,
    key: Key,
    parameters: Parameters | None = None,
    owner: str | None = None,
    fundraising: str | None = None,
    lab: str | None = None,
    foundation: str | None = None,
    constitution: Constitution | None = None,
    progress: Callable[[str], None] | None = None,
    former: Former | None = None,
    economy: Economy | None = None,
    marks: Marks | None = None,
) -> Deployment:
    """As :func:`deploy`, over a chain that is open; with what the network had on a ``former`` chain in claims."""
    me = key.address
    nonce = int(rpc.request("eth_getTransactionCount", me, "pending"), 16)
    names = CONTRACTS + (GOVERNANCE if constitution else ()) + (MOVED if former else ())
    expected = {name: checksum(contract_address(me, nonce + i)) for i, name in enumerate(names)}
    treasury = former.treasury if former else foundation or me
    if former:
        fundraising = lab = foundation = expected["Claims"]
    timelock = expected.get("Timelock", "0x" + "00" * 20)
    wiring = (*(expected[name] for name in _WIRED), treasury)
    rules_owner = expected["Timelock"] if constitution else owner or me
    arguments: dict[str, tuple[object, ...]] = {
        "Rules": (rules_owner, expected["Clock"], (parameters or Parameters()).as_tuple()),
        "Economy": (wiring, (economy or Economy()).as_tuple()),
        "Marks": (wiring, (marks or Marks()).as_tuple()),
        "Token": (
            expected["Emission"], fundraising or me, lab or me, foundation or me, former.emitted if former else 0
        ),
        "Clock": (wiring, owner or me),
        "Forwarder": (),
        "LensCode": (wiring, timelock),
        "SnapshotsCode": (timelock,),
        **{name: (expected[name + "Code"],) for name in UPGRADEABLE},
    }  # fmt: skip
    if former:
        arguments["Claims"] = (expected["Token"], former.root)
    if constitution:
        arguments["Timelock"] = (constitution.timelock_delay, expected["KlopfGovernor"])
        arguments["KlopfGovernor"] = (expected["Token"], expected["Timelock"], astuple(constitution))
    first = 0
    for name in names:
        shipped = artifact(created(name))
        receipt = rpc.send(key, None, shipped.creation(arguments.get(name, (wiring,))))
        if checksum(receipt["contractAddress"]) != expected[name]:
            raise LedgerError("another process sent with this key while deploying; deploy again with a key of its own")
        first = first or int(receipt["blockNumber"], 16)
        if progress is not None:
            progress(name)
    code = {name: "0x" + bytes(keccak(rpc.code(address))).hex() for name, address in expected.items()}
    return Deployment(rpc.chain_id(), rpc.block_hash(0), first, expected, code, treasury)
