"""Put a network's packs on a chain, and know them again, so that nobody talks to another chain by mistake.

One address leads to all others: that of the network's directory, which is created first, with the addresses that the
other contracts will have. A :class:`Deployment` is what the directory says, written down.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any

from eth_hash.auto import keccak

from klopf import files
from klopf.errors import ExtensionError, LedgerError, Reverted
from klopf.extensions import guarded
from klopf.ledger._abi import Artifact, artifact, as_name, as_text, created
from klopf.ledger._pack import PACKS, Deploying, pack_called
from klopf.ledger._parameters import (
    AuditTerms,
    BeaconTerms,
    CaseTerms,
    Constitution,
    Economy,
    Marks,
    Parameters,
    SeatTerms,
)
from klopf.ledger._rpc import Rpc, Where, contract_address, open_rpc
from klopf.ledger.keys import Key, checksum

__all__ = [
    "Deployment",
    "Former",
    "arguments_of",
    "artifact_of",
    "code_differs",
    "create",
    "created_by",
    "deploy",
    "deploy_over",
]

USUAL = ("core", "market", "audit", "fleet")
NOBODY = "0x" + "00" * 20


@dataclass(frozen=True)
class Former:
    """What a network brings along from another chain: the root of everybody's claims, and the rewards emitted there."""

    root: bytes
    emitted: int
    treasury: str
    liquidity: int = 0
    """Minted there from the reserves for liquidity"""
    circulation: int = 0
    """and circulation,"""
    burnt: int = 0
    """and what was burnt there."""


