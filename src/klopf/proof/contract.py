"""A proof that a contract verifies (a pairing's), asked only of a contract whose code is the one that was published."""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

from klopf.errors import LedgerError, NotProven
from klopf.ledger._rpc import Rpc, Where, open_rpc

__all__ = ["call", "verify"]

_VERIFY = keccak(b"verifyProof(bytes,uint256[])")[:4]


def call(proof: bytes, instances: Sequence[int]) -> bytes:
    """What the contract is called with."""
    return _VERIFY + bytes(encode(["bytes", "uint256[]"], [proof, list(instances)]))


def verify(where: Where | Rpc, address: str, code_hash: bytes, proof: bytes, instances: Sequence[int]) -> None:
    """Go on where the contract at ``address`` says that ``proof`` shows ``instances``.

    Args:
        where: a node's URL, an embedded chain's file, or what is open.
        code_hash: Keccak-256 of the code that must be there: that of the network's verifier, compiled by oneself.
        proof, instances: of :meth:`klopf.proof.backends.ezkl.Ezkl.calldata`.

    Raises:
        NotProven: other code is there, or it says no.
    """
    rpc = where if isinstance(where, Rpc) else open_rpc(where)
    if keccak(rpc.code(address)) != code_hash:
        raise NotProven(f"the code at {address} is not that of the published verifier")
    try:
        said = rpc.call(address, call(proof, instances))
        holds = decode(["bool"], said)[0]
    except (LedgerError, ValueError, OverflowError) as error:
        raise NotProven(f"the contract refused the proof: {' '.join(str(error).split())[:160]}") from None
    if not holds:
        raise NotProven("the contract says that the proof shows nothing")
