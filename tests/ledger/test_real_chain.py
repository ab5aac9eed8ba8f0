"""The whole story on a chain as it is outside: a block a second, a reorganisation in the middle, and a node that drops
every tenth request."""

from __future__ import annotations

import importlib.util
import itertools
import json
import sys
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from ledger_helpers import TINY, result, secret

from klopf import ledger
from klopf.ledger import KLP, Constitution, Governance, Index, Phase, ProposalState, Receipt, ReceiptTree, Role, Support

ROUND = replace(TINY, listen_seconds=600, claim_seconds=600, audit_seats=2)
SWIFT = Constitution(voting_delay=1, voting_period=12, late_quorum_extension=1, timelock_delay=1, quorum_percent=1)


class Dropping:
    """A link of which every tenth request is lost, half of them after the node has carried them out."""

    def __init__(self, provider: Any) -> None:
        self.provider, self.count = provider, itertools.count(1)

    def make_request(self, method: str, params: Any) -> Any:
        n = next(self.count)
        if n % 20 == 0:
            raise ConnectionError("dropped")
        answer = self.provider.make_request(method, params)
        if n % 20 == 10:
            raise ConnectionError("the answer was dropped")
        return answer


def together(*work: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(work)) as pool:
        return [f.result() for f in [pool.submit(w) for w in work]]


@pytest.mark.slow
@pytest.mark.extras
def test_the_whole_story_over_a_real_chain(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("shared", Path(__file__).parents[1] / "conftest.py")
    assert spec is not None and spec.loader is not None
    shared = importlib.util.module_from_spec(spec)
    sys.modules["shared"] = shared  # its dataclasses look their module up
    spec.loader.exec_module(shared)
    anvil = shared.start_anvil("--block-time", "1")

    def reorganise(depth: int) -> None:
        body = {"jsonrpc": "2.0", "id": 1, "method": "anvil_reorg", "params": [depth, []]}
        ask = urllib.request.Request(anvil.url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(ask, timeout=10) as answer:
            assert "error" not in json.load(answer)

    try:
        story(anvil.url, reorganise, tmp_path)
    finally:
        shared.end(anvil.process)


def story(url: str, reorganise: Callable[[int], None], folder: Path) -> None:
    deployment = ledger.deploy(url, secret(0), ROUND, constitution=SWIFT)

    def connect(key: ledger.Key) -> ledger.Ledger:
        made = ledger.connect(url, key, deployment, confirmations=2)
        made.rpc.provider = Dropping(made.rpc.provider)
        return made

    admin = connect(secret(0))
    roles = [Role.NEURON] * 3 + [Role.AUDITOR] * 2
    for n in range(len(roles)):
        admin.rpc.confirmations = 0
        admin.fund(secret(500 + n).address, tokens=1_000 * KLP)
    admin.rpc.confirmations = 2
    clients: dict[int, ledger.Ledger] = {}

    def join(n: int) -> None:
        own = connect(secret(500 + n))
        id = own.registry.register(roles[n], certificate=b"c%d" % n, model="m", endpoint=f"127.0.0.1:{n}")
        own.stake.stake(id, 100 * KLP)
        own.clock.arrive(id)
        clients[id] = own

    shake = threading.Timer(4.0, reorganise, (1,))  # while everybody registers
    shake.start()
    together(*(lambda n=n: join(n) for n in range(len(roles))))
    shake.join()
    assert admin.clock.now().arrived == 5
    admin.clock.start()
    everybody = admin.registry.all()
    neurons = [p.id for p in everybody if p.role is Role.NEURON]
    auditors = [p.id for p in everybody if p.role is Role.AUDITOR]

    # LISTEN
    columns: dict[int, list[ledger.SignedReceipt]] = {n: [] for n in neurons}
    posts = []
    for listener in neurons:
        made = [Receipt(1, listener, s, 9, 30_000, sha256(b"t").digest()) for s in neurons if s != listener]
        tree = ReceiptTree(made)
        posts.append(lambda l=listener, t=tree: clients[l].settlement.post(l, t.root, bytes(32)))
        for r in made:
            digest = r.digest(admin.domain)
            ends = (clients[i].me.sign(digest) for i in (r.listener, r.speaker))
            columns[r.speaker].append(ledger.SignedReceipt(r, *ends, tree.proof(r)))
    results = [result(n) for n in neurons]
    commits = [lambda a=a: clients[a].audits.commit(a, results, bytes(32)) for a in auditors]
    shake = threading.Timer(1.5, reorganise, (1,))  # and while they post
    shake.start()
    together(*posts, *commits)
    shake.join()
    assert admin.clock.advance() and admin.clock.now().phase is Phase.CLAIM
    claims = [lambda n=n: clients[n].settlement.claim(n, columns[n]) for n in neurons]
    reveals = [lambda a=a: clients[a].audits.reveal(a, results, bytes(32)) for a in auditors]
    together(*claims, *reveals)
    assert admin.clock.advance()
    admin.settle(1)
    assert admin.token.emitted() == 9_999 * KLP + (KLP - 1)  # three thirds, rounded down
    clients[neurons[0]].registry.knock(neurons[0])
    assert admin.registry.get(neurons[0]).standing is ledger.Standing.BACKBONE

    # a vote changes a rule
    dao = Governance(admin)
    dao.delegate()
    proposal = dao.propose_rules(replace(ROUND, seats=9), "nine seats")
    wait_for(dao, proposal, ProposalState.ACTIVE)
    dao.vote(proposal, Support.FOR)
    wait_for(dao, proposal, ProposalState.SUCCEEDED)
    dao.queue(proposal)
    dao.execute(proposal)
    together(*(lambda i=i, c=c: c.clock.arrive(i) for i, c in clients.items()))
    assert admin.clock.advance()
    together(*(lambda i=i, c=c: c.clock.arrive(i) for i, c in clients.items()))
    assert admin.clock.advance()
    assert admin.rules.current().seats == 9

    with Index(folder / "index.db") as index:
        index.follow(admin)
        assert list(index.events()) == list(ledger.history(admin))
    assert ledger.verify(admin, [s for column in columns.values() for s in column]) == []


def wait_for(dao: Governance, proposal: int, state: ProposalState) -> None:
    import time

    until = time.monotonic() + 60
    while dao.get(proposal).state is not state:
        assert time.monotonic() < until, dao.get(proposal)
        time.sleep(0.5)
