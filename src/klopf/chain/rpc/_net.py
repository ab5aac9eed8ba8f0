"""``net``: there is no network; the chain is one machine's file."""

from __future__ import annotations

from klopf.chain.rpc._method import Method

__all__ = ["METHODS"]

METHODS = {
    "net_listening": Method(lambda node: True),
    "net_peerCount": Method(lambda node: "0x0"),
    "net_version": Method(lambda node: str(node.chain.chain_id), is_constant=True),
}
