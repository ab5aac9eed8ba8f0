"""A network of participants: its settings, preparing, supervising, and what came of it.

    from klopf import network

    settings = network.read_settings(Path("network.toml"))
    summary = network.run(settings, Path("run"), passphrase="...", progress=print)
    network.verify(Path("run"))     # a line for everything that does not follow from events and receipts

Each part is loaded when it is first used.
"""

from typing import TYPE_CHECKING, Any

from klopf.extras import require as _require

_require("network", "klopf.network")

if TYPE_CHECKING:
    from klopf.network._anchor import status
    from klopf.network._answering import Answering, answering
    from klopf.network._ask import Answered, ask
    from klopf.network._change import change_model
    from klopf.network._check import Checked, check
    from klopf.network._data import Shares, share_out
    from klopf.network._demo import DEMO_PASSPHRASE, agents_settings, demo_settings, equal_vote
    from klopf.network._distil import Distilled, Pupil, distil, is_distilled, predict_alone
    from klopf.network._economy import play_economy
    from klopf.network._explain import Explanation, explain
    from klopf.network._folder import Member, Run, read_run
    from klopf.network._found import found
    from klopf.network._join import Joined, Joining, check_joining, join
    from klopf.network._leave import Left, leave
    from klopf.network._own import Own, read_own
    from klopf.network._panel import PANELS, Panel, plain
    from klopf.network._predict import Prediction, predict
    from klopf.network._prepare import prepare
    from klopf.network._receipts import gather_receipts
    from klopf.network._report import render
    from klopf.network._reviewed import Reviewed, reviewed
    from klopf.network._run import resume, run
    from klopf.network._samples import Samples
    from klopf.network._schema import Feature, Schema
    from klopf.network._settings import EXAMPLE, DataSettings, NetworkSettings, parse_settings, read_settings
    from klopf.network._sources import changed
    from klopf.network._summarise import summarise
    from klopf.network._summary import Summary, to_json
    from klopf.network._supervise import Progress, Supervisor
    from klopf.network._tally import Known, Paid, Tally
    from klopf.network._verify import count_disputes, unverified, verify

__all__ = [
    "DEMO_PASSPHRASE",
    "EXAMPLE",
    "PANELS",
    "Answered",
    "Answering",
    "Checked",
    "DataSettings",
    "Distilled",
    "Explanation",
    "Feature",
    "Joined",
    "Joining",
    "Known",
    "Left",
    "Member",
    "NetworkSettings",
    "Own",
    "Paid",
    "Panel",
    "Prediction",
    "Progress",
    "Pupil",
    "Reviewed",
    "Run",
    "Samples",
    "Schema",
    "Shares",
    "Summary",
    "Supervisor",
    "Tally",
    "agents_settings",
    "answering",
    "ask",
    "change_model",
    "changed",
    "check",
    "check_joining",
    "count_disputes",
    "demo_settings",
    "distil",
    "equal_vote",
    "explain",
    "found",
    "gather_receipts",
    "is_distilled",
    "join",
    "leave",
    "parse_settings",
    "plain",
    "play_economy",
    "predict",
    "predict_alone",
    "prepare",
    "read_own",
    "read_run",
    "read_settings",
    "render",
    "resume",
    "reviewed",
    "run",
    "share_out",
    "status",
    "summarise",
    "to_json",
    "unverified",
    "verify",
]

_LATER = {
    "DEMO_PASSPHRASE": "_demo", "agents_settings": "_demo", "demo_settings": "_demo", "equal_vote": "_demo",
    "DataSettings": "_settings",
    "EXAMPLE": "_settings", "NetworkSettings": "_settings", "parse_settings": "_settings", "read_settings": "_settings",
    "Answering": "_answering", "answering": "_answering",
    "Answered": "_ask", "ask": "_ask", "Joined": "_join", "Joining": "_join", "join": "_join",
    "check_joining": "_join",
    "Left": "_leave", "leave": "_leave", "Feature": "_schema", "Schema": "_schema", "found": "_found",
    "Member": "_folder", "Run": "_folder", "read_run": "_folder",
    "Own": "_own", "read_own": "_own",
    "Known": "_tally", "Paid": "_tally", "Tally": "_tally",
    "Progress": "_supervise", "Supervisor": "_supervise",
    "Samples": "_samples", "Shares": "_data", "share_out": "_data",
    "Summary": "_summary", "to_json": "_summary", "summarise": "_summarise", "render": "_report",
    "PANELS": "_panel", "Panel": "_panel", "plain": "_panel",
    "count_disputes": "_verify", "unverified": "_verify", "verify": "_verify",
    "Explanation": "_explain", "explain": "_explain",
    "play_economy": "_economy",
    "change_model": "_change", "changed": "_sources", "Checked": "_check", "check": "_check",
    "Distilled": "_distil", "Pupil": "_distil", "distil": "_distil", "is_distilled": "_distil",
    "predict_alone": "_distil",
    "Prediction": "_predict", "predict": "_predict",
    "status": "_anchor", "Reviewed": "_reviewed", "reviewed": "_reviewed",
    "gather_receipts": "_receipts", "prepare": "_prepare", "resume": "_run", "run": "_run",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'klopf.network' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"klopf.network.{_LATER[name]}"), name)
