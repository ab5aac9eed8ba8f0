"""ERC-8004's registries are views of ours: they say what the network has, and refuse what they cannot do."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from ledger_helpers import Net, Role, result, secret

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Ledger, _verify
from klopf.ledger._abi import FunctionABI, shipped
from klopf.ledger.agents import AgentIdentity, AgentReputation, AgentValidation

NEEDED = {
    # the standard's functions, with their types, and whether a view can answer them
    AgentIdentity: {
        "register(string,(string,bytes)[])": False,
        "register(string)": False,
        "register()": False,
        "setAgentURI(uint256,string)": False,
        "getMetadata(uint256,string)": True,
        "setMetadata(uint256,string,bytes)": False,
        "setAgentWallet(uint256,address,uint256,bytes)": False,
        "getAgentWallet(uint256)": True,
        "unsetAgentWallet(uint256)": False,
        "name()": True,
        "symbol()": True,
        "tokenURI(uint256)": True,
        "ownerOf(uint256)": True,
        "balanceOf(address)": False,
        "approve(address,uint256)": False,
        "getApproved(uint256)": True,
        "setApprovalForAll(address,bool)": False,
        "isApprovedForAll(address,address)": True,
        "transferFrom(address,address,uint256)": False,
        "safeTransferFrom(address,address,uint256)": False,
        "safeTransferFrom(address,address,uint256,bytes)": False,
        "supportsInterface(bytes4)": True,
    },
    AgentReputation: {
        "getIdentityRegistry()": True,
        "giveFeedback(uint256,int128,uint8,string,string,string,string,bytes32)": False,
        "revokeFeedback(uint256,uint64)": False,
        "appendResponse(uint256,address,uint64,string,bytes32)": False,
        "getSummary(uint256,address[],string,string)": True,
        "readFeedback(uint256,address,uint64)": True,
        "readAllFeedback(uint256,address[],string,string,bool)": True,
        "getResponseCount(uint256,address,uint64,address[])": True,
        "getClients(uint256)": True,
        "getLastIndex(uint256,address)": True,
    },
    AgentValidation: {
        "getIdentityRegistry()": True,
        "validationRequest(address,uint256,string,bytes32)": False,
        "validationResponse(bytes32,uint8,string,bytes32,string)": False,
        "getValidationStatus(bytes32)": True,
        "getSummary(uint256,address[],string)": True,
        "getAgentValidations(uint256)": True,
        "getValidatorRequests(address)": False,
    },
}
EVENTS = {
    AgentIdentity: {
        "Registered(uint256,string,address)",
        "URIUpdated(uint256,string,address)",
        "MetadataSet(uint256,string,string,bytes)",
        "Transfer(address,address,uint256)",
    },
    AgentReputation: {
        "NewFeedback(uint256,address,uint64,int128,uint8,string,string,string,string,string,bytes32)",
        "FeedbackRevoked(uint256,address,uint64)",
        "ResponseAppended(uint256,address,uint64,address,string,bytes32)",
    },
    AgentValidation: {
        "ValidationRequest(address,uint256,string,bytes32)",
        "ValidationResponse(address,uint256,bytes32,uint8,string,bytes32,string)",
    },
}
ZERO = "0x" + "00" * 20


def written(kind: str, contract: str) -> set[str]:
    """The functions or events of a contract's ABI, with their types."""

    def typed(field: dict[str, Any]) -> str:
        if not field["type"].startswith("tuple"):
            return str(field["type"])
        return f"({','.join(map(typed, field['components']))}){field['type'][5:]}"

    abi = json.loads(shipped()[contract][1].read_text())["abi"]
    return {f"{e['name']}({','.join(map(typed, e['inputs']))})" for e in abi if e["type"] == kind}


def grown(net: Net) -> Ledger:
    added = ledger.add_pack(net.admin, "agents")
    assert added.deployment is not None
    return Ledger(net.admin.rpc, added.deployment, secret(0))


def ask(book: Ledger, contract: type, signature: str, *values: Any, outputs: tuple[str, ...] = ()) -> Any:
    """A function by its whole signature, some of which are overloaded."""
    name, _, inside = signature.partition("(")
    kinds, depth, word = [], 0, ""
    for c in inside[:-1] + ",":
        depth += (c == "(") - (c == ")")
        if c == "," and not depth:
            kinds += [word] if word else []
            word = ""
        else:
            word += c
    call = FunctionABI(name, tuple(kinds), outputs)
    found = book.rpc.call(book.client(contract).address, call.call_data(values))
    return call.answer(found) if outputs else found


