"""Large bodies: hashed and checked beside the event loop, so that small requests never wait behind them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import numpy as np

from klopf.wire._codes import LIMITS, Code, Refusal

__all__ = ["beside", "receive"]

P = ParamSpec("P")
T = TypeVar("T")

_POOL = ThreadPoolExecutor(2, "klopf-wire")  # not asyncio's own, which users' models may keep busy


async def beside(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """``work(*args)``, in a thread if it is about more than 1 MiB. hashlib and NumPy release the lock meanwhile."""
    if size <= LIMITS.unary:
        return work(*args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_POOL, lambda: work(*args, **kwargs))


async def receive(chunk: Callable[[], Awaitable[bytes]], size: int, expected: bytes) -> memoryview:
    """A streamed body: ``size`` bytes, of sha256 ``expected``, from chunks that end with b"".

    Each chunk is hashed while the next is on its way. Raises Refusal(ALTERED).
    """
    loop = asyncio.get_running_loop()
    whole = np.empty(size, np.uint8).data
    hasher = hashlib.sha256()
    hashing: asyncio.Future[None] | None = None
    start = 0
    while start < size:
        piece = await chunk()
        end = start + len(piece)
        if not piece or end > size or len(piece) > LIMITS.unary:
            raise Refusal(Code.ALTERED, "the body has another size than the one that was signed")
        whole[start:end] = piece
        start = end
        if hashing is not None:
            await hashing
        hashing = loop.run_in_executor(_POOL, hasher.update, piece)
    if hashing is not None:
        await hashing
    if hasher.digest() != expected:
        raise Refusal(Code.ALTERED, "the body is not the one that was signed")
    return whole
