"""What an audit begins with: a model and evidence, as ``klopf audit`` and a stranger's card name them."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from klopf.console.cli.given import file_form, json_object
from klopf.errors import AuditError

if TYPE_CHECKING:
    from klopf.audit.desk import Case, Subject

__all__ = ["UNSAID", "leaves", "listed", "opened", "ordered", "provenance"]


UNSAID: Mapping[str, Any] = {
    "model": "", "data": "", "target": "", "kind": "", "classes": "", "groups": "", "leave_out": "", "members": "",
    "outside": "", "others": [], "ordinary": "", "image": "", "series": False, "tasks": "", "settings": "{}",
    "form": "{}", "judge": "", "world": "", "inspect": "",
}  # fmt: skip
"""What ``klopf audit run`` is asked where nothing is said."""


def opened(asked: Mapping[str, Any], again: bool, **bounds: Any) -> tuple[Subject, Case, str, str, dict[str, Any]]:
    """Subject, case, the model's public name, its commitment, and what else is known of it. ``bounds`` are the
    subject's: how much it may be asked."""
    from klopf.audit import desk
    from klopf.peers import create_model
    from klopf.peers.models import public_name

    given, form = json_object(asked["settings"]), file_form(asked["form"])
    source, folder = Path(asked["data"]), None
    record: dict[str, Any] = {}
    if source.is_dir():
        probes = desk.read_probes(source)
        folder, source = source, probes.file
        record["probes' commitment"] = probes.commitment
        if asked["model"] in probes.used and not again:
            raise AuditError(f"{asked['model']} has seen these questions before: draw new ones, or say --again")
    files = {name: Path(asked[name]) if asked[name] else None for name in ("members", "outside")}
    shape = _shape(asked["image"])
    if (Path(asked["model"]) / "participant.json").exists():
        return _neuron(asked, source, files, shape, record, folder is not None, bounds)
    if not asked["target"]:
        raise AuditError("say which column is right, with --target NAME")
    case = desk.read_case(
        source, asked["target"], kind=asked["kind"] or None, names=listed(asked["classes"]),
        groups=listed(asked["groups"]), leave_out=listed(asked["leave_out"]), shape=shape, series=asked["series"],
        form=form, plain=folder is not None, **files,
    )  # fmt: skip
    model = create_model(asked["model"], case.task, 0, given)
    if model.learns:
        raise AuditError(
            f"{asked['model']} is a newborn that has learned nothing: name a fitted model (skops:, onnx:, an endpoint)"
        )
    ordinary = create_model(asked["ordinary"], case.task, 0, given) if asked["ordinary"] else None
    name = public_name(asked["model"], given)
    subject = desk.Subject(name, case.task, model, ordinary=ordinary, **bounds)
    case = dataclasses.replace(case, **_beside(asked))
    if asked["others"]:
        said = {public_name(one): desk.Subject(one, case.task, create_model(one, case.task, 0, {})).ask(case.inputs)
                for one in asked["others"]}  # fmt: skip
        case = dataclasses.replace(case, others=said)
    if folder is not None:
        desk.mark_used(folder, asked["model"])
    return subject, case, name, _commitment(model), record


