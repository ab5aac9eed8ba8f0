"""``klopf proof model``: commit a network, prove its answers, verify them."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from klopf import files
from klopf.console.cli.command import Json, print_json
from klopf.errors import NotProven, ProofError

if TYPE_CHECKING:
    from klopf.proof.model import Card, Hidden, Layers

__all__ = ["contract", "hide", "prove", "setup", "verify"]

_LARGEST = 64_000_000
Proofs = Annotated[int, Parameter(validator=Number(gte=1, lte=64))]
Backend = Literal["klopf", "ezkl"]
Row = Annotated[int, Parameter(validator=Number(gte=0))]


def setup(network: Path, folder: Path, *, proofs: Proofs = 4, backend: Backend = "klopf", json_: Json = False) -> None:
    """Commit a network: FOLDER/card.json is published, FOLDER/secret.npz is not.

    Example: klopf proof model setup digits.mind COMMITTED

    Parameters
    ----------
    network
        A saved learner of Klopf's, or an ONNX file of dense layers.
    folder
        A folder that is not there yet.
    proofs
        How many proofs tell nothing of the weights; after them the network is committed anew. More make proofs larger.
    backend
        Who proves. With ezkl, which must be installed, FOLDER/public is published, proofs are short, as many as one
        likes, and whoever drew its reference string could forge them.
    """
    from klopf.proof import model

    if backend != "klopf":
        from klopf.proof.backends import backend as found

        content, inputs = _onnx(network)
        name = found(backend).setup(content, inputs, folder)
        print_json({"identity": name}) if json_ else print(f"{folder}/public: as {name}")
        return

    committed = model.Committed.of(_layers(network), proofs)
    committed.save(folder)
    card = committed.card
    said = {"identity": card.identity, "sizes": list(card.sizes), "numbers": card.circuit.model,
            "bytes of a proof, about": card.shape.size, "proofs": proofs}  # fmt: skip
    print_json(said) if json_ else print(
        f"{folder}/card.json: {'-'.join(map(str, card.sizes))}, {card.circuit.model:,} numbers, as {card.identity}\n"
        f"{proofs} proofs, of about {card.shape.size:,} bytes each"
    )


def hide(card: Path, inputs: str, to: Path, *, row: Row = 0, json_: Json = False) -> None:
    """Commit an input that will be answered without being shown; print the root that is published.

    Example: klopf proof model hide COMMITTED/card.json mine.npy mine.hidden

    Parameters
    ----------
    card
        The card of a network that is to answer it.
    inputs
        Numbers with commas between them, or an .npy file of rows of them.
    to
        A file that is not published; its name ends with .hidden.
    row
        Which row of an .npy file; the first is 0.
    """
    import numpy as np

    from klopf.proof import model

    if to.suffix != ".hidden":
        raise ProofError(f"{to} must end with .hidden, so that it is known for what it is")
    seed, numbers = os.urandom(32), _inputs(inputs, row)
    made = model.Hidden(model.Card.parse(_content(card)), numbers, seed)
    held = io.BytesIO()
    np.savez(held, inputs=made.inputs, seed=np.frombuffer(seed, np.uint8), root=np.frombuffer(made.root, np.uint8))
    try:
        files.replace(to, held.getvalue(), private=True)
    except OSError as error:
        raise ProofError(f"cannot write {to}: {error.strerror}") from None
    print_json({"root": made.root.hex()}) if json_ else print(made.root.hex())


def prove(
    folder: Path, inputs: str, to: Path, *, row: Row = 0, backend: Backend = "klopf", json_: Json = False
) -> None:
    """Answer an input by a committed network, and prove that the answer is the network's.

    Example: klopf proof model prove COMMITTED digits.npy answer.proof --row 7

    Parameters
    ----------
    folder
        What `klopf proof model setup` wrote.
    inputs
        Numbers with commas between them, an .npy file of rows of them, or a .hidden file, which is not shown.
    to
        The answer's file: input (unless it is hidden), answer, and proof.
    row
        Which row of an .npy file; the first is 0.
    backend
        Who proves: the one that set it up.
    """
    from klopf.proof import model

    if backend != "klopf":
        from klopf.proof.backends import backend as found

        made = found(backend).prove(folder, [float(one) for one in _inputs(inputs, row)], to)
        print_json({"outputs": made.outputs}) if json_ else print(f"{to}: {_shown(made.outputs)}, proven by {backend}")
        return

    committed = model.Committed.load(folder)
    hidden = _hidden(committed.card, Path(inputs)) if inputs.endswith(".hidden") else None
    given = hidden or _inputs(inputs, row)
    committed.check(given)  # before a proof is counted
    if not to.parent.is_dir() or to.is_dir():
        raise ProofError(f"cannot write {to}: name a file in a folder that is there")
    if hidden:
        _count(Path(f"{inputs}.lock"), Path(f"{inputs}.proofs"), hidden.proofs)
    answer = committed.prove_hidden(hidden) if hidden else committed.prove(given)
    try:
        files.replace(to, answer.to_bytes())
    except OSError as error:
        raise ProofError(f"cannot write {to}: {error.strerror}") from None
    said = {"outputs": answer.outputs.tolist(), "bytes": len(answer.proof), "identity": committed.card.identity}
    print_json(said) if json_ else print(f"{to}: {_shown(answer.outputs)}, proven in {len(answer.proof):,} bytes")


def verify(
    card: Path, answer: Path, *, identity: str = "", hidden: str = "", backend: Backend = "klopf", json_: Json = False
) -> int:
    """Check that an answer came from a committed network. Ends with 1 where that is not shown.

    Example: klopf proof model verify COMMITTED/card.json answer.proof

    Parameters
    ----------
    card
        The network's card.
    answer
        What `klopf proof model prove` wrote.
    identity
        What the card must be called: the name under which the network was audited.
    hidden
        Where the input is not shown, the root that committed to it.
    backend
        Who proved it; with ezkl the card is FOLDER/public.
    """
    from klopf.proof import model

    if backend != "klopf":
        return _verify(backend, card, answer, identity, json_)
    read = model.Card.parse(_content(card))
    try:
        root = bytes.fromhex(hidden)
    except ValueError:
        raise ProofError("a root is 64 digits from 0 to f: klopf proof model hide prints it") from None
    why, outputs = "", []
    try:
        if identity and read.identity != identity:
            raise NotProven(f"the card is that of {read.identity}, not of {identity}")
        said = model.Answer.parse(_content(answer))
        model.verify(read, said, root)
        outputs = said.outputs.tolist()
    except NotProven as error:
        why = str(error)
    if json_:
        print_json({"proven": not why, "why": why, "outputs": outputs, "identity": read.identity})
    else:
        print(f"not proven: {why}" if why else f"proven to be of {read.identity}: {_shown(outputs)}")
    return int(bool(why))


def contract(public: Path, to: Path, *, answer: Path | None = None) -> None:
    """Write the source of a contract that verifies a network's proofs by ezkl.

    Example: klopf proof model contract COMMITTED/public Verifier.sol

    Parameters
    ----------
    public
        What `klopf proof model setup --backend ezkl` published.
    to
        The source, to be compiled by whoever checks the code's hash.
    answer
        What `klopf proof model prove` wrote: also print the data that the contract is called with to verify it.
    """
    from klopf.proof.backends.ezkl import Ezkl

    used = Ezkl()
    used.contract(public, to)
    if answer:
        from klopf.proof.contract import call

        print(f"0x{call(*used.calldata(public, answer)).hex()}")
    print(f"{to}: compile it, and compare the hash of its code with that of the contract that is asked")


def _verify(backend: str, public: Path, answer: Path, identity: str, json_: bool) -> int:
    """By another backend."""
    from klopf.proof.backends import backend as found

    used = found(backend)
    why, name = "", used.identity(public)
    inputs: tuple[float, ...] = ()
    outputs: tuple[float, ...] = ()
    try:
        if identity and name != identity:
            raise NotProven(f"the network is {name}, not {identity}")
        said = used.verify(public, answer)
        inputs, outputs = said.inputs, said.outputs
    except NotProven as error:
        why = str(error)
    if json_:
        print_json({"proven": not why, "why": why, "inputs": inputs, "outputs": outputs, "identity": name})
    else:
        print(f"not proven: {why}" if why else f"proven to be of {name}: {_shown(outputs)}")
    return int(bool(why))


def _onnx(network: Path) -> tuple[bytes, int]:
    """A network as an ONNX file's content, and how many inputs it has."""
    from klopf.proof._onnx_written import onnx_of

    layers = _layers(network)
    return (_content(network) if network.suffix == ".onnx" else onnx_of(layers)), layers.sizes[0]


