"""An axon in a process of its own: ``python axon_process.py FOLDER PORT``; prints its port, then serves until killed.

FOLDER holds the speaker's certificate, ``signer`` (32 bytes, for tests alone) and ``asker.json``, the one registered.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from klopf import wire


async def main(folder: Path, port: int) -> None:
    asker = json.loads((folder / "asker.json").read_text())
    fields = {k: bytes.fromhex(asker[k]) for k in ("fingerprint", "certificate", "network")}
    peer = wire.Peer(2, asker["key"], "", fields["fingerprint"], fields["certificate"])
    certificate = wire.Certificate.load(folder)
    signer = wire.LocalSigner((folder / "signer").read_bytes())
    axon = wire.Axon(certificate, signer, network=fields["network"], directory=wire.Members([peer]), port=port)

    @axon.handle("answer")
    async def answer(request: wire.Request) -> wire.Answer:
        return wire.Answer({name: value * 2 for name, value in request.tensors.items()}, {"pid": os.getpid()})

    await axon.start()
    print(axon.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