def _beside(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a case has beside its samples: a judge, a world, tasks of inspect_ai."""
    from klopf.audit import desk
    from klopf.extensions import located
    from klopf.peers import Text, create_model
    from klopf.peers.models import public_name

    found: dict[str, Any] = {"inspect": listed(asked["inspect"])}
    if name := asked["judge"]:
        task = Text(("text",), ("verdict",))
        found["judge"] = desk.Subject(public_name(name), task, create_model(name, task, 0, {}))
    if name := asked["world"]:
        place, _, argument = name.partition("#")
        made = located(place, "the world")
        found["world"] = desk.World(name, lambda: made(*([argument] if argument else [])))
    return found


def ordered(file: Path, asked: Any) -> dict[str, Any]:
    """What a card says that was asked for, which may be a stranger's card: all of it there, each of its kind."""
    texts = {"model", "data", "target", "kind", "classes", "groups", "leave_out", "members", "outside", "ordinary",
             "image", "tasks", "settings", "form", "judge", "world", "inspect"}  # fmt: skip
    if isinstance(asked, dict):
        asked = {"form": "{}", "judge": "", "world": "", "inspect": ""} | asked  # which older cards do not say
    if (
        not isinstance(asked, dict) or set(asked) != texts | {"others", "series"}
        or not all(isinstance(asked[name], str) for name in texts) or not isinstance(asked["series"], bool)
        or not isinstance(asked["others"], list) or not all(isinstance(one, str) for one in asked["others"])
    ):  # fmt: skip
        raise AuditError(f"{file} does not say how it was made: it is not by `klopf audit run`")
    return asked


def leaves(model: str) -> bool:
    """Whether to ask a model is to import somebody's package, or to tell another machine: all but files of models that
    hold no code, and folders of neurons."""
    return bool(model) and model.partition(":")[0] not in ("onnx", "skops") and not Path(model).is_dir()


def _commitment(model: Any) -> str:
    import asyncio

    from klopf.peers.models import awaited

    async def told() -> bytes:
        return bytes(await awaited(model.commitment()))

    return asyncio.run(told()).hex()


def _neuron(asked: Mapping[str, Any], source: Path, files: Mapping[str, Path | None], shape: Any,
            record: dict[str, Any], plain: bool,
            bounds: Mapping[str, Any]) -> tuple[Subject, Case, str, str, dict[str, Any]]:  # fmt: skip
    """The same of a neuron's folder, whose network says what is right and how a table is prepared."""
    import numpy as np

    from klopf import tables
    from klopf.audit import desk
    from klopf.network import reviewed

    found = reviewed(Path(asked["model"]))
    form = file_form(asked["form"], found.form)
    table = tables.read(source, None if plain else form)
    outside = None if files["outside"] is None else found.schema.inputs(tables.read(files["outside"], form))
    for name in (found.schema.target, *listed(asked["groups"])):
        table.require(name)
    groups = {name: np.array([str(cell) for cell in table.columns[name]]) for name in listed(asked["groups"])}
    case = desk.Case(
        found.task, found.schema.inputs(table), found.schema.targets(table, form), groups, found.members, outside,
        shape=shape, series=asked["series"], **_beside(asked),
    )  # fmt: skip
    subject = desk.Subject(found.name, found.task, found.model, **bounds)
    return subject, case, found.public_name, _commitment(found.model), record | found.record


_FILE, _UNSEEN = "the file's content", "what is behind it may change unseen"
_COVERS = {
    "onnx": _FILE,
    "skops": _FILE,
    "http": f"the URL and the version that it declares: {_UNSEEN}",
    "openai": f"the URL and the model's name: {_UNSEEN}",
}


def provenance(asked: Mapping[str, Any], auditor: str) -> dict[str, str]:
    """Who audited, when, and where model and evidence came from."""
    kind = asked["model"].partition(":")[0]
    if (Path(asked["model"]) / "participant.json").exists():
        covers = "the state that the neuron committed to"
    else:
        covers = _COVERS.get("http" if kind == "https" else kind, "what its class says of its own state")
    files = {name: asked[name] for name in ("data", "members", "outside") if asked[name]}
    now = datetime.datetime.now(datetime.UTC)
    return {
        "audited by": auditor or "not said", "audited on": now.strftime("%Y-%m-%d %H:%M UTC"),
        "the commitment covers": covers,
        "evidence from": ", ".join(f"{name} {Path(place).name}" for name, place in files.items()),
    }  # fmt: skip


def listed(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(",") if one.strip())


def _shape(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    tall, _, wide = text.partition("x")
    if not (tall.isdigit() and wide.isdigit() and int(tall) and int(wide)):
        raise AuditError(f"--image {text!r:.40} is no height and width, such as 28x28")
    return int(tall), int(wide)
