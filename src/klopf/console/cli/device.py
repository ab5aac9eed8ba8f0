"""``klopf device``: a device with its key in a trusted part."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter, validators

from klopf.console.cli.command import CommandGroup, Json, print_json
from klopf.console.cli.passphrase import passphrase
from klopf.errors import FleetError

if TYPE_CHECKING:
    from klopf.fleet.trusted import Signer

__all__ = ["Device"]

Count = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1_000_000))]
Seconds = Annotated[float, Parameter(validator=validators.Number(gt=0, lte=1e6))]


class Device(CommandGroup):
    help = "Devices: a key in a trusted part, existing sensors, and what the machine can do."
    extra = "network"

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {"new": new, "backup": backup, "signer": signer, "thing": thing, "join": join, "change": change,
                "leave": leave, "serve": serve, "measure": measure}  # fmt: skip


def new(
    folder: Path, *, user: str = "", safe: Literal["memory", "pkcs11", "tpm"] = "memory",
    with_: Annotated[list[str] | None, Parameter(name="--with")] = None, json_: Json = False,
) -> None:  # fmt: skip
    """Make a device: a folder, and in its trusted part a key, locked with the passphrase in KLOPF_PASSPHRASE.

    Where root runs this, the trusted part belongs to a user of its own, whom nobody else is.

    Example: klopf device new /var/lib/meter --user ann

    Parameters
    ----------
    folder
        A new folder.
    user
        Who will run the device, where root makes it for somebody.
    safe
        Where its key is: in the trusted process's memory, in a token, or sealed by a TPM.
    with_
        What that needs, as NAME=VALUE: a token's library and token (its label), a TPM's tcti; per_minute for all.
    """
    from klopf.fleet import device

    settings: dict[str, Any] = {"kind": safe}
    for one in with_ or []:
        name, given, value = one.partition("=")
        if not given:
            raise FleetError(f"--with {one}: give it as NAME=VALUE, such as --with token=meter")
        settings[name] = int(value) if value.isdecimal() else value
    made = device.create(folder, passphrase(confirm=True), user=user, settings=settings)
    record: dict[str, Any] = {"address": made, "folder": str(folder)}
    print_json(record) if json_ else print(made)
    if safe == "memory":
        print(f"back its key up now: klopf device backup {folder}", file=sys.stderr)
    else:
        print("this key has no backup: its owner gives a device that is lost another key", file=sys.stderr)


def backup(folder: Path) -> None:
    """Print the words that a device's key can be restored from. Whoever reads them owns the key: write them on paper.

    Root, who made the device, follows no link there; the address that is told first is that of `klopf device new`.

    Example: klopf device backup /var/lib/meter

    Parameters
    ----------
    folder
        The device's folder. KLOPF_PASSPHRASE opens its key.
    """
    from klopf.fleet import trusted

    key = trusted.key_of(folder, passphrase())
    print(key.address, file=sys.stderr)
    print(key.words())


def signer(folder: Path) -> None:
    """Be the trusted part of a device until stopped, as a service of its own. Root becomes the user whose it is.

    Example: klopf device signer /var/lib/meter

    Parameters
    ----------
    folder
        The device's folder. KLOPF_PASSPHRASE opens its key.
    """
    from klopf.fleet import trusted

    trusted.exec_part(folder, passphrase())


def thing(sample: Path, *, broker: str, topic: str, title: str = "") -> None:
    """Print a Thing Description (W3C, 1.1) for a device that has none, from a sample of its records.

    Example: klopf device thing sample.csv --broker mqtt://localhost --topic home/meter > meter.td.json

    Parameters
    ----------
    sample
        A CSV or Parquet file with the columns that it will tell.
    broker
        The MQTT broker's address, mqtt:// or mqtts://.
    topic
        Where it tells its records: a JSON object each.
    title
        What it is called; by default as the sample.
    """
    from klopf.fleet import device

    print_json(device.describe(sample, broker, topic, title).plain)


def join(
    folder: Path, *, policy: Path, data: Path | None = None, thing: Path | None = None, name: str = "",
    batch: Count = 1000, seconds: Seconds = 3600.0, json_: Json = False,
) -> None:  # fmt: skip
    """Let a device listen to a folder of CSV and Parquet files, or to a thing that tells its records over MQTT.

    Example: klopf device join /var/lib/meter --data readings --policy policy.toml

    Parameters
    ----------
    folder
        The device's folder.
    policy
        What becomes of each field (`klopf store policy` prints one to start from).
    data
        A folder in which files appear.
    thing
        A Thing Description; `klopf device thing` writes one.
    name
        What records from there are called; by default as the folder or the file.
    batch
        Of a thing: records that are stored together, at most.
    seconds
        Of a thing: how long the first of them waits for the others, at most.
    """
    from dataclasses import asdict

    from klopf.fleet import device

    made = device.join(folder, policy, folder=data, thing=thing, name=name, batch=batch, seconds=seconds)
    print_json(asdict(made)) if json_ else print(f"{made.name} has joined: klopf device serve {folder}")


def change(
    folder: Path, name: str, *, policy: Path | None = None, thing: Path | None = None, batch: Count | None = None,
    seconds: Seconds | None = None, json_: Json = False,
) -> None:  # fmt: skip
    """Give what has joined a device another policy, description or size of batches, while nobody serves it.

    What was stored stays as it is; what waits is stored by the new policy. All is checked before anything is changed.

    Example: klopf device change /var/lib/meter readings --policy stricter.toml

    Parameters
    ----------
    folder
        The device's folder.
    name
        Which of those that joined: as `klopf device join` named it.
    policy
        What becomes of each field from now on.
    thing
        Of a thing: its description, such as with another broker; it tells the same fields.
    batch
        Of a thing: records that are stored together, at most.
    seconds
        Of a thing: how long the first of them waits for the others, at most.
    """
    from dataclasses import asdict

    from klopf.fleet import device

    made = device.change(folder, name, policy=policy, thing=thing, batch=batch, seconds=seconds)
    print_json(asdict(made)) if json_ else print(f"{made.name} is changed: klopf device serve {folder}")


def leave(folder: Path, name: str) -> None:
    """Listen no more to what has joined a device; what was stored stays.

    Example: klopf device leave /var/lib/meter readings

    Parameters
    ----------
    folder
        The device's folder.
    name
        Which of those that joined.
    """
    from klopf.fleet import device

    device.leave(folder, name)
    print(f"{name} has left")


def serve(folder: Path, *, once: Annotated[bool, Parameter(negative="")] = False, json_: Json = False) -> None:
    """Listen to all that joined, store it by its policies, and sign what was stored, until stopped.

    The trusted part is the one that `klopf device signer` has started; where none is there, one is started, which ends
    with this. Passwords for a broker are in KLOPF_MQTT_USER and KLOPF_MQTT_PASSWORD.

    Example: klopf device serve /var/lib/meter

    Parameters
    ----------
    folder
        The device's folder.
    once
        Store what lies in the folders, and end.
    """
    import signal
    import threading
    import time

    from klopf.fleet import device

    def said(line: str) -> None:
        print(time.strftime("%H:%M:%S"), line, file=sys.stderr, flush=True)

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with _key(folder, "records") as key:
        for line in key.lacks:
            said(line)
        count = device.serve(folder, key, said=said, stop=stop, once=once)
    print_json({"stored": count}) if json_ else print(f"{count} files stored")


def measure(folder: Path, *, json_: Json = False) -> None:
    """Measure what this machine can do, signed by the device's key: nothing of it is declared.

    Example: klopf device measure /var/lib/meter --json

    Parameters
    ----------
    folder
        The device's folder; its disk is measured.
    """
    from klopf.fleet import device

    found = device.measure(folder)
    with _key(folder, "measured") as key:
        signed = found.signed(key)
    if json_:
        print_json(signed.plain())
        return
    print(f"{found.cores} cores, {found.memory / 2**30:.1f} GiB of memory")
    print(
        f"{found.flops / 1e9:.1f} GFLOP/s, {found.copied / 1e9:.1f} GB/s copied, {found.hashed / 1e9:.2f} GB/s hashed"
    )
    print(f"disk: {found.written / 1e6:.0f} MB/s written, {found.read / 1e6:.0f} MB/s read")
    print(f"signed by {signed.address}")


@contextlib.contextmanager
def _key(folder: Path, purpose: str) -> Iterator[Signer]:
    """A device's key, through the trusted part that runs, or one that is started for as long."""
    from klopf.fleet import trusted

    with contextlib.ExitStack() as stack:
        if not trusted.answers(folder):
            stack.enter_context(trusted.started(folder, passphrase()))
        yield stack.enter_context(trusted.Signer(folder, purpose))
