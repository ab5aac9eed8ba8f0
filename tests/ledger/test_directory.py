"""One address leads to a whole network; what is there is compared with what Klopf ships; an owner adds to it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from ledger_helpers import KLP, TINY, Net, Role, secret

from klopf import extensions, ledger
from klopf.errors import LedgerError, Reverted
from klopf.ledger import Deployment, Governance, Ledger, Support, _abi
from klopf.ledger._deployment import code_differs
from klopf.ledger._pack import contracts
from tests.ledger.rounds import Rounds


@contextmanager
def rounds_installed() -> Iterator[None]:
    """A package from outside stands beside Klopf."""
    entry = EntryPoint("rounds", "tests.ledger.rounds:RoundsPack", "klopf.packs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extensions, "entry_points", lambda group: [entry] if group == "klopf.packs" else [])
        contracts.cache_clear()
        yield
    contracts.cache_clear()


def spoil(net: Net, name: str, change: Callable[[bytes], bytes]) -> None:
    """Other code at a contract's address, as no chain would have it: an owner who deployed something else does."""
    place = net.admin.deployment.addresses[name]
    net.admin.rpc.request("hardhat_setCode", place, "0x" + change(net.admin.rpc.code(place)).hex())


def test_an_address_is_enough_for_a_newcomer(net: Net, chain_endpoint) -> None:  # type: ignore[no-untyped-def]
    made = net.admin.deployment
    assert made.packs.keys() == {"core", "market", "audit", "fleet"}
    with ledger.connect(chain_endpoint.location, secret(5), directory=made.directory) as found:
        assert found.deployment == made
        assert found.rules.current() == TINY
        assert found.directory.packs() == list(made.packs)
        assert ledger.verify(found, []) == []
    with pytest.raises(LedgerError, match="no directory of a Klopf network"):
        ledger.connect(chain_endpoint.location, directory=made.addresses["Token"])
    with pytest.raises(LedgerError, match="address of its directory"):
        ledger.connect(chain_endpoint.location)


def test_a_contract_that_was_given_something_else_is_named_and_not_discovered(net: Net) -> None:
    rpc, place = net.admin.rpc, net.admin.deployment.addresses["Jobs"]
    assert not code_differs(rpc, place, _abi.artifact("Jobs"))
    assert code_differs(rpc, place, _abi.artifact("Stake"))
    spoil(net, "Jobs", lambda code: code + b"\x00")
    assert code_differs(rpc, place, _abi.artifact("Jobs"))
    assert any(f"the code of Jobs at {place} is not the shipped one" in str(d) for d in ledger.verify(net.admin, []))
    with pytest.raises(LedgerError, match=r"the code of Jobs at .* is not the shipped one; do not trust"):
        Deployment.discover(rpc, net.admin.deployment.directory)


def test_a_contract_that_obeys_a_stranger_is_named(net: Net) -> None:
    """The shipped code, with another token in it: as a deployment by a false directory would have it."""
    token, stranger = net.admin.deployment.addresses["Token"], secret(66).address

    def point(code: bytes) -> bytes:
        return code.replace(bytes.fromhex(token[2:]), bytes.fromhex(stranger[2:]))

    spoil(net, "Jobs", point)
    assert not code_differs(net.admin.rpc, net.admin.deployment.addresses["Jobs"], _abi.artifact("Jobs"))
    found = [str(difference) for difference in ledger.verify(net.admin, [])]
    assert any(f"Jobs obeys {stranger}, which is no contract of this network" in line for line in found)


def test_the_directory_keeps_what_is_in_it(net: Net) -> None:
    a, directory, there = net.join(Role.REQUESTER), net.admin.directory, net.admin.deployment.addresses
    with pytest.raises(Reverted, match="NotOwner"):
        net.clients[a].directory.add("rounds", {"Rounds": there["Token"]})
    for contracts_ in ({"Token": there["Stake"]}, {"Rounds": there["Stake"], "Stake": there["Token"]}):
        with pytest.raises(Reverted, match="AlreadyThere"):
            directory.add("rounds", contracts_)
    with pytest.raises(Reverted, match="AlreadyThere"):
        directory.add("core", {"Rounds": there["Token"]})
    for none in ({}, {"Rounds": secret(3).address}):
        with pytest.raises(Reverted, match="WrongPack"):
            directory.add("rounds", none)
    with pytest.raises(LedgerError, match="is no name for a pack"):
        directory.add("a name that is too long to be kept", {"Rounds": there["Token"]})


