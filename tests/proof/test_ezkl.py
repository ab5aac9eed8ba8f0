"""ezkl as a backend: its proofs verify, here and by a contract whose code is the published one; altered ones do not."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from klopf.errors import NotProven, ProofError
from klopf.proof import backends, model
from klopf.proof._onnx import layers_in
from klopf.proof._onnx_written import onnx_of

CONTRACTS = Path(__file__).parents[2] / "contracts"
X = [0.5, 0.25, -1.0, 1.0]


def layers(activation="relu"):
    rng = np.random.default_rng(3)
    return model.Layers.of(
        [rng.normal(size=(3, 4)), rng.normal(size=(2, 3))], [np.full(3, 0.5), np.zeros(2)], activation
    )


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_a_network_that_is_written_is_read_again(activation):
    made = layers(activation)
    again = layers_in(onnx_of(made))
    assert again.activation == activation
    for one, two in zip(made.weights, again.weights, strict=True):
        assert (one == two).all()


def test_what_is_no_backend_is_said():
    with pytest.raises(ProofError, match="no backend"):
        backends.backend("halo")


def test_without_ezkl_it_is_said(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ProofError, match="pip install ezkl"):
        backends.backend("ezkl")


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    pytest.importorskip("ezkl", reason="ezkl, which names no licence, is not installed: pip install ezkl")
    folder = tmp_path_factory.mktemp("ezkl") / "c"
    used = backends.backend("ezkl")
    identity = used.setup(onnx_of(layers()), 4, folder)
    answer = folder / "answer"
    return used, folder / "public", answer, identity, used.prove(folder, X, answer)


@pytest.mark.timeout(900)  # keys of 140 MB
@pytest.mark.extras
@pytest.mark.long
def test_an_answer_is_proven_and_altered_ones_are_not(committed, tmp_path):
    used, public, answer, identity, made = committed
    said = used.verify(public, answer)
    assert said == made and used.identity(public) == identity
    sums, _ = layers().run(np.rint(np.array([X]) * 4096).astype(np.int64))
    np.testing.assert_allclose(said.outputs, sums[-1][0] / 2**28, atol=0.01)
    np.testing.assert_allclose(said.inputs, X, atol=1e-3)
    held = json.loads(answer.read_text())
    other = tmp_path / "other"
    for part in ("instances", "proof", "none"):
        altered = json.loads(answer.read_text())
        if part == "instances":
            one = altered["instances"][0][-1]
            altered["instances"][0][-1] = f"{int(one[:2], 16) ^ 1:02x}{one[2:]}"
        elif part == "proof":
            altered["proof"][100] ^= 1
        else:
            altered = {"proof": held["proof"]}
        other.write_text(json.dumps(altered))
        with pytest.raises(NotProven) as raised:
            used.verify(public, other)
        assert "\n" not in str(raised.value)
    for said_ in (b"", b"{}", b"\xff"):
        other.write_bytes(said_)
        with pytest.raises(NotProven):
            used.verify(public, other)


@pytest.mark.timeout(900)  # keys of 140 MB
@pytest.mark.extras
@pytest.mark.long
def test_a_contract_verifies_it_and_its_code_is_compared(committed, tmp_path):
    from eth_hash.auto import keccak

    from klopf import chain
    from klopf.ledger import keys
    from klopf.ledger._rpc import open_rpc
    from klopf.proof import contract

    if not (CONTRACTS / "node_modules/solc").exists():
        pytest.skip("no Solidity compiler: npm ci in contracts/")
    used, public, answer, _, _ = committed
    source = tmp_path / "v.sol"
    used.contract(public, source)
    wanted = {"*": {"*": ["evm.bytecode.object", "evm.deployedBytecode.object"]}}
    settings = {"optimizer": {"enabled": True, "runs": 1}, "outputSelection": wanted}
    asked = {"language": "Solidity", "sources": {"v": {"content": source.read_text()}}, "settings": settings}
    done = subprocess.run(
        ["node", str(CONTRACTS / "solc.cjs")], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    code = json.loads(done.stdout)["contracts"]["v"]["Halo2Verifier"]["evm"]
    chain.create(tmp_path / "chain.sqlite", chain_id=31337).close()
    rpc = open_rpc(tmp_path / "chain.sqlite")
    receipt = rpc.send(keys.new(), None, bytes.fromhex(code["bytecode"]["object"]))
    address, code_hash = receipt["contractAddress"], keccak(bytes.fromhex(code["deployedBytecode"]["object"]))
    proof, instances = used.calldata(public, answer)
    contract.verify(rpc, address, code_hash, proof, instances)
    wrong = bytearray(proof)
    wrong[100] ^= 1
    for bad, numbers in (
        (bytes(wrong), instances),
        (proof, [*instances[:-1], instances[-1] + 1]),
        (proof, []),
        (b"", instances),
    ):
        with pytest.raises(NotProven):
            contract.verify(rpc, address, code_hash, bad, numbers)
    with pytest.raises(NotProven, match="published"):
        contract.verify(rpc, address, bytes(32), proof, instances)
