"""An embedded chain in memory that keeps what each call took, and which calls of the contracts were not made.

Part of ``gas_full.py``; nothing to run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from klopf.ledger import Key, _abi
from klopf.ledger._client import Client
from klopf.ledger._pack import contracts, pack_called

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.ledger.memory import MemoryRpc

LEFT_OUT = {
    "contracts alone": "Clock.start Registry.onHeard Registry.onJudged Registry.onPost Registry.onStake Rules.adopt "
    "Seats.onJudged "
    "Reserves.mint Stake.burn Stake.slash Stake.slashAndBurn Stake.slashFor Token.emitTo Token.mintFrom Effort.onSold "
    "Economy.adopt Emission.pay Emission.putBack Emission.setAside Emission.setEffortAside Settlement.hold "
    "Settlement.release",
    "the owner of the rules": "AuditTerms.propose Marks.propose Beacon.propose Directory.add Lens.upgradeToAndCall "
    "Snapshots.upgradeToAndCall Reserves.setRate Rules.propose Rules.renounceOwnership Rules.transferOwnership "
    "Economy.propose AuditPay.propose Schema.agree Seats.propose",
}
OPENZEPPELIN = {"Timelock", "Token", "Snapshots", "Devices", "Forwarder", "KlopfGovernor"}
"""Of these only what Klopf's own clients call is measured."""


class Counting(MemoryRpc):
    """Remembers the dearest call of each function."""

    def __init__(self) -> None:
        super().__init__()
        self.gas: dict[str, int] = {}
        self.each: dict[str, list[int]] = {}
        """The gas of every call, by what was called."""
        self.total = 0
        self.names: dict[str, tuple[str, dict[bytes, str]]] = {}

    def know(self, addresses: dict[str, str]) -> None:
        for name, address in addresses.items():
            abi = contracts()[name].artifact() if name in contracts() else _abi.artifact(_abi.created(name))
            self.names[address.lower()] = name, {f.selector: f.name for f in abi.functions.values()}

    def send(self, key: Key, to: str | None, data: bytes, value: int = 0) -> dict[str, Any]:
        receipt = super().send(key, to, data, value)
        contract, functions = self.names.get((to or "").lower(), ("", {}))
        if contract:
            what = f"{contract}.{functions.get(data[:4], data[:4].hex())}"
            spent = int(receipt["gasUsed"], 16)
            self.gas[what] = max(self.gas.get(what, 0), spent)
            self.each.setdefault(what, []).append(spent)
            self.total += spent
        return receipt

    def request(self, method: str, *params: Any) -> Any:
        if method == "eth_estimateGas":
            return hex(1_000_000)
        if params[:1] == ("pending",):
            return {"timestamp": hex(self.time)}
        return super().request(method, *params)

    def read(self, what: str, client: Client, function: str, *values: object) -> None:
        """A call that changes nothing, and its gas."""
        data = client.artifact().functions[function].call_data(values)
        outcome = self._run(bytes(20), bytes.fromhex(client.address[2:]), data)
        assert outcome.status, (what, outcome.output)
        self.gas[what] = max(self.gas.get(what, 0), outcome.gas_used)

    def since(self) -> dict[str, int]:
        """What was found since it was asked for last."""
        found, self.gas = self.gas, {}
        return found


def unmeasured(measured: set[str]) -> list[str]:
    """Functions that change something, are not left out, and were not called. Nobody's number takes part in what a call
    of the pack ``finance`` or of ``Sales`` does; ``bench/finance.py`` has the gas of the first."""
    left_out = {name for names in LEFT_OUT.values() for name in names.split()}
    found = []
    alike = {c.name for c in pack_called("finance").contracts} | {"Sales"}
    for name in set(contracts()) - alike:
        kept = _abi.shipped().get(name) if name not in OPENZEPPELIN else None
        for entry in json.loads(kept[1].read_text())["abi"] if kept else ():
            what = f"{name}.{entry.get('name')}"
            changes = entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
            if changes and what not in measured | left_out:
                found.append(what)
    return sorted(found)
