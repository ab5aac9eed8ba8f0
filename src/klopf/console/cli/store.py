"""``klopf store``: records, cleaned and desensitised, under content identifiers."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from klopf.console.cli.command import CommandGroup, Json, print_json
from klopf.errors import StoreError

if TYPE_CHECKING:
    from klopf.store import Checked, Record
    from klopf.store import Store as Place

__all__ = ["Store"]

Where = Annotated[Path, Parameter(name="--store", help="The store's folder.")]
HERE = Path("store")


class Store(CommandGroup):
    help = "Records, cleaned and desensitised, under content identifiers that a real IPFS node gives."
    extra = "store"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {
            "policy": policy,
            "check": check,
            "add": add,
            "get": get,
            "verify": verify,
            "trace": trace,
            "export": export,
            "load": load,
            "pin": pin,
        }


def policy() -> None:
    """Print a policy with every kind of setting, to start from.

    Example: klopf store policy > policy.toml
    """
    from klopf.store import EXAMPLE

    print(EXAMPLE, end="")


def check(policy: Path, file: Path, *, picture: Path | None = None, store: Where = HERE, json_: Json = False) -> int:
    """Say what a policy would do to records and what it leaves, before anything is stored or spent.

    Example: klopf store check policy.toml meter.csv --picture before-and-after.svg

    Parameters
    ----------
    policy
        The policy's file; `klopf store policy` prints one.
    file
        A CSV or Parquet file.
    picture
        Draw how many records look alike, before and after, to this SVG file.
    """
    from klopf import store as room

    rules = room.Policy.read(policy)
    ledger = room.Store(store).ledger if (store / "format").exists() else None
    found = room.check(rules, file, ledger)
    if picture is not None:
        room.draw(found, rules, picture)
    print_json(found.plain()) if json_ else _print_checked(found, rules)
    return 1 if found.left is not None and found.left < 0 else 0


def add(
    source: Path,
    *,
    policy: Path | None = None,
    as_it_is: Annotated[bool, Parameter(negative="")] = False,
    profile: Literal["unixfs-v1-2025", "unixfs-v0-2015"] = "unixfs-v1-2025",
    store: Where = HERE,
    json_: Json = False,
) -> None:
    """Store records as a policy says, and print the content identifier. Makes the store where there is none.

    Example: klopf store add meter.csv --policy policy.toml

    Parameters
    ----------
    source
        A CSV or Parquet file, or a folder of them.
    policy
        What becomes of each field.
    as_it_is
        Store the bytes with nothing taken out, such as of a model: as `ipfs add` does.
    profile
        With --as-it-is: how the bytes become blocks, by the name that IPFS has for it.
    """
    from klopf import store as room

    if (policy is None) != as_it_is:
        raise StoreError("say how it is to be protected, with --policy FILE, or that it is not, with --as-it-is")
    if policy is not None:
        room.Policy.read(policy)  # what is wrong with it is said before a store is made
    if not source.exists():
        raise StoreError(f"there is no {source}")
    with _store(store) as place, _bar("adding", _size(source)) as told:
        added = place.add(source, policy, told) if policy else place.add_as_it_is(source, profile, told)
    if json_:
        print_json({**added.record.plain(), "new": added.new, "bytes": added.size, "known": added.known})
    else:
        print(added.root)
        print(f"{added.new} new blocks of {added.size:,} bytes, {added.known} were there; record {added.record.cid}")


def get(
    cid: str, out: Path, *, packed: Annotated[bool, Parameter(negative="")] = False, store: Where = HERE,
    json_: Json = False,
) -> None:  # fmt: skip
    """Write a file or folder out of the store; every block is hashed on the way.

    Example: klopf store get bafybei... meter.csv

    Parameters
    ----------
    cid
        Its content identifier.
    out
        Where to; nothing may be there yet.
    packed
        Leave records compressed, as they are stored (a Zstandard file).
    """
    from klopf import store as room

    with _bar("getting") as told:
        room.Store(store).get(room.Cid.parse(cid), out, packed=packed, told=told)
    print_json({"cid": cid, "out": str(out)}) if json_ else print(f"{out}")


def verify(archive: Path | None = None, *, store: Where = HERE, json_: Json = False) -> int:
    """Hash every block and look whether all that is pinned is there; exit status 1 if not.

    Example: klopf store verify

    Parameters
    ----------
    archive
        Verify this CAR file instead of a store.
    """
    from klopf import store as room

    with _bar("verifying") as told:
        count, wrong = room.verify_archive(archive, told) if archive else room.Store(store).verify(told)
    if json_:
        print_json({"blocks": count, "wrong": wrong})
    else:
        for line in wrong:
            print(line)
        print(f"{count:,} blocks, {len(wrong)} missing or damaged")
    return 1 if wrong else 0


def trace(cid: str, *, store: Where = HERE, json_: Json = False) -> int:
    """From a content identifier (of a root or any block) back to device, policy and time; exit status 1 if unknown.

    Example: klopf store trace bafybei...

    Parameters
    ----------
    cid
        A content identifier.
    """
    from klopf import store as room

    found = room.Store(store).trace(room.Cid.parse(cid))
    if json_:
        print_json([record.plain() for record in found])
    elif not found:
        print(f"nothing that was added here holds {cid}")
    else:
        for record in found:
            _print_record(record)
    return 0 if found else 1


def export(cid: str, out: Path, *, store: Where = HERE, json_: Json = False) -> None:
    """Write everything below a content identifier as an archive (CARv1), which `ipfs dag import` loads.

    Example: klopf store export bafybei... meter.car

    Parameters
    ----------
    cid
        The root's content identifier.
    out
        Where to; nothing may be there yet.
    """
    from klopf import store as room

    with _bar("exporting") as told:
        count = room.Store(store).export(room.Cid.parse(cid), out, told)
    print_json({"root": cid, "out": str(out), "blocks": count}) if json_ else print(f"{out}: {count:,} blocks")


def load(archive: Path, *, store: Where = HERE, json_: Json = False) -> None:
    """Take in an archive (CARv1), as `ipfs dag export` writes it; every block is hashed.

    Example: klopf store load meter.car

    Parameters
    ----------
    archive
        The archive's file.
    """

    with _store(store) as place, _bar("loading", _size(archive)) as told:
        roots = place.load(archive, told)
    print_json({"roots": [str(root) for root in roots]}) if json_ else print("\n".join(map(str, roots)))


def pin(
    cid: str | None = None,
    *,
    remove: Annotated[bool, Parameter(negative="")] = False,
    sweep: Annotated[bool, Parameter(negative="")] = False,
    store: Where = HERE,
    json_: Json = False,
) -> None:
    """Say what is to stay. Without arguments: what is pinned. What is added is pinned by that.

    Example: klopf store pin bafybei... --remove --sweep

    Parameters
    ----------
    cid
        A root's content identifier.
    remove
        Pin it no longer.
    sweep
        Then remove the blocks that nothing pinned needs.
    """
    from klopf import store as room

    place = room.Store(store)
    if cid is None and remove:
        raise StoreError("say what is to be pinned no longer: `klopf store pin` shows what is")
    if cid is not None:
        (place.unpin if remove else place.pin)(room.Cid.parse(cid))
    count, size = place.sweep() if sweep else (0, 0)
    pins = [str(one) for one in place.pins()]
    if json_:
        print_json({"pins": pins, "removed": count, "bytes": size})
    else:
        print("\n".join(pins) or "nothing is pinned")
        if sweep:
            print(f"{count} blocks of {size:,} bytes removed")


def _size(source: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    if source.is_file():
        return source.stat().st_size
    return sum(file.stat().st_size for file in source.rglob("*") if file.is_file())


@contextlib.contextmanager
def _store(folder: Path) -> Iterator[Place]:
    """The store in ``folder``, made where there is none; one that was made for what then failed is taken away again."""
    from klopf import store as room

    new = not (folder / "format").exists()
    place = room.Store.create(folder) if new else room.Store(folder)
    try:
        yield place
    except BaseException:
        if new and not place.records() and not place.pins():
            shutil.rmtree(folder)
        raise


@contextlib.contextmanager
def _bar(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Progress in bytes on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, advance=done)


def _print_record(record: Record) -> None:
    print(f"{record.root}  {record.name}")
    by = f"{record.device}, policy {record.policy}" if record.policy else "stored as it was, by no policy"
    print(f"  {by}\n  {record.time}, {record.profile}, record {record.cid}")


def _print_checked(found: Checked, rules: Any) -> None:
    from klopf.store import bars

    said = found.said
    print(f"{said.records:,} records: {said.twice:,} equal to others, {said.near:,} near to the last,"
          f" {said.suppressed:,} left out for k, {said.kept:,} stay")  # fmt: skip
    for line in bars(found):
        print(line)
    if rules.anonymity:
        steps = ", ".join(f"{name} at step {level}" for name, level in said.levels.items())
        print(f"k {said.k_before} -> {said.k}, l {said.l or '-'}{'; ' + steps if steps else ''}")
        print(f"alone in the declared fields: {said.unique_before:.1%} -> {said.unique:.1%} of the records")
    print(f"alone for somebody who knows all that is given without noise: {said.unique_in_all:.1%}")
    for name, noise in said.noise.items():
        print(f"{name}: epsilon {noise['epsilon']:g} a value, mean error about {noise['error']:.4g}")
    if found.left is not None:
        verdict = f"{found.left:g} left" if found.left >= 0 else f"{-found.left:g} TOO MUCH: it would be refused"
        print(f"budget: {said.epsilon:g} in the fullest of {len(said.spent)} periods, {verdict}")