@dataclass(frozen=True)
class Deployment:
    """Which contracts, on which chain: ``genesis`` is the hash of its block 0, ``block`` that of the directory."""

    chain_id: int
    genesis: str
    block: int
    addresses: dict[str, str]
    code: dict[str, str]
    """Keccak-256 of the code at each address."""
    treasury: str
    packs: dict[str, list[str]] = field(default_factory=dict)
    """The names of each pack's contracts."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON, whole or not at all."""
        try:
            files.replace(path, self.text)
        except OSError as error:
            raise LedgerError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Deployment:
        """Back from :meth:`save`."""
        try:
            with open(path, encoding="utf-8") as file:
                return cls(**json.load(file))
        except OSError as error:
            raise LedgerError(f"cannot read {path}: {error.strerror}; name the network's deployment file") from None
        except (TypeError, ValueError):
            raise LedgerError(f"{path} is no deployment file; get it from the network's owner") from None

    @classmethod
    def discover(cls, rpc: Rpc, directory: str) -> Deployment:
        """All that the directory at an address leads to. A pack that is not installed here is taken as it is listed:
        nobody calls it from here, and ``verify`` names it.

        Raises:
            LedgerError: no directory of a network is there, or a contract's code is not the shipped one's.
        """
        directory = checksum(directory)
        if not artifact("Directory").made(rpc.code(directory)):
            raise LedgerError(f"{directory} is no directory of a Klopf network on {rpc.where}; ask its owner for it")
        packs, addresses = {}, {"Directory": directory}
        for pack in _read(rpc, directory, "packs"):
            names, places = _read(rpc, directory, "contractsOf", pack)
            packs[as_text(pack)] = [as_text(name) for name in names]
            addresses |= {as_text(name): checksum(place) for name, place in zip(names, places, strict=True)}
        if "core" not in packs:
            raise LedgerError(f"the directory at {directory} leads to no network: it has no pack core")
        block = int(_read(rpc, directory, "firstBlock"))
        treasury = artifact("Stake").functions["treasury"]
        owner = checksum(treasury.answer(rpc.call(addresses["Stake"], treasury.call_data(()))))
        code = {name: _hash(rpc.code(address)) for name, address in addresses.items()}
        found = cls(rpc.chain_id(), rpc.block_hash(0), block, addresses, code, owner, packs)
        for line in found.tampered(rpc, passing={pack for pack in packs if pack not in PACKS}):
            raise LedgerError(f"{line}; do not trust this network")
        return found

    @property
    def text(self) -> str:
        """What :meth:`save` writes."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @property
    def directory(self) -> str:
        """The one address that a newcomer needs."""
        return self.addresses["Directory"]

    def address(self, name: str) -> str:
        """Where a contract is. LedgerError, which says how it can be had, where this network has none of that name."""
        if name in self.addresses:
            return self.addresses[name]
        pack = next((pack for pack in PACKS if name in _created_if_usable(pack)), None)
        if pack is None:
            raise LedgerError(f"this network has no contract {name}, and no pack installed here has one")
        raise LedgerError(
            f"this network has no {name}: its packs are {', '.join(self.packs)}; "
            f"its owner adds one by `klopf ledger add-pack {pack}`"
        )

    def check(self, rpc: Rpc) -> None:
        """LedgerError unless the chain behind ``rpc`` is the one this was deployed to, and in packs."""
        self.check_place(rpc)
        if not self.packs:
            raise LedgerError(
                "this network was made by a version of Klopf before packs; move it to one of this version with "
                "`klopf ledger migrate --to NEW.sqlite`, or use that version"
            )

    def check_place(self, rpc: Rpc) -> None:
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
        for name, address in self.addresses.items():
            if _hash(rpc.code(address)) != self.code[name]:
                raise LedgerError(
                    f"this registry names another chain: the code at {address} is not its {name}; "
                    "connect to the chain it was deployed to"
                )

    def current(self, rpc: Rpc) -> Deployment:
        """This deployment with the packs that were added since it was written down."""
        added = [as_text(pack) for pack in _read(rpc, self.directory, "packs")]
        return self if list(self.packs) == added else Deployment.discover(rpc, self.directory)

    def grown_from(self, digest: str, rpc: Rpc) -> bool:
        """Whether this is the deployment whose text has that SHA-256, with nothing but packs that the directory lists
        added since."""
        packs = list(self.packs)
        if not any(self._before(packs[:n]) == digest for n in range(1, len(packs))):
            return False
        listed = _read(rpc, self.directory, "packs")
        return all(as_name(pack) in listed and self._as_listed(pack, rpc) for pack in packs) and all(
            set(told) == {"Directory", *(name for names in self.packs.values() for name in names)}
            for told in (self.addresses, self.code)
        )

    def _as_listed(self, pack: str, rpc: Rpc) -> bool:
        names, places = _read(rpc, self.directory, "contractsOf", as_name(pack))
        return self.packs[pack] == [as_text(name) for name in names] and all(
            self.addresses.get(as_text(name)) == checksum(place)
            and self.code.get(as_text(name)) == _hash(rpc.code(place))
            for name, place in zip(names, places, strict=True)
        )

    def _before(self, packs: list[str]) -> str:
        """The SHA-256 of the text that this had with only these packs."""
        names = {"Directory", *(name for pack in packs for name in self.packs[pack])}
        then = replace(
            self,
            packs={pack: self.packs[pack] for pack in packs},
            addresses={name: place for name, place in self.addresses.items() if name in names},
            code={name: code for name, code in self.code.items() if name in names},
        )
        return sha256(then.text.encode()).hexdigest()

    def tampered(self, rpc: Rpc, passing: Collection[str] = ()) -> list[str]:
        """What is not as the shipped artifacts and the directory have it, a line each.

        Compared are the code of each contract, the directory's entry for it, and that the addresses in its code, whom
        it calls and obeys, are the network's own. What is behind a proxy is the timelock's business and compared by
        ``verify``; the code that a proxy began with is compared here. The packs ``passing`` are passed over.
        """
        lines = []
        passed = {name for pack in passing for name in self.packs[pack]}
        for name, address in self.addresses.items():
            if name in passed:
                continue
            entered = address if name == "Directory" else checksum(_read(rpc, self.directory, "find", as_name(name)))
            if entered != address:
                lines.append(f"the directory has {name} at {entered}, not at {address}")
            try:
                made = self.artifact(name)
            except (ExtensionError, LedgerError) as error:
                lines.append(f"the code of {name} at {address} cannot be compared: {error}")
                continue
            if code_differs(rpc, address, made):
                lines.append(f"the code of {name} at {address} is not the shipped one")
            else:
                lines += self._strangers(name, made.words(rpc.code(address)))
        return lines

    def artifact(self, name: str) -> Artifact:
        """The artifact of a contract of this network. ExtensionError where the package that has its pack is missing."""
        pack = next((pack for pack, names in self.packs.items() if name in names), "core")
        return artifact_of(pack, name)

    def _strangers(self, name: str, words: list[bytes]) -> Iterator[str]:
        known = {*(a.lower() for a in self.addresses.values()), self.treasury.lower(), NOBODY}
        for word in sorted(set(words)):
            place = "0x" + word[12:].hex()
            address = not any(word[:12]) and any(word[12:20])  # a number is smaller, a hash larger
            if address and place not in known and name != "Clock":  # whose starter may be anybody
                yield f"{name} obeys {checksum(place)}, which is no contract of this network"


def created_by(pack: str) -> list[str]:
    """The names of what is created for a pack, in order: code that goes behind a proxy is ``NAMECode``."""
    if pack == "core":  # the directory is before all packs
        return [name for name in _created(pack) if name != "Directory"]
    return _created(pack)


def _created_if_usable(pack: str) -> list[str]:
    try:
        return created_by(pack)
    except ExtensionError:
        if PACKS.origin(pack) == "klopf":
            raise
        return []


def _created(pack: str) -> list[str]:
    contracts = pack_called(pack).contracts
    return [
        name
        for contract in contracts
        for name in ([contract.name + "Code", contract.name] if contract.behind_proxy else [contract.name])
    ]


def artifact_of(pack: str, name: str) -> Artifact:
    """The artifact of what is created as ``name`` for a pack."""
    if PACKS.origin(pack) == "klopf":
        return artifact(created(name))
    found = {contract.name: contract for contract in pack_called(pack).contracts}
    if name not in found:
        raise LedgerError(f"the installed pack {pack} has no {name}; install the version that the network uses")
    made: Artifact = found[name].artifact()
    return made


def code_differs(rpc: Rpc, address: str, made: Artifact) -> bool:
    """Whether the code at an address is another contract's than ``made``, whatever its immutables hold."""
    return not made.made(rpc.code(address))


