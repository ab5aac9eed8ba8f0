"""``klopf audit``: a reviewer's desk, with or without a network."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from klopf.console.cli.auditing import leaves, listed, opened, ordered, provenance
from klopf.console.cli.auditor import serve
from klopf.console.cli.command import CommandGroup, Json, print_json
from klopf.console.cli.given import file_form
from klopf.console.cli.tracing import trace
from klopf.errors import AuditError

if TYPE_CHECKING:
    from klopf.audit.desk import Card, Finding, Subject

__all__ = ["Audit"]

_EVERY = 3.0
"""Seconds between two lines of progress where there is no terminal."""
_MARKS = {"good": "+", "unsure": "?", "fault": "!", "told": " "}


class Audit(CommandGroup):
    help = "Find out whether a model can be relied on: a file, an endpoint or a neuron, and no network is needed."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"run": run, "tasks": tasks, "show": show, "card": card, "repeat": repeat, "data": data,
                "serve": serve, "trace": trace}  # fmt: skip


def run(
    model: str, data: Path, *, target: str = "", kind: Literal["classes", "numbers", "text", ""] = "",
    classes: str = "", groups: str = "", leave_out: str = "", members: Path | None = None,
    outside: Path | None = None, others: tuple[str, ...] = (), ordinary: str = "", image: str = "",
    series: Annotated[bool, Parameter(negative="")] = False, tasks: str = "", settings: str = "{}", form: str = "{}",
    judge: str = "", world: str = "", inspect: str = "", seed: int = 0, auditor: str = "",
    before: tuple[Path, ...] = (),
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
    auditor
        Who audits, for the card: a name, or who they work for.
    before
        An earlier card of this model, which becomes part of this one's history; may be given several times.
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
    earlier = [desk.read_card(file) for file in before]  # which cost nobody an audit where they are none
    subject, case, shown, commitment, record = opened(asked, again)
    history = desk.history(subject.name, earlier)
    with _told(len(desk.examinations(case.task, listed(tasks))), subject) as told:
        made = desk.examine(subject, case, listed(tasks), seed=seed, model=shown, commitment=commitment, told=told)
    made = dataclasses.replace(
        made, more=record | {"asked as": json.dumps(asked)}, history=history, provenance=provenance(asked, auditor)
    )
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


def card(file: Path, page: Path, *, json_: Json = False) -> None:
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

    shown = read_card(file)
    files.replace(page, made(shown))
    print_json({"page": str(page), "card": shown.digest}) if json_ else print(page)


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
    asked = ordered(file, asked)
    orders = (asked["model"], asked["ordinary"], asked["judge"], *asked["others"])
    far = [one for one in orders if leaves(one)] + [asked[name] for name in ("world", "inspect") if asked[name]]
    if far and not trusted:
        raise AuditError(
            f"{file} would import code, or send {asked['data']!r:.120} elsewhere, by {far[0]!r:.120}: who wrote a card "
            "gives such orders; say --trusted if that was you"
        )
    subject, case, shown, commitment, record = opened(asked, again=True)
    if case.digest != before.evidence.get("digest"):
        raise AuditError("the evidence is another than then: bring back the files that the card names")
    with _told(len(desk.examinations(case.task, listed(asked["tasks"]))), subject) as told:
        now = desk.examine(
            subject, case, listed(asked["tasks"]), seed=before.seed, model=shown, commitment=commitment, told=told
        )
    now = dataclasses.replace(
        now, more=record | {"asked as": before.more["asked as"]}, history=before.history, provenance=before.provenance
    )
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
        more = filter(None, (made.moved(one), one.tells, one.note))
        print("; ".join([f"  {_MARKS[one.verdict]} {one.task:20}{figure}{fault}", *more]))
    for name, why in made.not_tested.items():
        print(f"  - {name:20}not tested: {why}")
    for name, said in made.provenance.items():
        print(f"  {name}: {said}")
    for then in made.history:
        model = "the same model" if then.commitment == made.commitment else "another model"
        print(f"  before, {then.on or 'not said when'}: safety {then.safety}, quality {then.quality}, {model}")
    print(f"{made.asked:,} questions; card {made.digest}{f' in {file}' if file else ''}")