def empty(kind: str) -> Any:
    if kind.endswith("]"):
        return []
    return {"address": ZERO, "string": "", "bool": False}.get(kind, b"" if kind == "bytes" else 0)


def test_every_function_and_event_of_the_standard_is_there_with_its_types() -> None:
    for contract, functions in NEEDED.items():
        assert set(functions) <= written("function", contract.name)
        assert EVENTS[contract] == written("event", contract.name)


def test_what_a_view_cannot_do_is_refused(net: Net) -> None:
    book = grown(net)
    for contract, functions in NEEDED.items():
        for signature, answers in functions.items():
            if answers:
                continue
            inside = signature.partition("(")[2][:-1]
            kinds = ["string", "(string,bytes)[]"] if "(" in inside else [k for k in inside.split(",") if k]
            values = [bytes(int(k[5:])) if k.startswith("bytes") and k != "bytes" else empty(k) for k in kinds]
            why = "NotKept" if signature.startswith(("balanceOf", "getValidatorRequests")) else "ReadOnly"
            with pytest.raises(Reverted, match=why):
                ask(book, contract, signature, *values)


def test_an_agent_is_a_participant(net: Net) -> None:
    book, neuron, auditor = grown(net), net.join(Role.NEURON), net.join(Role.AUDITOR)
    net.join(Role.REQUESTER)
    identity = book.client(AgentIdentity)
    file = identity.registration(neuron)
    assert (file["name"], file["active"], file["x402Support"]) == ("neuron 1", True, False)
    assert file["services"] == [{"name": "klopf", "endpoint": "127.0.0.1:0"}]
    chain = book.deployment.chain_id
    assert file["registrations"] == [{"agentId": 1, "agentRegistry": f"eip155:{chain}:{identity.address}"}]
    owner = net.clients[neuron].me.address
    for signature in ("ownerOf(uint256)", "getAgentWallet(uint256)"):
        assert ask(book, AgentIdentity, signature, neuron, outputs=("address",)) == owner.lower()
    assert identity.metadata(neuron, "agentWallet").hex() == owner[2:].lower()
    assert identity.metadata(auditor, "role") == b"auditor"
    assert identity.metadata(neuron, "standing") == b"fringe"
    assert identity.metadata(neuron, "fingerprint") == book.registry.get(neuron).fingerprint
    assert identity.metadata(neuron, "hat") == b""
    for interface, there in (("01ffc9a7", True), ("5b5e139f", True), ("80ac58cd", False), ("ffffffff", False)):
        said = ask(book, AgentIdentity, "supportsInterface(bytes4)", bytes.fromhex(interface), outputs=("bool",))
        assert said == there
    for nobody in (0, 9, 2**32 + 1, 2**255):
        with pytest.raises(Reverted, match="UnknownAgent"):
            identity.registration(nobody)
    own = net.clients[3]
    own.registry.quit(3)
    with pytest.raises(Reverted, match="UnknownAgent"):
        identity.registration(3)


@pytest.mark.parametrize("said", ['a"b', "a\\b", "a\nb\x00", "grün", '","active":false,"x":"'])
def test_what_a_stranger_calls_itself_cannot_break_its_file(net: Net, said: str) -> None:
    book, neuron = grown(net), net.join(Role.NEURON)
    net.clients[neuron].registry.change_model(neuron, said)
    file = book.client(AgentIdentity).registration(neuron)
    assert file["active"] is True and set(file["description"]) <= set(map(chr, range(32, 127)))


