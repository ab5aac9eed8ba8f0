"""The axon in a process of its own, killed without warning and started again."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klopf.errors import Unreachable
from klopf.wire import Code

PROGRAM = Path(__file__).with_name("axon_process.py")


@contextmanager
def axon_process(folder: Path, port: int = 0) -> Any:
    with subprocess.Popen([sys.executable, PROGRAM, folder, str(port)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, "the axon did not start"
            yield process, int(line)
        finally:
            process.kill()


async def test_killed_and_started_again(net: Any, tmp_path: Path) -> None:
    net.speaker.certificate.save(tmp_path)
    (tmp_path / "signer").write_bytes(net.speaker.signer._key.secret)
    peer = net.asker.peer()
    parts = {"fingerprint": peer.fingerprint, "certificate": peer.certificate, "network": net.network}
    (tmp_path / "asker.json").write_text(json.dumps({"key": peer.key} | {k: v.hex() for k, v in parts.items()}))
    x = {"x": np.arange(4.0)}

    class There:  # what net.channel needs to know of an axon that is elsewhere
        endpoint = ""

    async with net.dendrite() as dendrite:
        with axon_process(tmp_path) as (process, port):
            There.endpoint = f"127.0.0.1:{port}"
            net.roll.put(net.speaker.peer(There.endpoint))
            answer = await dendrite.ask(1, "answer", x)
            assert answer.payload == {"pid": process.pid}
            net.boot = dendrite._lines[1].boot
            recorded = net.frame(x, expires_at=int((answer.answered_at + 300) * 1e6))
            async with net.channel(There, net.asker.certificate) as channel:
                assert await net.send(channel, recorded) == (Code.OK, True)
                assert await net.send(channel, recorded) == (Code.REPLAYED, True)
        with pytest.raises(Unreachable):  # killed with SIGKILL
            await dendrite.ask(1, "answer", x, timeout=1)
        with axon_process(tmp_path, port) as (process, _):
            async with net.channel(There, net.asker.certificate) as channel:
                assert await net.send(channel, recorded) == (Code.BEFORE_BOOT, True)
            answer = await dendrite.ask(1, "answer", {"x": np.arange(1 << 19, dtype=np.float32)})  # a stream
            assert answer.payload == {"pid": process.pid}
            np.testing.assert_array_equal(answer.tensors["x"], 2 * np.arange(1 << 19, dtype=np.float32))
            await asyncio.gather(*(dendrite.ask(1, "answer", x) for _ in range(50)))
