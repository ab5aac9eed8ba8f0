"""Flower's strategies and client apps, unchanged, over our links: signed requests and answers, mutual TLS, warm
processes.

Who has a Flower app moves by one line at each end. At the server, in place of the grid that Flower gives::

    with fleet.FlowerLinks(post, cards) as grid:
        result = FedAvg().start(grid, initial_arrays, num_rounds=3)

and at a device, in place of a SuperNode::

    await fleet.serve_flower(post, app)

The other way round, devices and rounds of ours run over any grid of Flower's, a SuperLink's too: ``flower_app(device)``
is what a SuperNode runs, and in a server app ``Rounds(demand, flower_members(grid), ...)`` asks them
(``examples/superlink``).

Messages travel as Flower's own protobuf; its arrays are NumPy's files, never pickles. This is the only file that knows
Flower (extra ``flower``), and imports it when it is used.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from klopf.errors import FleetError, KlopfError
from klopf.extras import require
from klopf.fleet._answers import FIGURES, LEAN, application, update
from klopf.fleet._device import Application, Device, Instructions, Update
from klopf.fleet._links import instructions
from klopf.fleet._members import Member, Step
from klopf.fleet._parameters import Parameters, digest, flat, shapes_of
from klopf.fleet._post import Card, Post
from klopf.nested import from_json
from klopf.wire import Answer, Axon, Decline, Dendrite, Peer, Request

if TYPE_CHECKING:
    from flwr.app import Message, RecordDict
    from flwr.clientapp import ClientApp
    from flwr.supercore.run import Run

__all__ = ["FlowerLinks", "flower_app", "flower_members", "serve_flower"]

_METHOD = "fleet.flower"
_LIFE = 600.0
"""Seconds that a message may take, the most that a request of the wire may."""
_NO_REPLY = 0


def _packed(message: Message) -> dict[str, Any]:
    from flwr.common.serde import message_to_proto

    return {"message": np.frombuffer(message_to_proto(message).SerializeToString(), np.uint8)}


def _opened(tensors: Any) -> Message:
    """Raises FleetError where it is none of Flower's messages."""
    from flwr.common.serde import message_from_proto
    from flwr.proto.message_pb2 import Message as ProtoMessage

    try:
        proto = ProtoMessage()
        proto.ParseFromString(tensors["message"].tobytes())
        return message_from_proto(proto)
    except Exception as error:  # protobuf's and Flower's own, of bytes that a stranger wrote
        raise FleetError(f"that is none of Flower's messages ({type(error).__name__})") from None


async def serve_flower(
    post: Post, app: ClientApp, *, config: dict[str, Any] | None = None, host: str = "127.0.0.1", port: int = 0
) -> None:
    """Let a Flower client app answer at a post. ``config`` is its node configuration (such as ``partition-id``). Its
    state lives as long as the process; messages are worked on one after another."""
    require("flower", "a Flower client app")
    from flwr.app import Context, RecordDict

    contexts: dict[int, Context] = {}
    turn = threading.Lock()

    def work(message: Message) -> Message:
        run, node = message.metadata.run_id, message.metadata.dst_node_id
        with turn:
            if run not in contexts:
                contexts.clear()  # a device works for one run at a time
                contexts[run] = Context(run, node, config or {}, RecordDict(), {})
            return app(message, contexts[run])

    def install(axon: Axon, allowed: Callable[[Peer], str]) -> None:
        @axon.handle(_METHOD)
        async def answer(request: Request) -> Answer:
            if why := allowed(request.peer):
                raise Decline(why)
            try:
                return Answer(_packed(await asyncio.to_thread(work, _opened(request.tensors))))
            except KlopfError as error:
                raise Decline(str(error)[:200]) from None

    await post.listen(install, host, port)