def test_a_network_may_lack_a_pack_until_something_of_it_is_asked_for(chain_endpoint) -> None:  # type: ignore[no-untyped-def]
    key = secret(0)
    made = ledger.deploy(chain_endpoint.location, key, TINY, packs=("core",))
    with ledger.connect(chain_endpoint.location, key, made) as l:
        id = l.registry.register(Role.NEURON, certificate=b"x")
        l.stake.stake(id, 100 * KLP)
        l.clock.start()
        assert ledger.verify(l, []) == []
        with pytest.raises(LedgerError, match=r"no Effort: its packs are core; .*add-pack fleet"):
            _ = l.effort.node_of(1)
    with pytest.raises(LedgerError, match="stands on market"):
        ledger.deploy(chain_endpoint.location, key, TINY, packs=("core", "fleet"))


def test_without_a_fleet_the_market_pays(chain_endpoint) -> None:  # type: ignore[no-untyped-def]
    key = secret(0)
    made = ledger.deploy(chain_endpoint.location, key, TINY, packs=("core", "market"))
    net = Net(ledger.connect(chain_endpoint.location, key, made), chain_endpoint.pass_time)
    a, b, c = (net.join(Role.NEURON) for _ in range(3))
    net.admin.clock.start()
    assert net.admin.settlement.epoch(net.epoch({a: {b: 9}, b: {a: 9}, c: {a: 9, b: 9}})).pool == TINY.emission
    assert ledger.verify(net.admin, net.receipts) == []
    net.admin.close()


def test_who_lacks_an_added_pack_goes_on_without_it(net: Net, chain_endpoint) -> None:  # type: ignore[no-untyped-def]
    before = net.admin.deployment
    with rounds_installed():
        added = ledger.add_pack(net.admin, "rounds")
        with pytest.raises(LedgerError, match="has the pack rounds already"):
            ledger.add_pack(Ledger(net.admin.rpc, added.deployment or before, secret(0)), "rounds")
    with ledger.connect(chain_endpoint.location, secret(0), before) as l:
        assert l.deployment.packs["rounds"] == ["Rounds"]
        assert l.token.supply() == net.admin.token.supply()
    with ledger.connect(chain_endpoint.location, directory=before.directory) as l:
        assert any("rounds" in str(difference) for difference in ledger.verify(l, []))


def test_only_the_owner_adds_a_pack(net: Net) -> None:
    a = net.join(Role.REQUESTER)
    with rounds_installed(), pytest.raises(LedgerError, match="only that key may add a pack"):
        ledger.add_pack(net.clients[a], "rounds")


def test_a_dao_votes_on_a_pack(chain_endpoint) -> None:  # type: ignore[no-untyped-def]
    day = 24 * 3600
    made = ledger.deploy(chain_endpoint.location, secret(0), TINY, constitution=ledger.Constitution())
    with ledger.connect(chain_endpoint.location, secret(0), made) as l, rounds_installed():
        dao = Governance(l)
        dao.delegate()
        chain_endpoint.pass_time(2)
        added = ledger.add_pack(l, "rounds", description="let us play rounds")
        assert added.deployment is None and added.proposal is not None
        assert l.directory.packs() == list(made.packs)  # nobody has voted yet
        for wait, step in (
            (day + 1, lambda: dao.vote(added.proposal or 0, Support.FOR)),
            (7 * day + 1, lambda: dao.queue(added.proposal or 0)),
            (2 * day + 1, lambda: dao.execute(added.proposal or 0)),
        ):
            chain_endpoint.pass_time(wait)
            step()
        now = made.current(l.rpc)
        assert now.addresses["Rounds"] == added.addresses["Rounds"]
        with ledger.connect(chain_endpoint.location, secret(0), now) as after:
            after.client(Rounds).begin()
            assert ledger.verify(after, []) == []


