"""Neurons on the wire: models on machines that do not trust each other, learning whom to listen to.

The parts that need the network are loaded when they are first used, so that a model or a listener can be had alone.
"""

from typing import TYPE_CHECKING, Any

from klopf.extras import require as _require

_require("network", "klopf.peers")

from klopf.peers._listening import Listener, Neighbour
from klopf.peers.models import MODELS, Model, create_model, load_model, save_model
from klopf.peers.tasks import KINDS, Classes, Numbers, Task, Text, task_from_json, task_to_json

if TYPE_CHECKING:
    from klopf.peers._address import announced_host, own_address, relay_place
    from klopf.peers._birth import answer, birth
    from klopf.peers._buying import Bought, buy, may_buy
    from klopf.peers._conduct import Conduct, ConductSettings
    from klopf.peers._conversations import Conversations, attention, hand_over
    from klopf.peers._distilling import Gain, Lesson, gains, said_by, teach
    from klopf.peers._domain import Domain
    from klopf.peers._home import ParticipantSettings, lived_in, lock, read_data
    from klopf.peers._neuron import NeuronSettings
    from klopf.peers._outlast import told_where_away
    from klopf.peers._participant import PASSPHRASE, Participant
    from klopf.peers._process import LIFELINE, live_as_process
    from klopf.peers._reach import Reach
    from klopf.peers._requester import RequesterSettings, newest_listener
    from klopf.peers._shown import CERTIFICATE_DAYS, TROUBLE, log, trouble
    from klopf.peers._statements import different, has_evidence, pairs_of, values_of
    from klopf.peers._states import last_state

__all__ = [
    "CERTIFICATE_DAYS",
    "KINDS",
    "LIFELINE",
    "MODELS",
    "PASSPHRASE",
    "TROUBLE",
    "Bought",
    "Classes",
    "Conduct",
    "ConductSettings",
    "Conversations",
    "Domain",
    "Gain",
    "Lesson",
    "Listener",
    "Model",
    "Neighbour",
    "NeuronSettings",
    "Numbers",
    "Participant",
    "ParticipantSettings",
    "Reach",
    "RequesterSettings",
    "Task",
    "Text",
    "announced_host",
    "answer",
    "attention",
    "birth",
    "buy",
    "create_model",
    "different",
    "gains",
    "hand_over",
    "has_evidence",
    "last_state",
    "live_as_process",
    "lived_in",
    "load_model",
    "lock",
    "log",
    "may_buy",
    "newest_listener",
    "own_address",
    "pairs_of",
    "read_data",
    "relay_place",
    "said_by",
    "save_model",
    "task_from_json",
    "task_to_json",
    "teach",
    "told_where_away",
    "trouble",
    "values_of",
]

_LATER = {
    "announced_host": "_address", "own_address": "_address", "relay_place": "_address",
    "Bought": "_buying", "buy": "_buying", "may_buy": "_buying",
    "LIFELINE": "_process", "live_as_process": "_process",
    "Conduct": "_conduct", "ConductSettings": "_conduct",
    "Conversations": "_conversations", "attention": "_conversations",
    "Domain": "_domain", "hand_over": "_conversations", "Gain": "_distilling", "Lesson": "_distilling",
    "gains": "_distilling", "said_by": "_distilling", "teach": "_distilling",
    "NeuronSettings": "_neuron", "answer": "_birth", "birth": "_birth", "told_where_away": "_outlast",
    "last_state": "_states", "lock": "_home", "CERTIFICATE_DAYS": "_shown",
    "PASSPHRASE": "_participant", "Participant": "_participant", "ParticipantSettings": "_home", "lived_in": "_home",
    "TROUBLE": "_shown", "log": "_shown", "read_data": "_home", "trouble": "_shown",
    "Reach": "_reach", "RequesterSettings": "_requester", "newest_listener": "_requester",
    "different": "_statements", "has_evidence": "_statements", "pairs_of": "_statements", "values_of": "_statements",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'klopf.peers' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"klopf.peers.{_LATER[name]}"), name)