def deploy(
    where: Where,
    key: Key,
    parameters: Parameters | None = None,
    *,
    economy: Economy | None = None,
    marks: Marks | None = None,
    beacon: BeaconTerms | None = None,
    audit: AuditTerms | None = None,
    seats: SeatTerms | None = None,
    cases: CaseTerms | None = None,
    owner: str | None = None,
    fundraising: str | None = None,
    lab: str | None = None,
    foundation: str | None = None,
    constitution: Constitution | None = None,
    packs: tuple[str, ...] = USUAL,
    confirmations: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Deployment:
    """Create the contracts with ``key``, which becomes owner of the rules (and so of the economy) and holder of the
    genesis tokens unless others are named. Slashed stake goes to ``foundation``. ``progress`` gets the name of each
    contract created. With a ``constitution`` a DAO of the token's holders owns the rules from the start, and ``owner``
    only starts the clock. ``packs`` must hold ``core``; who is to pay, to judge or to be paid must be there from the
    start, since a contract keeps for ever whom it obeys.
    """
    rpc = open_rpc(where, confirmations)
    try:
        return deploy_over(
            rpc, key, parameters, owner, fundraising, lab, foundation, constitution, progress,
            economy=economy, marks=marks, beacon=beacon, audit=audit, seats=seats, cases=cases,
            packs=packs,
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
    beacon: BeaconTerms | None = None,
    audit: AuditTerms | None = None,
    seats: SeatTerms | None = None,
    cases: CaseTerms | None = None,
    packs: tuple[str, ...] = USUAL,
) -> Deployment:
    """As :func:`deploy`, over a chain that is open; with what the network had on a ``former`` chain in claims."""
    me = key.address
    packs = (*packs, *(["dao"] if constitution else []), *(["move"] if former else []))
    chosen = {pack: _contracts(pack, packs) for pack in packs}
    names = ["Directory", *(name for contracts in chosen.values() for name in contracts)]
    nonce = int(rpc.request("eth_getTransactionCount", me, "pending"), 16)
    expected = {name: checksum(contract_address(me, nonce + i)) for i, name in enumerate(names)}
    if former:
        fundraising = lab = foundation = expected["Claims"]
    treasury = former.treasury if former else foundation or me
    settings = {
        "parameters": parameters or Parameters(), "economy": economy or Economy(), "marks": marks or Marks(),
        "beacon": beacon or BeaconTerms(), "audit": audit or AuditTerms(), "seats": seats or SeatTerms(),
        "cases": cases or CaseTerms(),
        "constitution": constitution, "starter": owner or me, "fundraising": fundraising or me, "lab": lab or me,
        "foundation": foundation or me, "former": former,
    }  # fmt: skip
    owner = expected["Timelock"] if constitution else owner or me
    told = Deploying(expected["Directory"], me, expected, owner, treasury, settings)
    entries = [
        (as_name(pack), [as_name(name) for name in contracts], [expected[name] for name in contracts])
        for pack, contracts in chosen.items()
    ]
    data = {"Directory": artifact("Directory").creation((entries,))}
    for pack, contracts in chosen.items():  # all of it before the first is sent: what cannot be encoded creates nothing
        data |= {name: artifact_of(pack, name).creation(arguments_of(pack, name, told)) for name in contracts}
    blocks = []
    for name, creation in data.items():
        blocks.append(create(rpc, key, creation, expected[name]))
        if progress is not None and len(blocks) > 1:  # the directory stands for nothing until the rules do
            for done in ("Directory", name) if len(blocks) == 2 else (name,):
                progress(done)
    code = {name: _hash(rpc.code(address)) for name, address in expected.items()}
    return Deployment(rpc.chain_id(), rpc.block_hash(0), blocks[0], expected, code, treasury, chosen)


def create(rpc: Rpc, key: Key, data: bytes, expected: str) -> int:
    """Create one contract at the address that was computed for it; returns the block."""
    receipt = rpc.send(key, None, data)
    if checksum(receipt["contractAddress"]) != expected:
        raise LedgerError("another process sent with this key while deploying; deploy again with a key of its own")
    return int(receipt["blockNumber"], 16)


def _contracts(pack: str, among: tuple[str, ...]) -> list[str]:
    """The names of a pack's contracts. LedgerError where the network would lack what it stands on."""
    missing = [other for other in pack_called(pack).requires if other not in among]
    if missing:
        raise LedgerError(f"the pack {pack} stands on {missing[0]}; name that too")
    return created_by(pack)


def arguments_of(pack: str, name: str, told: Deploying) -> tuple[Any, ...]:
    """What the constructor of ``name`` takes."""
    contract = next(c for c in pack_called(pack).contracts if c.name == name.removesuffix("Code"))
    if contract.behind_proxy and name == contract.name:
        return (told.addresses[name + "Code"],)
    if PACKS.origin(pack) == "klopf":
        return contract.arguments(told)
    with guarded(f"{name}.arguments() of the pack {pack!r} of {PACKS.origin(pack)} fails"):
        return tuple(contract.arguments(told))


def _read(rpc: Rpc, directory: str, function: str, *arguments: Any) -> Any:
    abi = artifact("Directory").functions[function]
    try:
        return abi.answer(rpc.call(directory, abi.call_data(arguments)))
    except Reverted as error:
        raise LedgerError(f"the directory at {directory} does not answer: {error}") from None


def _hash(code: bytes) -> str:
    return "0x" + bytes(keccak(code)).hex()
