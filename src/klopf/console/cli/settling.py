"""`klopf ledger settle|dispute|answer|device|carry`: what follows an epoch, and devices without coin."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from klopf.console.cli.access import (
    HERE,
    Confirmations,
    Json,
    KeyFile,
    Rpc,
    Where,
    load_key,
    open_ledger,
    print_result,
    print_sent,
)  # fmt: skip
from klopf.errors import Reverted

__all__ = ["answer", "carry", "device", "dispute", "settle"]


def settle(epoch: int, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
           deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Conclude an epoch that is over and pay what is due: at once, or when its dispute window has ended. Anybody may.

    Example: klopf ledger settle 12 --key key.json

    Parameters
    ----------
    epoch
        Its number.
    """
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        l.settle(epoch)
        ids = range(1, l.registry.count() + 1)
        waiting = [id for id in ids if not l.settlement.column(epoch, id).collected]
    said = f"epoch {epoch} is settled" if not waiting else f"epoch {epoch}: pay waits for its disputes, of {waiting}"
    print_result({"epoch": epoch, "waiting": waiting}, json_, [said])


def dispute(receipts: Path, *, uphold: Annotated[bool, Parameter(negative="")] = False, key: KeyFile = None,
            confirmations: Confirmations = 0, rpc: Rpc = None, deployment: Where = HERE,
            json_: Json = False) -> None:  # fmt: skip
    """Dispute every receipt of a file whose listener signed it and that the claim did not count.

    Example: klopf ledger dispute receipts.jsonl --key key.json

    Parameters
    ----------
    receipts
        File of receipts, as a neuron keeps them.
    uphold
        End the disputes about these receipts that were not answered in time.
    """
    from klopf import ledger as book

    rows = []
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        for signed in book.load_receipts(receipts):
            r = signed.receipt
            try:
                if uphold:
                    l.disputes.uphold(r.epoch, r.listener, r.speaker)
                else:
                    l.disputes.open(signed)
                said = "ended" if uphold else "disputed"
            except Reverted as error:
                said = str(error)
            rows.append({"epoch": r.epoch, "listener": r.listener, "speaker": r.speaker, "is": said})
    lines = [f"epoch {r['epoch']}, listener {r['listener']}: {r['is']}" for r in rows]
    print_result(rows, json_, lines or ["the file holds no receipts"])


def answer(receipts: Path, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
           deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Answer every open dispute about a receipt of a file with the receipt's proof.

    Example: klopf ledger answer receipts.jsonl --key key.json

    Parameters
    ----------
    receipts
        File of receipts with their proofs, as a listener keeps them.
    """
    from klopf import ledger as book

    done = []
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        for signed in book.load_receipts(receipts):
            r = signed.receipt
            found = l.disputes.get(r.epoch, r.listener, r.speaker)
            if found is not None and found.open and found.leaf == r.leaf:
                l.disputes.answer(r.epoch, r.listener, r.speaker, signed.proof)
                done.append({"epoch": r.epoch, "listener": r.listener, "speaker": r.speaker})
    lines = [f"epoch {d['epoch']}: answered {d['speaker']}" for d in done]
    print_result(done, json_, lines or ["no open dispute is about these receipts"])


def device(birth: Path, *, cores: int, memory: int, teraflops: int = 0, description: Path | None = None,
           request: Path | None = None, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
           deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Bring in a device as a token of its owner's key.

    Example: klopf ledger device birth.json --cores 4 --memory 8 --key key.json

    Parameters
    ----------
    birth
        The device's own key file (`klopf keys new` makes one), under the same passphrase.
    cores
        Of its processor.
    memory
        In MiB.
    teraflops
        Of its graphics processor.
    description
        Its W3C Thing Description, whose hash is recorded.
    request
        Write a signed request here instead of sending: somebody else carries it and pays the gas.
    """
    from hashlib import sha256

    from klopf import ledger as book

    owner = load_key(key)
    text = description.read_bytes() if description else b""
    with open_ledger(rpc, deployment, owner, confirmations) as l:
        parts = (load_key(birth), cores, teraflops, memory, sha256(text).digest())
        if request is None:
            id = l.devices.mint(*parts)
            print_result({"device": id}, json_, [f"device {id} of {l.me.address}"])
            return
        signed: book.ForwardRequest = l.forwarder.sign(l.devices.address, l.devices.birth(*parts), seconds=24 * 3600)
        signed.save(request)
    print_result({"request": str(request)}, json_, [f"{request}: to be carried within a day with `klopf ledger carry`"])


def carry(request: Path, *, key: KeyFile = None, confirmations: Confirmations = 0, rpc: Rpc = None,
          deployment: Where = HERE, json_: Json = False) -> None:  # fmt: skip
    """Carry what somebody else signed, and pay its gas.

    Example: klopf ledger carry request.json --key key.json

    Parameters
    ----------
    request
        File of the signed request.
    """
    from klopf import ledger as book

    signed = book.ForwardRequest.load(request)
    with open_ledger(rpc, deployment, load_key(key), confirmations) as l:
        print_sent(l.forwarder.carry(signed), f"carried what {signed.sender} signed", json_)