def _layers(network: Path) -> Layers:
    from klopf.mind import Mind
    from klopf.proof.model import layers_in, layers_of

    if network.suffix == ".onnx":
        return layers_in(_content(network))
    return layers_of(Mind.load(network))


def _count(lock: Path, count: Path, proofs: int) -> None:
    """Count one more proof of a hidden input, before it is made; a network counts its own.

    Raises:
        ProofError: the input has served as often as it is hidden.
    """
    try:
        held = files.lock(lock)
    except OSError as error:
        raise ProofError(f"cannot prove with {lock}: {error.strerror}, or another proof is being made") from None
    try:
        used = int(count.read_text()) if count.exists() else 0
        if used >= proofs:
            raise ProofError(
                f"this input has had {used} proofs, after which more would tell of it: commit the input anew"
            )
        files.replace(count, f"{used + 1}\n")
    except (OSError, ValueError) as error:
        raise ProofError(f"cannot count the proofs in {count}: {error}") from None
    finally:
        os.close(held)


def _hidden(card: Card, file: Path) -> Hidden:
    from klopf.proof.model import Hidden

    try:
        held = files.arrays(file)
        made, root = Hidden(card, held["inputs"] / 4096, held["seed"].tobytes()), held["root"].tobytes()
    except (OSError, ValueError, KeyError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ProofError(f"cannot read the hidden input {file}: {' '.join(why.split())[:160]}") from None
    if made.root != root:
        raise ProofError(f"{file} was committed for a network of another shape: commit it for this card")
    return made


def _inputs(said: str, row: int) -> Any:
    import numpy as np

    if not said.endswith(".npy"):
        try:
            return [float(one) for one in said.split(",")]
        except ValueError:
            raise ProofError(f"{said!r:.60}: inputs are numbers with commas between them, or an .npy file") from None
    try:
        table = np.load(said, allow_pickle=False)
        return np.atleast_2d(table).reshape(len(np.atleast_2d(table)), -1)[row]
    except IndexError:
        raise ProofError(f"{said} has no row {row}") from None
    except Exception as error:  # what a damaged file makes NumPy raise is no short list
        why = getattr(error, "strerror", None) or ("it is no .npy file" if "pickle" in str(error) else str(error))
        raise ProofError(f"cannot read {said}: {' '.join(why.split())[:160]}") from None


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_LARGEST)
    except OSError as error:
        raise ProofError(f"cannot read {file}: {error.strerror}") from None


def _shown(outputs: Any) -> str:
    """The first numbers, of the first rows where several were answered."""
    import numpy as np

    numbers = np.ravel(outputs)
    return ", ".join(f"{one:.4g}" for one in numbers[:10]) + (", ..." if len(numbers) > 10 else "")
