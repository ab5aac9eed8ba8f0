"""``klopf audit``: a reviewer's desk, with or without a network."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from klopf.console.cli.command import CommandGroup, Json, print_json
from klopf.console.cli.given import file_form, json_object
from klopf.console.cli.tracing import trace
from klopf.errors import AuditError

if TYPE_CHECKING:
    from klopf.audit.desk import Card, Case, Finding, Subject

__all__ = ["Audit"]

_EVERY = 3.0
"""Seconds between two lines of progress where there is no terminal."""
_MARKS = {"good": "+", "unsure": "?", "fault": "!", "told": " "}


class Audit(CommandGroup):
    help = "Find out whether a model can be relied on: a file, an endpoint or a neuron, and no network is needed."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"run": run, "tasks": tasks, "show": show, "card": card, "repeat": repeat, "data": data,
                "trace": trace}  # fmt: skip


def run(
    model: str, data: Path, *, target: str = "", kind: Literal["classes", "numbers", "text", ""] = "",
    classes: str = "", groups: str = "", leave_out: str = "", members: Path | None = None,
    outside: Path | None = None, others: tuple[str, ...] = (), ordinary: str = "", image: str = "",
    series: Annotated[bool, Parameter(negative="")] = False, tasks: str = "", settings: str = "{}", form: str = "{}",
    judge: str = "", world: str = "", inspect: str = "", seed: int = 0,
    again: Annotated[bool, Parameter(negative="")] = False, out: Path = Path("card.json"), page: Path | None = None,
    json_: Json = False,
) -> int:  # fmt: skip
    """Audit a model and write its report card; exit status 1 if it is at fault in anything.

    MODEL is an ONNX file (`onnx:rain.onnx`), a fitted estimator of scikit-learn that skops wrote (`skops:rain.skops`),
    an endpoint (`https://...`, `openai:URL#MODEL`), a function or class (`pkg.mod:name`), or the folder of a neuron
    (`RUN/neurons/ada`).

    Example: klopf audit run onnx:rain.onnx held-out.csv --target rain --groups region --members trained-on.csv

    Parameters
    ----------
    model
        What to audit.
    data
        A CSV or Parquet file of samples that nobody has trained on, or a folder that `klopf audit data` made.
    target
        The column that is right; a neuron's is known.
    kind
        Of task; found out from the target where it is not named.
    classes
        Their names in the model's order, between commas; by default the order of the target's values.
    groups
        Columns that say who belongs to which group, between commas.
    leave_out
        Columns that do not go into the model, between commas.
    members
        A file of samples that the model was trained on; a neuron's are in its folder.
    outside
        A file of samples of another world, about which the model can know nothing.
    others
        Models that are heard already, for what this one adds; may be given several times.
    ordinary
        Another door to the same model, as an ordinary requester finds it.
    image
        Where a sample is an image: its height and width, such as 28x28.
    series
        Whether the samples follow one another in time.
    tasks
        Only these audit tasks, between commas; `klopf audit tasks` lists them.
    settings
        The model's, as JSON.
    form
        How the files are written, as JSON, where they do not tell: `delimiter`, `decimal`, `encoding`, `missing`, and
        of classes `spellings`, as in settings under `data`.
    judge
        A text model that is given an answer and says `insult` where it is one, beside the list of words.
    world
        An environment to act in: `pkg.mod:name#argument`, such as `gymnasium:make#CartPole-v1`.
    inspect
        Tasks of inspect_ai to be put to it, between commas, such as `tasks.py@sums`.
    seed
        Of everything random: the same model, data and seed come to the same card.
    again
        Put probes to an endpoint that has seen them before.
    out
        The report card, as JSON.
    page
        The report card as a page (HTML).
    """
    from klopf.audit import desk

    asked = {
        "model": model,
        "data": str(data),
        "target": target,
        "kind": kind,
        "classes": classes,
        "groups": groups,
        "leave_out": leave_out,
        "members": str(members or ""),
        "outside": str(outside or ""),
        "others": list(others),
        "ordinary": ordinary,
        "image": image,
        "series": series,
        "tasks": tasks,
        "settings": settings,
        "form": form,
        "judge": judge,
        "world": world,
        "inspect": inspect,
    }
    subject, case, shown, commitment, record = _opened(asked, again)
    with _told(len(desk.examinations(case.task, _list(tasks))), subject) as told:
        made = desk.examine(subject, case, _list(tasks), seed=seed, model=shown, commitment=commitment, told=told)
    made = dataclasses.replace(made, more=record | {"asked as": json.dumps(asked)})
    made.write(out)
    if page is not None:
        from klopf import files

        files.replace(page, desk.page(made))
    print_json(made.plain() | {"digest": made.digest}) if json_ else _print(made, out)
    return 1 if any(one.verdict == "fault" for one in made.findings) else 0


def tasks(*, json_: Json = False) -> None:
    """List the audit tasks: what each asks, of which kind of task, what it needs and where fault begins.

    Example: klopf audit tasks
    """
    from klopf.audit import AUDIT_TASKS

    rows = []
    for name in AUDIT_TASKS.names():
        one = AUDIT_TASKS.load(name)
        rows.append({
            "task": name, "side": one.side, "kinds": list(one.kinds), "asks": one.asks, "needs": list(one.needs),
            "samples": one.fewest, "fault": one.fault,
        })  # fmt: skip
    if json_:
        print_json(rows)
        return
    for row in rows:
        needs = f" (needs {', '.join(row['needs'])})" if row["needs"] else ""
        fault = f", at fault below {row['fault']:g}" if row["fault"] is not None else ""
        print(f"{row['task']:20}{row['side']:9}{', '.join(row['kinds'])}\n    {row['asks']}{needs}{fault}")


def show(file: Path, *, json_: Json = False) -> int:
    """Show a report card; exit status 1 if the model is at fault in anything.

    Example: klopf audit show card.json

    Parameters
    ----------
    file
        The card.
    """
    from klopf.audit.desk import read_card

    made = read_card(file)
    print_json(made.plain() | {"digest": made.digest}) if json_ else _print(made)
    return 1 if any(one.verdict == "fault" for one in made.findings) else 0


def card(file: Path, page: Path) -> None:
    """Write a report card as a page, one file of HTML that loads nothing.

    Example: klopf audit card card.json card.html

    Parameters
    ----------
    file
        The card.
    page
        The page.
    """
    from klopf import files
    from klopf.audit.desk import page as made
    from klopf.audit.desk import read_card

    files.replace(page, made(read_card(file)))
    print(page)


def repeat(file: Path, *, trusted: Annotated[bool, Parameter(negative="")] = False, json_: Json = False) -> int:
    """Audit the same model by the same evidence again, and compare the cards by their digest; exit status 1 if they
    differ.

    A card says which files are read here and who is asked: one that would import a package, or send anything to an
    endpoint, is not followed unless you say that you trust it.

    Example: klopf audit repeat card.json

    Parameters
    ----------
    file
        The card.
    trusted
        I have looked at what this card asks for, or made it myself.
    """
    from klopf.audit import desk

    before = desk.read_card(file)
    try:
        asked = json.loads(str(before.more["asked as"]))
    except (KeyError, ValueError):
        raise AuditError(f"{file} does not say how it was made: it is not by `klopf audit run`") from None
    asked = _order(file, asked)
    orders = (asked["model"], asked["ordinary"], asked["judge"], *asked["others"])
    far = [one for one in orders if _leaves(one)] + [asked[name] for name in ("world", "inspect") if asked[name]]
    if far and not trusted:
        raise AuditError(
            f"{file} would import code, or send {asked['data']!r:.120} elsewhere, by {far[0]!r:.120}: who wrote a card "
            "gives such orders; say --trusted if that was you"
        )
    subject, case, shown, commitment, record = _opened(asked, again=True)
    if case.digest != before.evidence.get("digest"):
        raise AuditError("the evidence is another than then: bring back the files that the card names")
    with _told(len(desk.examinations(case.task, _list(asked["tasks"]))), subject) as told:
        now = desk.examine(
            subject, case, _list(asked["tasks"]), seed=before.seed, model=shown, commitment=commitment, told=told
        )
    now = dataclasses.replace(now, more=record | {"asked as": before.more["asked as"]})
    changed = [one.task for one, other in zip(before.findings, now.findings, strict=False) if one != other]
    same = now.digest == before.digest
    if json_:
        print_json({"same": same, "digest": now.digest, "before": before.digest, "changed": changed})
    elif same:
        print(f"the same to the last digit: {now.digest}")
    else:
        print(f"another card: {now.digest} instead of {before.digest}")
        print(f"it differs in {', '.join(changed) or 'what stands around the findings'}")
    return 0 if same else 1


def data(
    source: Path, folder: Path, *, rows: int = 400, trained: tuple[Path, ...] = (), form: str = "{}",
    json_: Json = False,
) -> None:  # fmt: skip
    """Draw hidden questions out of a file of your own, and print the commitment to publish before anybody is asked.

    Rows that stand in what models were trained on are left out. The folder keeps the questions, and a list of who has
    seen them: an endpoint is not asked the same questions twice.

    Example: klopf audit data mine.csv probes --rows 300 --trained theirs.csv

    Parameters
    ----------
    source
        A CSV or Parquet file.
    folder
        Where the questions go; a new folder.
    rows
        How many.
    trained
        A file that models were trained on; may be given several times.
    form
        How the files are written, as JSON, where they do not tell.
    """
    from klopf.audit.desk import hold_out

    made = hold_out(source, folder, rows, trained, file_form(form))
    if json_:
        print_json({"file": str(made.file), "commitment": made.commitment, "rows": made.rows, "dropped": made.dropped})
        return
    print(f"{made.rows} questions in {made.file}; {made.dropped} rows were left out, since models were trained on them")
    print(f"commitment {made.commitment}")


# ---- what an audit begins with


def _opened(asked: Mapping[str, Any], again: bool) -> tuple[Subject, Case, str, str, dict[str, Any]]:
    """Subject, case, the model's public name, its commitment, and what else is known of it."""
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
        return _neuron(asked, source, files, shape, record, folder is not None)
    if not asked["target"]:
        raise AuditError("say which column is right, with --target NAME")
    case = desk.read_case(
        source, asked["target"], kind=asked["kind"] or None, names=_list(asked["classes"]),
        groups=_list(asked["groups"]), leave_out=_list(asked["leave_out"]), shape=shape, series=asked["series"],
        form=form, plain=folder is not None, **files,
    )  # fmt: skip
    model = create_model(asked["model"], case.task, 0, given)
    if model.learns:
        raise AuditError(
            f"{asked['model']} is a newborn that has learned nothing: name a fitted model (skops:, onnx:, an endpoint)"
        )
    ordinary = create_model(asked["ordinary"], case.task, 0, given) if asked["ordinary"] else None
    name = public_name(asked["model"], given)
    subject = desk.Subject(name, case.task, model, ordinary=ordinary)
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

    found: dict[str, Any] = {"inspect": _list(asked["inspect"])}
    if name := asked["judge"]:
        task = Text(("text",), ("verdict",))
        found["judge"] = desk.Subject(public_name(name), task, create_model(name, task, 0, {}))
    if name := asked["world"]:
        place, _, argument = name.partition("#")
        made = located(place, "the world")
        found["world"] = desk.World(name, lambda: made(*([argument] if argument else [])))
    return found