def flower_app(
    device: Device | Callable[[Mapping[str, Any]], Device],
    *,
    allowed: Callable[[Peer, Instructions], str] | None = None,
    asker: Card | None = None,
) -> ClientApp:
    """A Flower client app that answers for ``device`` what :func:`flower_members` ask: what a SuperNode runs, or
    :func:`serve_flower`.

    device: itself, or what makes it from a node's configuration, for an app that is one for all SuperNodes
    (``flower-supernode --node-config 'file="meter.csv"'``). A SuperNode starts a process for each message, so nothing
    that a device keeps in memory outlives one: where changes are sparse, what they leave out is lost.
    allowed: says why instructions are declined, "" where they are not, as :class:`Told` and :class:`PaidOnly` do.
    asker: the card of the server that is worked for, which ``allowed`` is then given. A SuperLink does not show who
    asks: it is taken for ``asker``, and what that must have signed is signed or not.

    Raises:
        FleetError: ``allowed`` without ``asker``.
    """
    if allowed is not None and asker is None:
        raise FleetError("flower_app: allowed asks who instructs, which a SuperLink does not show: give asker, a card")
    require("flower", "a Flower client app")
    from flwr.app import ArrayRecord, ConfigRecord, Context, Message, RecordDict
    from flwr.clientapp import ClientApp

    app = ClientApp()

    @cache
    def made(items: tuple[tuple[str, Any], ...]) -> Device:
        return device(dict(items)) if callable(device) else device

    def here(context: Context) -> Device:
        return made(tuple(sorted(context.node_config.items())))

    def told(message: Message) -> Instructions:
        said = instructions({"wanted": from_json(str(message.content.config_records["klopf"]["wanted"]).encode())})
        if allowed is not None and asker is not None and (why := allowed(asker.peer, said)):
            raise FleetError(why)
        return said

    def answered(message: Message, work: Callable[[], tuple[list[Any], dict[str, Any]]]) -> Message:
        try:
            arrays, said = work()
        except KlopfError as error:
            arrays, said = [], {"declined": str(error)[:200]}
        content: dict[str, Any] = {"arrays": ArrayRecord(arrays), "klopf": ConfigRecord(said)}
        return Message(RecordDict(content), reply_to=message)

    @app.query()  # type: ignore[untyped-decorator]
    def query(message: Message, context: Context) -> Message:
        def work() -> tuple[list[Any], dict[str, Any]]:
            found = here(context).apply(told(message))
            said = {"records": found.records, "seconds": found.seconds, "loss": found.loss}
            return [found.inputs, found.targets], {"said": json.dumps(said)}

        return answered(message, work)

    @app.train()  # type: ignore[untyped-decorator]
    def train(message: Message, context: Context) -> Message:
        def work() -> tuple[list[Any], dict[str, Any]]:
            given = message.content.array_records["arrays"].to_numpy_ndarrays()
            found = here(context).fit([np.asarray(array, np.float32) for array in given], told(message))
            figures = LEAN if found.packed else FIGURES
            said: dict[str, Any] = {"said": json.dumps({name: getattr(found, name) for name in figures})}
            return ([], {**said, "packed": found.packed}) if found.packed else ([flat(found.change)], said)

        return answered(message, work)

    return app


def flower_members(grid: Any) -> list[Member]:
    """The nodes of a Flower grid as members of rounds, called ``node`` and their number; each runs
    :func:`flower_app`."""
    require("flower", "Flower's grid")
    return [_Node(grid, node) for node in sorted(grid.get_node_ids())]


class _Node:
    """A member behind a Flower grid."""

    def __init__(self, grid: Any, node: int) -> None:
        self.name, self._grid, self._node = f"node{node}", grid, node

    async def apply(self, wanted: Instructions, timeout: float) -> Application:
        tensors, said, _ = await self._ask("query", [], wanted, timeout)
        return application(self.name, tensors, said)

    async def fit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> Update:
        tensors, said, travelled = await self._ask("train", parameters, wanted, timeout)
        size = sum(array.size for array in parameters)
        return update(
            self.name, tensors, said, shapes_of(parameters), size=size, base=digest(parameters),
            sparse=wanted.sparse, devices=(), travelled=travelled,
        )  # fmt: skip

    async def _ask(
        self, kind: str, arrays: Parameters, wanted: Instructions, timeout: float
    ) -> tuple[dict[str, Any], Any, tuple[int, int]]:
        """Arrays by name, what was said beside, and bytes sent and received."""
        from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict

        said: dict[str, Any] = {"wanted": json.dumps(asdict(wanted))}
        content: dict[str, Any] = {"arrays": ArrayRecord(list(arrays)), "klopf": ConfigRecord(said)}
        message = Message(RecordDict(content), self._node, kind, ttl=timeout)
        replies = await asyncio.to_thread(lambda: list(self._grid.send_and_receive([message], timeout=timeout)))
        if not replies:
            raise TimeoutError
        if replies[0].has_error():
            raise FleetError(f"{self.name}: {str(replies[0].error.reason)[:160]}")
        try:
            given = replies[0].content.array_records["arrays"].to_numpy_ndarrays()
            told = dict(replies[0].content.config_records["klopf"])
            if "declined" in told:
                raise FleetError(f"{self.name} declines: {str(told['declined'])[:160]}")
            names = ("inputs", "targets") if kind == "query" else ("change",)
            tensors = dict(zip(names, given, strict=False))
            if "packed" in told:
                tensors["packed"] = np.frombuffer(told["packed"], np.uint8)
            sizes = sum(array.nbytes for array in arrays), sum(array.nbytes for array in tensors.values())
            return tensors, from_json(str(told["said"]).encode()), sizes
        except KlopfError:
            raise
        except Exception as error:  # whatever a stranger's app has answered
            raise FleetError(f"{self.name} answers what cannot be read ({type(error).__name__})") from None


