"""Hearing a topic at a broker (MQTT 3.1.1), each message acknowledged when it is on the disk. paho-mqtt is known to
this file alone."""

from __future__ import annotations

import hashlib
import os
import queue
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from klopf.extras import require

require("mqtt", "hearing things over MQTT")

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from klopf.fleet.device._thing import Topic

__all__ = ["Hearer"]

_MOST_WAITING = 70_000  # more than a broker may send before any of it is acknowledged
_MOST_REMEMBERED = 10_000
_LARGEST = 1 << 20
_KEEPALIVE = 30

Message = tuple[int, int, bytes]
"""The connection it came over, its number there, what it says."""


class Hearer:
    """A connection to the broker of ``topic`` that is made again whenever it breaks.

    The session is the broker's to keep (by the client's name), so what is published while this device is away waits
    there. Messages that the broker retains are left alone: they were heard before.
    """

    def __init__(self, topic: Topic, name: str, said: Callable[[str], None]) -> None:
        self._topic, self._said = topic, said
        self._waiting: queue.Queue[Message] = queue.Queue(_MOST_WAITING)
        self._one = threading.Lock()
        self._connection = 0
        self._written: OrderedDict[tuple[int, bytes], None] = OrderedDict()
        """Of messages that are on the disk and whose acknowledgement was lost with the connection."""
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=name, clean_session=False, manual_ack=True
        )
        user, password = os.environ.get("KLOPF_MQTT_USER"), os.environ.get("KLOPF_MQTT_PASSWORD")
        if user:
            client.username_pw_set(user, password)
        if topic.encrypted:
            client.tls_set_context(ssl.create_default_context())
        client.reconnect_delay_set(1, 30)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._broken
        client.on_message = self._heard
        client.connect_async(topic.host, topic.port, _KEEPALIVE)
        client.loop_start()

    def messages(self) -> list[Message]:
        """What has come since the last call, at once; nothing if nothing has."""
        found: list[Message] = []
        while len(found) < _MOST_WAITING:
            try:
                found.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return found

    def acknowledge(self, messages: list[Message]) -> None:
        """Tell the broker that these need not be sent again."""
        for connection, number, payload in messages:
            with self._one:
                here = connection == self._connection
                if number and not here:
                    self._written[number, _digest(payload)] = None
            if number and here:
                self._client.ack(number, 1)
        with self._one:
            while len(self._written) > _MOST_REMEMBERED:
                self._written.popitem(last=False)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: Any, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._said(f"the broker at {self._topic.host}:{self._topic.port} refuses: {reason}")
            return
        with self._one:
            self._connection += 1
        client.subscribe(self._topic.filter, 1)

    def _subscribed(self, client: Any, _: Any, number: int, reasons: Any, properties: Any) -> None:
        where = f"{self._topic.filter} at {self._topic.host}:{self._topic.port}"
        self._said(f"the broker does not tell {where}" if reasons[0].is_failure else f"hears {where}")

    def _broken(self, client: Any, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        with self._one:
            self._connection += 1
        if reason.is_failure:
            self._said(f"the broker at {self._topic.host}:{self._topic.port} is gone ({reason}); trying again")

    def _heard(self, client: Any, _: Any, message: Any) -> None:
        with self._one:
            here = self._connection
            again = message.dup and self._written.pop((message.mid, _digest(message.payload)), "") is None
        if message.retain or again or len(message.payload) > _LARGEST:
            if message.qos:
                client.ack(message.mid, message.qos)
            return
        try:
            self._waiting.put_nowait((here, message.mid if message.qos else 0, message.payload))
        except queue.Full:
            self._said(f"more comes from {self._topic.filter} than can be written: what nobody acknowledges is dropped")


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()