@pytest.mark.slow
def test_a_contract_with_a_drain_is_named(net: Net, contracts: Path, tmp_path: Path) -> None:
    """A whole deployment whose Jobs can be emptied by whoever made it: nothing of it shows in an event until it is."""
    node = shutil.which("node")
    if node is None or not (contracts / "node_modules").is_dir():
        pytest.skip("node or the contracts' npm packages are not installed; run `make contracts`")
    shutil.copytree(contracts / "src", tmp_path / "src")
    jobs = tmp_path / "src" / "market" / "Jobs.sol"
    drain = "\n    function drain() external {\n        token.safeTransfer(msg.sender, held);\n    }\n"
    before, brace, after = jobs.read_text().rpartition("}")
    jobs.write_text(before + drain + brace + after)
    command = [node, "build.mjs", str(tmp_path / "src"), str(tmp_path / "out"), str(contracts / "layouts"), "Jobs"]
    subprocess.run(command, cwd=contracts, check=True, capture_output=True)
    evil, shipped = _abi.read_artifact(tmp_path / "out" / "market" / "Jobs.json"), _abi.artifact
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("klopf.ledger._deployment.artifact", lambda name: evil if name == "Jobs" else shipped(name))
        made = ledger.deploy(net.admin.rpc.where, secret(0), TINY)
    with ledger.connect(net.admin.rpc.where, secret(0), made) as l:
        (found,) = ledger.verify(l, [])
        assert "the code of Jobs" in str(found)


@pytest.mark.slow
def test_a_folder_of_ones_own_is_built_with_klopfs_interfaces(contracts: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (contracts / "node_modules").is_dir():
        pytest.skip("node or the contracts' npm packages are not installed; run `make contracts`")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "Mine.sol").write_text(
        "// SPDX-License-Identifier: Apache-2.0\npragma solidity ^0.8.28;\n\n"
        'import {IDirectory} from "@klopf/core/IDirectory.sol";\n'
        'import {IRegistry} from "@klopf/core/IRegistry.sol";\n\n'
        "contract Mine {\n    IRegistry public immutable registry;\n\n    constructor(IDirectory d) {\n"
        '        registry = IRegistry(d.addressOf("Registry"));\n    }\n}\n'
    )
    places = [str(tmp_path / name) for name in ("mine", "out", "layouts")]
    subprocess.run([node, "build.mjs", *places], cwd=contracts, check=True, capture_output=True)
    made = _abi.read_artifact(tmp_path / "out" / "Mine.json")
    assert made.constructor == ("address",) and made.immutable and made.runtime
    (tmp_path / "empty").mkdir()
    done = subprocess.run([node, "build.mjs", str(tmp_path / "empty"), str(tmp_path / "x")], cwd=contracts,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 1 and "no .sol file" in done.stderr


def test_solcs_own_output_will_do(contracts: Path) -> None:
    ours = _abi.artifact("Jobs")
    solc = {
        "contracts": {
            "Jobs.sol": {
                "Jobs": {
                    "abi": [],
                    "evm": {
                        "bytecode": {"object": ours.bytecode.hex()},
                        "deployedBytecode": {
                            "object": ours.runtime.hex(),
                            "immutableReferences": {"7": [{"start": s, "length": n} for s, n in ours.immutable]},
                        },
                    },
                }
            }
        }
    }
    read = _abi.parse_artifact(solc, "Anything")
    assert (read.name, read.bytecode, read.runtime) == ("Jobs", ours.bytecode, ours.runtime)
    assert read.immutable == ours.immutable


def test_a_made_up_deployment_is_told_apart(net: Net) -> None:
    """A deployment file in which somebody put another contract's address: the directory says otherwise."""
    made = net.admin.deployment
    false = replace(made, addresses={**made.addresses, "Jobs": made.addresses["Stake"]})
    found = [str(d) for d in ledger.verify(Ledger(net.admin.rpc, false, secret(0)), [])]
    assert any("the directory has Jobs at" in line for line in found)
