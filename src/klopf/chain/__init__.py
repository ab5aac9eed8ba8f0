"""The embedded chain: an EVM (cancun rules) over one SQLite file that several processes open at once.

A transaction is acknowledged only once it is durable; each is a block of its own. The room knows nothing of Klopf.

::

    from klopf import chain

    chain.create("ledger.db", chain_id=1337, allocation={address: 10**21})
    with chain.open("ledger.db") as ledger:
        w3 = Web3(ledger.provider())
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from klopf.extras import require as _require

_require("network", "klopf.chain")

if TYPE_CHECKING:
    from klopf.chain._chain import Chain

__all__ = ["Chain", "create", "open", "rebuild", "restore", "serve"]


def create(
    path: str | os.PathLike[str],
    *,
    chain_id: int,
    allocation: dict[str, int] | None = None,
    dev: bool = False,
    gas_limit: int = 30_000_000,
    base_fee: int = 0,
    coinbase: str = "0x" + "00" * 20,
    timestamp: int | None = None,
    same_second: bool | None = None,
) -> Chain:
    """Make a chain in a new file and open it.

    ``allocation`` maps addresses to wei; ``base_fee`` is a constant in wei per gas (0: gas is free); ``gas_limit``
    bounds a block and so a transaction; ``coinbase`` receives the tips; ``timestamp`` (seconds) is the genesis's own.
    ``same_second``: whether blocks may have the same timestamp (None: on a development chain only). Where not, as
    Ethereum demands, a chain of more than a block a second runs ahead of the clock on the wall.
    With ``dev`` the clock may be moved, blocks undone and accounts played (``evm_*``, ``hardhat_*``, ``anvil_*``).
    Raises :class:`~klopf.errors.ChainError` where the file exists already.
    """
    from klopf.chain.state._genesis import create_file

    create_file(
        path,
        chain_id=chain_id,
        allocation=allocation,
        dev=dev,
        gas_limit=gas_limit,
        base_fee=base_fee,
        coinbase=coinbase,
        timestamp=timestamp,
        same_second=same_second,
    )
    return open(path)


def open(
    path: str | os.PathLike[str],
    read_only: bool = False,
    *,
    chain_id: int | None = None,
    machine: str = "py-evm",
) -> Chain:
    """Open a chain that exists, beside whatever other processes have it open.

    ``machine`` names what executes transactions: "py-evm", or the oracle, "ethereum-execution", where it is installed.
    Raises ``WrongChain`` where ``chain_id`` is given and is not the file's, ``DamagedFile``, ``UnknownFormat`` or
    another :class:`~klopf.errors.ChainError` where the file cannot be used.
    """
    from klopf.chain._chain import Chain

    return Chain(path, read_only=read_only, chain_id=chain_id, machine=machine)


def serve(
    path: str | os.PathLike[str],
    host: str = "127.0.0.1",
    port: int = 8545,
    *,
    read_only: bool = False,
    chain_id: int | None = None,
    dev: bool = False,
    origins: tuple[str, ...] = (),
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a chain as JSON-RPC over HTTP until interrupted.

    ``port`` 0 takes a free one; ``dev`` also offers what only a development chain does (``evm_*``, ``hardhat_*``,
    ``anvil_*``); ``origins`` are the web pages that may ask and read (CORS); ``ready`` is called with the URL once the
    port is taken.
    """
    from klopf.chain.rpc._server import serve as run

    run(path, host, port, read_only=read_only, chain_id=chain_id, dev=dev, origins=origins, ready=ready)


def rebuild(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
) -> Chain:
    """Make a chain in a new file from the text that :meth:`Chain.export` wrote, and open it.

    Every block is run again and must give the hash it had; raises ``DamagedFile``, and leaves no file, where not.
    """
    from klopf.chain._history import rebuild as run

    run(source, path, progress)
    return open(path)


def restore(copy: str | os.PathLike[str], path: str | os.PathLike[str]) -> int:
    """Put a copy (a :meth:`Chain.snapshot`, or the files) in the place of the chain at ``path``; returns its height.

    A copy that is merely moved there is refused, or worse, where the log of the chain before still lies beside it, as
    after a kill. Raises :class:`~klopf.errors.ChainError`, and changes nothing, where the copy is not whole or somebody
    has ``path`` open.
    """
    from klopf.chain._restore import restore as run

    return run(copy, path)


def __getattr__(name: str) -> Any:
    if name == "Chain":
        from klopf.chain._chain import Chain

        return Chain
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
