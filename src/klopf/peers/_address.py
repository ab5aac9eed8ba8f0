"""Where others reach a participant: what it is told, or the address from which it reaches the ledger's node."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from klopf.errors import PeersError, Unanswered

__all__ = ["announced_host", "own_address", "relay_place"]

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def announced_host(host: str) -> str:
    """``host`` as the registry may have it: a name, or an address without brackets that others can dial.

    Raises:
        PeersError: it is neither, or an address at which nobody else can be reached.
    """
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        if _NAME.fullmatch(bare) and not re.fullmatch(r"[0-9.]+", bare):
            return bare
        raise PeersError(f"{host[:80]!r} is no host: give a name such as example.org, or an IP address") from None
    if address.is_unspecified or address.is_multicast or "%" in bare:
        raise PeersError(
            f"nobody is reached at {host}: give the address that others dial; --listen says where to listen"
        )
    return str(address)


def relay_place(text: str) -> tuple[str, int]:
    """Host and port of a relay, from ``host:port``; an IPv6 address is in brackets.

    Raises:
        PeersError: it is neither.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65_536 or (":" in host and host[0] != "["):
        raise PeersError(f"{text[:80]!r} is no relay: give its host and port, such as relay.example.org:7600")
    return announced_host(host), int(port)


def own_address(rpc: str) -> str:
    """The address from which this machine reaches the node at ``rpc``; its own for a chain's file.

    Raises:
        Unanswered: there is no way to it now.
    """
    host = urlsplit(rpc).hostname if "://" in rpc else None
    if host is None:
        return "127.0.0.1"
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, urlsplit(rpc).port or 80, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:  # nothing is sent
            probe.connect(place)
            return str(probe.getsockname()[0])
    except (OSError, ValueError) as error:
        raise Unanswered(
            f"no way to {rpc} ({error}); check the URL, or say where you are reached with --host"
        ) from None