def test_where_an_agent_sells_stands_in_its_file_by_its_own_word_alone(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, neuron, other = grown(net), net.join(Role.NEURON), net.join(Role.NEURON)
    own, others = (
        Ledger(net.admin.rpc, book.deployment, net.clients[id].me).client(AgentIdentity) for id in (neuron, other)
    )
    for url in ("https://ada.example.org", 'https://ada.example.org/"},{"', "https://grün.example.org"):
        own.sells_at(neuron, url)
        file = own.registration(neuron)
        named = "".join(c if c.isascii() and c != '"' else "?" * len(c.encode()) for c in url)
        klopf, web = file["services"]
        assert (klopf["name"], web) == ("klopf", {"name": "web", "endpoint": named})
        assert file["x402Support"] is True and own.door(neuron) == url
        own.announce([neuron])
    assert own.registration(other)["x402Support"] is False
    with pytest.raises(Reverted, match="NotActor"):
        others.sells_at(neuron, "https://eve.example.org")
    with pytest.raises(Reverted, match="UnknownAgent"):
        own.sells_at(9, "https://eve.example.org")
    with pytest.raises(Reverted, match="DoorTooLong"):
        own.sells_at(neuron, "https://" + "a" * 249)
    own.sells_at(neuron, "https://" + "a" * 248)
    own.sells_at(neuron, "")
    file = own.registration(neuron)
    assert (len(file["services"]), file["x402Support"]) == (1, False)
    own.announce([neuron])
    others.sells_at(other, "https://ben.example.org")
    assert ledger.verify(book, []) == []
    told = list(ledger.history(book))
    book.rpc.chain = None
    for place, event in enumerate(told):
        if event.kind != "AgentIdentity.MetadataSet" or event.metadata_value.endswith(b"a" * 248):
            continue  # of a value that another followed before anything was announced only the last is seen
        for lie in ([*told[:place], *told[place + 1 :]],
                    [replace(e, metadata_value=b"https://eve") if e is event else e for e in told]):  # fmt: skip
            monkeypatch.setattr(_verify, "history", lambda _, lie=lie: iter(lie))
            assert ledger.verify(book, []), event


def test_agents_are_announced_once_and_again_when_they_change(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    book, neuron = grown(net), net.join(Role.NEURON)
    identity = book.client(AgentIdentity)
    for _ in range(2):
        identity.announce([neuron])
    with pytest.raises(Reverted, match="UnknownAgent"):
        identity.announce([neuron, 7])
    net.clients[neuron].registry.move(neuron, "127.0.0.1:9", b"another")
    identity.announce([neuron, neuron])
    told = list(ledger.history(book))
    kinds = [e.kind for e in told if e.contract == "AgentIdentity"]
    assert kinds == [f"AgentIdentity.{name}" for name in ("Transfer", "Registered", "URIUpdated")]
    assert ledger.verify(book, []) == []
    book.rpc.chain = None
    for place, event in enumerate(told):
        if event.contract != "AgentIdentity":
            continue
        lies = [told[:place] + told[place + 1 :]]
        uri = next((f for f in ("agent_uri", "new_uri") if hasattr(event, f)), None)
        if uri:
            file = json.loads(base64.b64decode(getattr(event, uri).partition(",")[2])) | {"name": "neuron 2"}
            lie = "data:application/json;base64," + base64.b64encode(json.dumps(file).encode()).decode()
            lies.append([replace(e, **{uri: lie}) if e is event else e for e in told])
        for lie in lies:
            monkeypatch.setattr(_verify, "history", lambda _, lie=lie: iter(lie))
            assert ledger.verify(book, []), event.kind


def test_reputation_is_how_a_neuron_was_heard(net: Net) -> None:
    book, a, b = grown(net), net.join(Role.NEURON), net.join(Role.NEURON)
    net.admin.clock.start()
    reputation, settlement = book.client(AgentReputation), book.settlement.address
    assert reputation.feedback(a) == {} and reputation.summary(a)[1] == 0
    for weight in (40_000, 20_000):
        net.epoch({a: {b: 30_000}, b: {a: weight}})
    shares = {e: book.settlement.column(e, a).rank / book.settlement.epoch(e).rank for e in (1, 2)}
    assert reputation.feedback(a) == pytest.approx(shares)
    count, utility = reputation.summary(a)
    assert count == 2 and utility == pytest.approx(book.registry.get(a).utility)
    kinds = ("int128", "uint8", "string", "string", "bool")
    read, summary = "readFeedback(uint256,address,uint64)", "getSummary(uint256,address[],string,string)"
    value, *rest = ask(book, AgentReputation, read, a, settlement, 2, outputs=kinds)
    assert (value / 1e18, *rest) == (pytest.approx(shares[2]), 18, "share", "", False)
    for client, index in ((settlement, 0), (settlement, 3), (ZERO, 1)):
        with pytest.raises(Reverted, match="NoFeedback"):
            ask(book, AgentReputation, read, a, client, index)
    with pytest.raises(Reverted, match="NoClients"):
        ask(book, AgentReputation, summary, a, [], "", "")
    for clients, tag in (([ZERO], ""), ([settlement], "starred")):
        kinds = ("uint64", "int128", "uint8")
        assert ask(book, AgentReputation, summary, a, clients, tag, "", outputs=kinds) == (0, 0, 18)
    clients = ask(book, AgentReputation, "getClients(uint256)", a, outputs=("address[]",))
    assert clients == (settlement.lower(),)


def test_validations_are_what_audits_found(net: Net) -> None:
    book, neuron, other = grown(net), net.join(Role.NEURON), net.join(Role.NEURON)
    auditors = [net.join(Role.AUDITOR) for _ in range(3)]
    net.admin.clock.start()
    for score in (9000, 6000):
        found = {neuron: result(neuron, score), other: result(other, 8000)}
        net.epoch({neuron: {other: 9}, other: {neuron: 9}}, scores={a: found for a in auditors})
    validation = book.client(AgentValidation)
    found = validation.of(neuron)
    tasks = len(result(neuron, 9000).counts)
    assert len(found) == 2 * 3 * tasks == validation.summary(neuron)[0]
    assert {v.validator for v in found} == {net.clients[a].me.address for a in auditors}
    assert {v.agent for v in found} == {neuron}
    for v in found:
        assert v.commitment in {book.audits.committed(e, a) for e in (1, 2) for a in auditors}
        assert v.time in {book.audits.revealed_at(e, a) for e in (1, 2) for a in auditors}
    scores = [s for e in (1, 2) for _, task in book.audits.findings(e, neuron) for s in task.values()]
    assert sorted(v.response for v in found) == sorted(s.value // 100 for s in scores)
    tag, one = found[0].tag, net.clients[auditors[0]].me.address
    mine = [v.response for v in found if v.validator == one and v.tag == tag]
    assert validation.summary(neuron, [one], tag) == (len(mine), sum(mine) // len(mine))
    assert validation.summary(neuron, [ZERO]) == validation.summary(neuron, tag="charm") == (0, 0)
    for which in (bytes(32), b"\1" + bytes(31), (1 << 96 | neuron << 64 | auditors[0] << 32 | 9).to_bytes(32, "big")):
        with pytest.raises(Reverted, match="UnknownRequest"):
            validation.get(which)
    assert ledger.verify(book, net.receipts) == []


@pytest.mark.long
def test_a_thousand_reviewers_who_paid_nothing_move_nothing(net: Net) -> None:
    book, (a, b) = grown(net), (net.join(Role.NEURON), net.join(Role.NEURON))
    net.admin.clock.start()
    net.epoch({a: {b: 9}, b: {a: 9}})
    reputation, settlement = book.client(AgentReputation), book.settlement.address
    summary = "getSummary(uint256,address[],string,string)"
    kinds = ("uint64", "int128", "uint8")
    before = ask(book, AgentReputation, summary, a, [settlement], "", "", outputs=kinds)
    give = FunctionABI("giveFeedback", ("uint256", "int128", "uint8", *("string",) * 4, "bytes32"), ())
    praise = give.call_data((a, 100, 0, "share", "", "", "", bytes(32)))
    keys = [ledger.Key((10**9 + k).to_bytes(32, "big")) for k in range(1000)]
    for key in keys:
        with pytest.raises(Reverted, match="ReadOnly"):
            book.rpc.send(key, reputation.address, praise)
    assert book.rpc.height() > 1000  # each was a transaction
    assert ask(book, AgentReputation, summary, a, [settlement], "", "", outputs=kinds) == before
    reviewers = [key.address for key in keys]
    assert ask(book, AgentReputation, summary, a, reviewers, "", "", outputs=kinds) == (0, 0, 18)
    with_them = [*reviewers, settlement]
    assert ask(book, AgentReputation, summary, a, with_them, "", "", outputs=kinds) == before
    assert ledger.verify(book, net.receipts) == []
