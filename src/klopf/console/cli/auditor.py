"""``klopf audit serve``: an auditor as a service."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter, validators

from klopf.console.cli.auditing import UNSAID, listed, opened, provenance
from klopf.console.cli.command import Json
from klopf.errors import AuditError

if TYPE_CHECKING:
    from klopf.audit.desk import Card

__all__ = ["serve"]

Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65_535))]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1_000))]
Seconds = Annotated[float, Parameter(validator=validators.Number(gte=1, lte=86_400))]
_QUESTIONS = 200_000
"""Put to one model at most."""


def serve(
    data: Path, *, target: str = "", kind: Literal["classes", "numbers", "text", ""] = "", classes: str = "",
    groups: str = "", leave_out: str = "", outside: Path | None = None, image: str = "",
    series: Annotated[bool, Parameter(negative="")] = False, tasks: str = "", form: str = "{}",
    run: Path | None = None, only: str = "", folder: Path = Path("audits"), port: Port = 0, waiting: Count = 8,
    seconds: Seconds = 600.0, auditor: str = "", again: Annotated[bool, Parameter(negative="")] = False,
    json_: Json = False,
) -> None:  # fmt: skip
    """Be an auditor as a service: who names an endpoint or a neuron of a run gets its report card.

    On a page of this machine, or as JSON; runs until it is stopped.

    One audit at a time; an endpoint that hangs is waited for as long as --seconds say, all its answers together. What
    is audited again is told how it did before. Only endpoints are asked, and neurons of --run: no file and no package
    that somebody names here is ever opened.

    Example: klopf audit serve held-out.csv --target rain --run runs/weather --auditor Vera

    Parameters
    ----------
    data
        A CSV or Parquet file of samples that nobody has trained on, or a folder that `klopf audit data` made.
    target
        The column that is right; a neuron's is known.
    kind
        Of task; found out from the target where it is not named.
    classes
        Their names in the models' order, between commas; by default the order of the target's values.
    groups
        Columns that say who belongs to which group, between commas.
    leave_out
        Columns that do not go into a model, between commas.
    outside
        A file of samples of another world, about which a model can know nothing.
    image
        Where a sample is an image: its height and width, such as 28x28.
    series
        Whether the samples follow one another in time.
    tasks
        Only these audit tasks, between commas.
    form
        How the files are written, as JSON, where they do not tell.
    run
        A run folder, whose neurons are audited by their names.
    only
        The hosts of endpoints that may be asked, between commas; by default any.
    folder
        Where cards are kept, by number.
    port
        Port to listen at, of this machine's own address; 0 lets the system choose.
    waiting
        How many audits may wait.
    seconds
        How long one model may take for all its answers.
    auditor
        Who audits, for the card.
    again
        Put probes to an endpoint that has seen them before.
    """
    from klopf.audit import desk
    from klopf.console import web

    names = _neurons(run)
    allowed = listed(only)
    asked: dict[str, Any] = dict(UNSAID) | {
        "data": str(data), "target": target, "kind": kind, "classes": classes, "groups": groups, "leave_out": leave_out,
        "outside": str(outside or ""), "image": image, "series": series, "tasks": tasks, "form": form,
    }  # fmt: skip
    if target:  # what cannot be read says so before anything is promised
        held = desk.read_probes(data).file if data.is_dir() else data
        desk.examinations(_task(held, asked, data.is_dir()), listed(tasks))
    elif run is None:
        raise AuditError("say which column is right, with --target NAME")

    def audit(model: str, before: tuple[Card, ...], tell: Callable[[str], None]) -> Card:
        order = asked | {"model": str(names.get(model, model))}
        subject, case, shown, commitment, record = opened(order, again, most=_QUESTIONS, patience=seconds)
        done: list[str] = []

        def told(name: str, _: Any) -> None:
            done.append(name)
            tell(f"{len(done)} audit tasks done, the last was {name}; {subject.asked:,} questions")

        made = desk.examine(subject, case, listed(tasks), model=shown, commitment=commitment, cores=1, told=told)
        return dataclasses.replace(
            made, more=record | {"asked for": model}, provenance=provenance(order, auditor),
            history=desk.history(made.subject, [one for one in before if one.subject == made.subject]),
        )  # fmt: skip

    about = f"Models are asked about {data.name}. Name an endpoint{', or a neuron of the run' if names else ''}."
    web.serve_audits(
        folder, audit, port, waiting, about, sorted(names), lambda model: _check(model, names, allowed),
        lambda link: print(json.dumps({"link": link}) if json_ else link, flush=True),
    )  # fmt: skip


def _task(held: Path, asked: Mapping[str, Any], plain: bool) -> Any:
    from klopf.audit import desk
    from klopf.console.cli.given import file_form

    return desk.read_case(
        held, asked["target"], kind=asked["kind"] or None, names=listed(asked["classes"]),
        groups=listed(asked["groups"]), leave_out=listed(asked["leave_out"]), series=asked["series"],
        form=file_form(asked["form"]), plain=plain,
    ).task  # fmt: skip


def _neurons(run: Path | None) -> dict[str, Path]:
    """The neurons of a run, by name."""
    if run is None:
        return {}
    found = {one.parent.name: one.parent for one in sorted((run / "neurons").glob("*/participant.json"))}
    if not found:
        raise AuditError(f"{run} is no run folder with neurons: klopf run makes one")
    return found


def _check(model: str, names: Mapping[str, Path], allowed: tuple[str, ...]) -> None:
    """That it is one that may be asked here."""
    from urllib.parse import urlsplit

    from klopf.peers.models._endpoint import on_this_link

    if model in names:
        return
    url = model.partition(":")[2] if model.startswith("openai:") else model
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not url.startswith(("http://", "https://")) or not host:
        named = f", or a neuron: {', '.join(names)[:200]}" if names else ""
        raise AuditError(f"{model!r:.120} is nothing that is asked here: name an endpoint by its URL{named}")
    if not allowed and on_this_link(host):
        raise AuditError(f"{host:.120} is an address of this machine's link alone: --only {host:.120} lets it be asked")
    if allowed and host not in allowed:
        raise AuditError(f"{host:.120} is none of the hosts that are asked here: {', '.join(allowed)[:200]}")
