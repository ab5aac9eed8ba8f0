"""``eth``: logs and filters."""

from __future__ import annotations

from klopf.chain.rpc._fields import criteria, natural
from klopf.chain.rpc._method import Method

__all__ = ["METHODS"]

METHODS = {
    "eth_getFilterChanges": Method(lambda node, number: node.filters.changes(number), natural),
    "eth_getFilterLogs": Method(
        lambda node, number: node.filters.logs(node.filters.wanted(number)),
        natural,
        text=lambda node, number: node.filters.logs_text(node.filters.wanted(number)),
    ),
    "eth_getLogs": Method(
        lambda node, wanted: node.filters.logs(wanted),
        criteria,
        text=lambda node, wanted: node.filters.logs_text(wanted),
    ),
    "eth_newBlockFilter": Method(lambda node: hex(node.filters.add("block"))),
    "eth_newFilter": Method(lambda node, wanted: hex(node.filters.add("log", wanted)), criteria),
    "eth_newPendingTransactionFilter": Method(lambda node: hex(node.filters.add("transaction"))),
    "eth_uninstallFilter": Method(lambda node, number: node.filters.remove(number), natural),
}
