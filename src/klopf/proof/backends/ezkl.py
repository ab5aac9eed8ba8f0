"""ezkl as a backend: Halo 2 proofs with KZG commitments, which a contract can verify.

ezkl does not name its licence: whoever wants it installs it, and nothing of it is here. Each of its steps is a process
of its own, for what a stranger's bytes make it do ends that process and not this one. Its reference string is drawn
here: whoever made ``public`` could prove anything by it, unless it is replaced by a ceremony's.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from klopf import files
from klopf.errors import NotProven, ProofError
from klopf.nested import from_json
from klopf.proof.backends import Backend, Proven

__all__ = ["Ezkl"]

_P = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Of its field: instances are numbers modulo this, the lowest byte first."""
_SECONDS = 1800
_LARGEST = 1_000_000
_STEP = """
import asyncio, ezkl, json, sys
step, files, options = json.loads(sys.argv[1])
async def run():
    if options:
        held = ezkl.PyRunArgs()
        for name, value in options.items():
            setattr(held, name, value)
        found = getattr(ezkl, step)(*files, py_run_args=held)
    else:
        found = getattr(ezkl, step)(*files)
    return await found if hasattr(found, "__await__") else found
print(json.dumps(asyncio.run(run()) is not False))
"""


class Ezkl(Backend):
    """Inputs and outputs are public, the network's weights private."""

    def __init__(self) -> None:
        if importlib.util.find_spec("ezkl") is None:
            raise ProofError(
                "the backend ezkl needs ezkl, which is not installed: pip install ezkl (it names no licence)"
            )

    def setup(self, network: bytes, inputs: int, folder: Path) -> str:
        public = folder / "public"
        try:
            public.mkdir(parents=True)
            files.replace(folder / "network.onnx", network, private=True)
            sample = np.random.default_rng(0).uniform(-1, 1, inputs).tolist()
            files.replace(folder / "sample.json", json.dumps({"input_data": [sample]}))
        except OSError as error:
            raise ProofError(f"cannot write {folder}: {error.strerror}") from None
        seen = {f"{part}_visibility": seen for part, seen in
                (("input", "public"), ("output", "public"), ("param", "private"))}  # fmt: skip
        onnx, settings, circuit = folder / "network.onnx", public / "settings.json", folder / "circuit"
        self._do("gen_settings", onnx, settings, **seen)
        self._do("calibrate_settings", folder / "sample.json", onnx, settings, "resources")
        self._do("compile_circuit", onnx, circuit, settings)
        self._do("gen_srs", public / "srs", self._settings(public)["run_args"]["logrows"])
        self._do("setup", circuit, public / "vk", folder / "pk", public / "srs")
        return self.identity(public)

    def prove(self, folder: Path, inputs: Sequence[float], to: Path) -> Proven:
        public, given, witness = folder / "public", folder / "input.json", folder / "witness.json"
        wanted = int(np.prod(self._settings(public)["model_instance_shapes"][0]))
        if len(inputs) != wanted:
            raise ProofError(f"this network takes rows of {wanted} numbers, not of {len(inputs)}")
        files.replace(given, json.dumps({"input_data": [[float(one) for one in inputs]]}), private=True)
        made = folder / "proof.json"
        self._do("gen_witness", given, folder / "circuit", witness)
        self._do("prove", witness, folder / "circuit", folder / "pk", made, public / "srs")
        try:
            shutil.copy2(made, to)
        except OSError as error:
            raise ProofError(f"cannot write {to}: {error.strerror}") from None
        return self._said(public, to)

    def verify(self, public: Path, answer: Path) -> Proven:
        said = self._said(public, answer)
        try:
            self._do("verify", answer, public / "settings.json", public / "vk", public / "srs")
        except ProofError as error:
            raise NotProven(f"the proof shows nothing: {error}") from None
        return said

    def identity(self, public: Path) -> str:
        try:
            parts = [hashlib.sha256((public / name).read_bytes()).digest() for name in ("settings.json", "vk", "srs")]
        except OSError as error:
            raise ProofError(f"cannot read {public}: {error.strerror}; name FOLDER/public of a setup by ezkl") from None
        return hashlib.sha256(b"klopf ezkl" + b"".join(parts)).hexdigest()

    def contract(self, public: Path, to: Path) -> None:
        """Write the source of a contract, ``Halo2Verifier``, whose ``verifyProof(bytes, uint256[])`` verifies this
        network's proofs. ezkl then looks for a compiler, and cannot fetch one where there is no network; what it wrote
        is whole before that, for whichever compiler one has.

        Raises:
            ProofError: nothing was written.
        """
        failed = ""
        try:
            self._do("create_evm_verifier", public / "vk", public / "settings.json", to, f"{to}.abi", public / "srs")
        except ProofError as error:
            failed = str(error)
        if failed and not (to.exists() and to.read_text().rstrip().endswith("}")):
            raise ProofError(f"no contract was written: {failed}")

    def calldata(self, public: Path, answer: Path) -> tuple[bytes, list[int]]:
        """What the contract is called with: proof and instances.

        Raises:
            NotProven: this is no proof.
        """
        held = self._held(answer)
        self._said(public, answer)
        return bytes.fromhex(held["hex_proof"][2:]), _instances(held)

    def _said(self, public: Path, answer: Path) -> Proven:
        settings, numbers = self._settings(public), _instances(self._held(answer))
        shapes = [int(np.prod(shape)) for shape in settings["model_instance_shapes"]]
        scales = [*settings["model_input_scales"], *settings["model_output_scales"]]
        if len(shapes) != 2 or len(scales) != 2 or len(numbers) != sum(shapes):
            raise NotProven("the proof has other inputs or outputs than this network")
        signed = [one - _P if one > _P // 2 else one for one in numbers]
        inputs, outputs = signed[: shapes[0]], signed[shapes[0] :]
        return Proven(tuple(one / 2.0 ** scales[0] for one in inputs), tuple(one / 2.0 ** scales[1] for one in outputs))

    def _settings(self, public: Path) -> Any:
        try:
            return from_json((public / "settings.json").read_bytes()[:_LARGEST])
        except (OSError, ValueError):
            raise ProofError(
                f"there are no settings of ezkl in {public}: klopf proof model setup writes them"
            ) from None

    def _held(self, answer: Path) -> Any:
        try:
            held = from_json(answer.read_bytes()[:_LARGEST])
            if not isinstance(held["hex_proof"], str) or not isinstance(held["instances"], list):
                raise ValueError
            bytes.fromhex(held["hex_proof"][2:])
            _instances(held)
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            raise NotProven("this is no proof of ezkl's") from None
        return held

    def _do(self, step: str, *given: Path | str | int, **options: str) -> None:
        words = json.dumps([step, [str(one) if isinstance(one, Path) else one for one in given], options])
        try:
            done = subprocess.run(
                [sys.executable, "-c", _STEP, words], capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise ProofError(f"ezkl's {step} took longer than {_SECONDS:,} s") from None
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        if done.returncode or not done.stdout.rstrip().endswith("true"):
            raise ProofError(f"ezkl's {step} failed: {' '.join(lines[-1].split())[:200] if lines else 'it said no'}")


def _instances(held: Any) -> list[int]:
    """Public numbers, modulo p."""
    numbers = [int.from_bytes(bytes.fromhex(one), "little") for part in held["instances"] for one in part]
    if any(one >= _P for one in numbers):
        raise ValueError
    return numbers
