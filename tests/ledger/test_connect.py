"""Deployments and links: the wrong chain is refused in one line, and a bad link loses and doubles nothing."""

from __future__ import annotations

import dataclasses
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from ledger_helpers import KLP, Net, Role, secret

from klopf import ledger
from klopf.errors import LedgerError, Reverted, Unanswered
from klopf.ledger import Deployment, Parameters, _rpc


def one_line(error: pytest.ExceptionInfo[LedgerError], text: str) -> None:
    assert text in str(error.value) and "\n" not in str(error.value)


def test_a_deployment_is_saved_and_found_again(net: Net, chain_endpoint, tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    net.admin.deployment.save(path)
    deployment = Deployment.load(path)
    assert deployment == net.admin.deployment
    with ledger.connect(chain_endpoint.location, None, deployment) as reader:
        assert reader.token.supply() == 600_000_000 * KLP
        assert reader.rules.current() == net.admin.rules.current()
        assert reader.rules.owner() == net.admin.me.address
        with pytest.raises(LedgerError, match="opened for reading"):
            reader.clock.advance() or reader.clock.start()


def test_the_genesis_is_split_as_written(chain_endpoint) -> None:
    holders = {name: secret(n).address for n, name in enumerate(("fundraising", "lab", "foundation"), 200)}
    deployment = ledger.deploy(chain_endpoint.location, secret(0), Parameters(), **holders)
    with ledger.connect(chain_endpoint.location, None, deployment) as reader:
        million = 10**6 * KLP
        balances = [reader.token.balance(holders[n]) for n in ("fundraising", "lab", "foundation")]
        assert balances == [100 * million, 400 * million, 100 * million]
        assert reader.token._read("CAP") == 2_000 * million
        reserves = [reader.token._read(f"{n}_RESERVE") for n in ("COMPUTE", "LIQUIDITY", "CIRCULATION")]
        assert sum(reserves) + sum(balances) == 2_000 * million
        assert reader.deployment.treasury == holders["foundation"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"chain_id": 56}, "names another chain: its id is 56"),
        ({"genesis": "0x" + "11" * 32}, "names another chain: its genesis"),
        ({"code": None}, "names another chain: the code at"),
    ],
)
def test_another_chain_is_refused(net: Net, chain_endpoint, change: dict[str, Any], text: str) -> None:
    if "code" in change:
        change = {"code": {name: "0x" + "00" * 32 for name in net.admin.deployment.code}}
    wrong = dataclasses.replace(net.admin.deployment, **change)
    with pytest.raises(LedgerError) as caught:
        ledger.connect(chain_endpoint.location, None, wrong)
    one_line(caught, text)


def test_bad_places_get_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rpc, "_TRIES", 2)
    nowhere = Deployment(1, "0x", 1, {}, {}, "0x")
    with pytest.raises(LedgerError) as caught:
        ledger.connect("http://127.0.0.1:9", None, nowhere)
    one_line(caught, "no answer from http://127.0.0.1:9")
    with pytest.raises(LedgerError) as caught:
        ledger.connect("ftp://x", None, nowhere)
    one_line(caught, "no RPC URL")
    with pytest.raises(LedgerError) as caught:
        ledger.connect(tmp_path / "x", None, None)
    one_line(caught, "deployment file")
    with pytest.raises(LedgerError) as caught:
        Deployment.load(tmp_path / "none.json")
    one_line(caught, "cannot read")
    (tmp_path / "bad.json").write_text('{"chain_id": 1')
    with pytest.raises(LedgerError) as caught:
        Deployment.load(tmp_path / "bad.json")
    one_line(caught, "no deployment file")


class Leaky:
    """A link that loses every so-manieth request, or its answer after it was carried out."""

    def __init__(self, provider: Any, chance: random.Random) -> None:
        self.provider, self.chance, self.lost = provider, chance, 0

    def make_request(self, method: str, params: Any) -> Any:
        fate = self.chance.random()
        if fate < 0.1:
            self.lost += 1
            raise ConnectionError("lost on the way there")
        answer = self.provider.make_request(method, params)
        if fate < 0.2:
            self.lost += 1
            raise ConnectionError("lost on the way back")
        return answer


def test_a_link_that_loses_every_fifth_request_doubles_nothing(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rpc.time, "sleep", lambda _: None)
    leaky = Leaky(net.admin.rpc.provider, random.Random(4))
    net.admin.rpc.provider = leaky
    a = net.join(Role.NEURON)
    for n in range(1, 21):
        net.admin.token.transfer(secret(300).address, n)
    assert net.admin.token.balance(secret(300).address) == 210
    assert leaky.lost > 10
    with pytest.raises(Reverted):
        net.admin.clock.advance() or net.admin.clock._write("advance")
    assert net.admin.registry.count() == a == 1


