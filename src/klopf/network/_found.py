"""Found a network that strangers can join: contracts on a chain, what it is for agreed there, its clock running."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from klopf import chain, files, ledger
from klopf.errors import PeersError
from klopf.network._schema import Schema

__all__ = ["found"]


def found(
    folder: Path, schema: Schema, passphrase: str, *, rpc: str | None = None, key: Path | None = None,
    terms: Mapping[str, Any] | None = None, begun: Callable[[str], None] = lambda _: None,
) -> ledger.Deployment:  # fmt: skip
    """Make the new ``folder`` with ``deployment.json``, ``schema.json`` and, where no ``rpc`` is named, an embedded
    chain (``ledger.sqlite``) with the key of its owner (``operator.json``), who has all the genesis tokens.

    ``terms`` are the rules, economy and so on by their contracts' names, as :func:`klopf.ledger.deploy` takes them.
    Where the chain is another's, what was created there stays if this fails half-way: it is another network's then.

    Raises:
        KlopfError: the folder is not empty, the chain cannot be used, or a rule is out of range.
    """
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise PeersError(f"{folder} exists and is not empty: choose another folder")
    if rpc and key is None:
        raise PeersError("on a chain of others it takes a key that can pay there: name its file with --key")
    owner = ledger.keys.load(key, passphrase) if key else ledger.keys.new()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PeersError(f"cannot make the folder {folder}: {error.strerror}; choose another") from None
    told = terms or {}
    try:
        where = rpc or str((folder / "ledger.sqlite").absolute())
        if rpc is None:
            begun("creating a chain")
            chain_id = 1_000_000 + secrets.randbelow(2**31)
            chain.create(where, chain_id=chain_id, allocation={owner.address: 10**24}, same_second=True).close()
            ledger.keys.save(owner, folder / "operator.json", passphrase)
        deployment = ledger.deploy(
            where, owner, told.get("Rules"), economy=told.get("Economy"), marks=told.get("Marks"),
            beacon=told.get("Beacon"), audit=told.get("AuditTerms"), seats=told.get("Seats"),
            packs=(*ledger.packs.USUAL, "schema"),
            progress=lambda name: begun(f"creating {name}"),
        )  # fmt: skip
        deployment.save(folder / "deployment.json")
        with ledger.connect(where, owner, deployment) as book:
            begun("agreeing on the schema")
            book.schema.agree(schema.text)
            files.replace(folder / "schema.json", schema.text)
            begun("starting the clock")
            book.clock.start()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return deployment
