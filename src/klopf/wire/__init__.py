"""Axon and dendrite: how neurons on machines that do not trust each other answer and ask.

gRPC under mutual TLS with registered certificates; each request and each answer signed, fresh and bound to its body.
It carries arrays and a small payload, and knows nothing of learning. See docs/wire.md for the layout of the messages.
"""

from __future__ import annotations

import os as _os

# gRPC's own log lines are written past Python's logging, one for each handshake that fails: a stranger could fill
# the log with them. GRPC_VERBOSITY in the environment brings them back.
_os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from klopf.extras import require as _require

_require("network", "klopf.wire")

from klopf.wire._axon import Axon, Flow
from klopf.wire._certificate import Certificate
from klopf.wire._codes import Code, Decline
from klopf.wire._dendrite import Dendrite
from klopf.wire._directory import Directory, Members, Peer, endpoint, network_id
from klopf.wire._frame import trail
from klopf.wire._keys import LocalSigner, Signer
from klopf.wire._messages import Answer, Request
from klopf.wire._outlet import Outlet
from klopf.wire._relay import Relay, RelayLimits

__all__ = [
    "Answer",
    "Axon",
    "Certificate",
    "Code",
    "Decline",
    "Dendrite",
    "Directory",
    "Flow",
    "LocalSigner",
    "Members",
    "Outlet",
    "Peer",
    "Relay",
    "RelayLimits",
    "Request",
    "Signer",
    "endpoint",
    "network_id",
    "trail",
]