class FlowerLinks:
    """Flower's ``Grid`` over our links, for one server app in this process. Nodes are numbered from 1 in the order of
    ``cards``.

    Use it in a ``with`` block, or :meth:`close` it. A device that cannot be reached or fails is a reply with an error,
    as Flower's strategies expect it."""

    def __init__(self, post: Post, cards: Iterable[Card]) -> None:
        require("flower", "Flower's grid")
        from flwr.serverapp import Grid
        from flwr.supercore.run import Run
        from flwr.supercore.task_identity import TaskIdentity

        Grid.register(type(self))
        self._cards = dict(enumerate(cards, 1))
        self._run = Run.create_empty(1)
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 0, 1
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._post = post
        self._dendrite, self._peers = asyncio.run_coroutine_threadsafe(self._reach(), self._loop).result()
        self._numbers = itertools.count(1)
        self._waiting: dict[str, Future[Message]] = {}

    async def _reach(self) -> tuple[Dendrite, dict[int, Peer]]:
        return self._post.asking(self._cards.values()), {
            node: self._post.known(card) for node, card in self._cards.items()
        }

    def set_run(self, run: Run) -> None:
        """Called by Flower's own programs."""
        from flwr.supercore.task_identity import TaskIdentity

        self._run = run
        TaskIdentity.run_id = run.run_id

    @property
    def run(self) -> Run:
        """Flower's record of this run."""
        return self._run

    def create_message(
        self, content: RecordDict, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Message:
        """A message to a node."""
        from flwr.app import Message

        return Message(content, dst_node_id, message_type, group_id=group_id, ttl=ttl)

    def get_node_ids(self) -> Iterable[int]:
        """The nodes' numbers."""
        return list(self._cards)

    def get_nodes(self) -> Iterable[Any]:
        """The same as Flower's records."""
        from flwr.proto.node_pb2 import NodeInfo

        return [NodeInfo(node_id=node) for node in self._cards]

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send them; the ids by which replies can be had."""
        ids = []
        for message in messages:
            id = str(next(self._numbers))
            message.metadata.__dict__["_message_id"] = id  # as Flower's own links set it
            self._waiting[id] = asyncio.run_coroutine_threadsafe(self._ask(message), self._loop)
            ids.append(id)
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """The replies that are there by now."""
        done = [id for id in message_ids if id in self._waiting and self._waiting[id].done()]
        return [self._waiting.pop(id).result() for id in done]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Send them, and wait for the replies."""
        ids = list(self.push_messages(messages))
        wait([self._waiting[id] for id in ids], timeout=timeout)
        replies = list(self.pull_messages(ids))
        for id in ids:
            if id in self._waiting:
                self._waiting.pop(id).cancel()
        return replies

    async def _ask(self, message: Message) -> Message:
        from flwr.app import Error, Message

        node = message.metadata.dst_node_id
        try:
            if node not in self._peers:
                raise FleetError(f"no node has the number {node}")
            seconds = min(_LIFE, message.metadata.ttl)
            got = await self._dendrite.ask(self._peers[node], _METHOD, _packed(message), timeout=seconds)
            reply = _opened(got.tensors)
            if reply.metadata.src_node_id != node:
                raise FleetError(f"node {node} answers in the name of another one")
            return reply
        except KlopfError as error:
            return Message(Error(_NO_REPLY, str(error)), reply_to=message)

    def close(self) -> None:
        """Hang up."""
        asyncio.run_coroutine_threadsafe(self._post.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def __enter__(self) -> FlowerLinks:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