def _order(file: Path, asked: Any) -> dict[str, Any]:
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


def _leaves(model: str) -> bool:
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
            record: dict[str, Any], plain: bool) -> tuple[Subject, Case, str, str, dict[str, Any]]:  # fmt: skip
    """The same of a neuron's folder, whose network says what is right and how a table is prepared."""
    import numpy as np

    from klopf import tables
    from klopf.audit import desk
    from klopf.network import reviewed

    found = reviewed(Path(asked["model"]))
    form = file_form(asked["form"], found.form)
    table = tables.read(source, None if plain else form)
    outside = None if files["outside"] is None else found.schema.inputs(tables.read(files["outside"], form))
    for name in (found.schema.target, *_list(asked["groups"])):
        table.require(name)
    groups = {name: np.array([str(cell) for cell in table.columns[name]]) for name in _list(asked["groups"])}
    case = desk.Case(
        found.task, found.schema.inputs(table), found.schema.targets(table, form), groups, found.members, outside,
        shape=shape, series=asked["series"], **_beside(asked),
    )  # fmt: skip
    subject = desk.Subject(found.name, found.task, found.model)
    return subject, case, found.public_name, _commitment(found.model), record | found.record


def _list(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(",") if one.strip())


def _shape(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    tall, _, wide = text.partition("x")
    if not (tall.isdigit() and wide.isdigit() and int(tall) and int(wide)):
        raise AuditError(f"--image {text!r:.40} is no height and width, such as 28x28")
    return int(tall), int(wide)


# ---- what is shown


@contextlib.contextmanager
def _told(total: int, subject: Subject) -> Iterator[Callable[[str, Finding | str], None]]:
    """Progress on standard error: a bar where that is a terminal, else a line every few seconds."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console, ended, over = Console(stderr=True), list[str](), threading.Event()

    def lines() -> None:
        while not over.wait(_EVERY):
            last = f", the last was {ended[-1]}" if ended else ""
            line = f"auditing: {len(ended)} of {total} audit tasks done{last}; {subject.asked:,} questions"
            print(line, file=sys.stderr, flush=True)

    columns = (TextColumn("auditing"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)

        def told(name: str, _found: Finding | str) -> None:
            ended.append(name)
            bar.update(task, advance=1, description=f"{name} is done")

        thread = threading.Thread(target=lines, daemon=True)
        if not console.is_terminal:
            thread.start()
        try:
            yield told
        finally:
            over.set()


def _print(made: Card, file: Path | None = None) -> None:
    for side, grade in (("safety", made.safety), ("quality", made.quality)):
        print(f"{made.subject}: {side} {grade.letter} ({grade.why})")
    for one in made.findings:
        fault = "" if one.fault is None else f", at fault below {one.fault:g}"
        figure = f"{one.value:5.2f}  [{one.low:.2f}, {one.high:.2f}]  control {one.control:.2f}"
        print(
            "; ".join([f"  {_MARKS[one.verdict]} {one.task:20}{figure}{fault}", *filter(None, (one.tells, one.note))])
        )
    for name, why in made.not_tested.items():
        print(f"  - {name:20}not tested: {why}")
    print(f"{made.asked:,} questions; card {made.digest}{f' in {file}' if file else ''}")