class Behind:
    """Nodes behind one address: the answer to a send is lost, and the node that is asked next is a receipt behind."""

    def __init__(self, provider: Any, first: Any = None) -> None:
        self.provider, self.first, self.sends, self.late = provider, first, 0, 0

    def make_request(self, method: str, params: Any) -> Any:
        if method == "eth_sendRawTransaction":
            self.sends += 1
            if self.sends == 1:
                self.first() if self.first else self.provider.make_request(method, params)
                raise ConnectionError("lost")
            if self.sends == 2:
                self.late = 2
                return {"error": {"code": -32000, "message": "nonce too low"}}
        if self.late and method in ("eth_getTransactionReceipt", "eth_getTransactionByHash"):
            self.late -= 1
            return {"result": None}
        return self.provider.make_request(method, params)


@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_answer_and_a_late_node_pay_once(net: Net, arrived: bool) -> None:
    """Whether the transaction arrived, or another of the same key took its nonce."""
    to, mine = secret(302).address, net.admin.rpc
    other = ledger.Ledger(_rpc.Rpc(mine.provider, mine.where, mine.chain), net.admin.deployment, net.admin.me)
    net.admin.token.transfer(to, 1)  # so that both know the nonce
    first = None if arrived else lambda: other.token.transfer(secret(303).address, 5)
    mine.provider = Behind(mine.provider, first)
    net.admin.token.transfer(to, 1)
    assert net.admin.token.balance(to) == 2
    assert net.admin.token.balance(secret(303).address) == (0 if arrived else 5)
    assert mine.provider.sends == (2 if arrived else 3)


def test_threads_of_one_key_do_not_collide(net: Net) -> None:
    to = secret(301).address
    failures: list[BaseException] = []

    def pay() -> None:
        try:
            for _ in range(5):
                net.admin.token.transfer(to, 1)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=pay) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert net.admin.token.balance(to) == 20


PAY = """
import sys
from hashlib import sha256
from klopf import ledger
where, deployment, to = sys.argv[1:]
key = ledger.keys.Key(sha256(b"klopf test key 0").digest())
with ledger.connect(where, key, ledger.Deployment.load(deployment)) as l:
    for _ in range(8):
        l.token.transfer(to, 1)
"""


def test_processes_of_one_key_do_not_collide(net: Net, chain_endpoint, tmp_path: Path) -> None:
    to, path = secret(302).address, tmp_path / "deployment.json"
    net.admin.deployment.save(path)
    command = [sys.executable, "-c", PAY, chain_endpoint.location, str(path), to]
    workers = [subprocess.Popen(command) for _ in range(2)]
    for _ in range(8):
        net.admin.token.transfer(to, 1)
    assert [worker.wait(90) for worker in workers] == [0, 0]
    assert net.admin.token.balance(to) == 24


def test_a_sender_that_is_killed_loses_and_doubles_nothing(net: Net, chain_endpoint, tmp_path: Path) -> None:
    """Every transfer that was acknowledged arrived, at most one more per kill, and the account can go on at once."""
    to, path = secret(304).address, tmp_path / "deployment.json"
    net.admin.deployment.save(path)
    endless = PAY.replace("range(8)", "range(10**9)").replace("to, 1)", "to, 1); print(flush=True)")
    acknowledged = 0
    for told in (1, 3, 6):
        command = [sys.executable, "-c", endless, chain_endpoint.location, str(path), to]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
            assert worker.stdout
            for _ in range(told):
                assert worker.stdout.readline() == b"\n"
            worker.kill()
            acknowledged += told + worker.stdout.read().count(b"\n")
    assert acknowledged <= net.admin.token.balance(to) <= acknowledged + 3
    before = net.admin.token.balance(to)
    net.admin.token.transfer(to, 1)
    assert net.admin.token.balance(to) == before + 1


def test_a_node_that_wants_gas_is_paid(chain_endpoint) -> None:
    """With coin in the account, on a node that suggests a price, transactions are estimated and paid for."""
    key = secret(0)
    if chain_endpoint.kind == "anvil":
        chain_endpoint.rpc("anvil_setBalance", key.address, hex(10**21))
    deployment = ledger.deploy(chain_endpoint.location, key)
    with ledger.connect(chain_endpoint.location, key, deployment) as l:
        before = l.rpc.balance(key.address)
        l.token.transfer(secret(1).address, 5)
        if chain_endpoint.kind == "anvil":
            assert l.rpc.balance(key.address) < before
            l.fund(secret(1).address, wei=10**18)
            assert l.rpc.balance(secret(1).address) == 10**18
        with pytest.raises(Reverted, match=r"ERC20InsufficientBalance.*fund this account"):
            ledger.Ledger(l.rpc, deployment, secret(2)).token.transfer(key.address, 5)


def test_a_node_that_answers_with_an_error_is_quoted() -> None:
    class Broken:
        def make_request(self, method: str, params: Any) -> Any:
            return {"error": {"code": -32603, "message": "disk\nfull"}}

    with pytest.raises(Unanswered) as caught:
        _rpc.Rpc(Broken(), "somewhere").height()
    one_line(caught, "eth_blockNumber: disk full")
