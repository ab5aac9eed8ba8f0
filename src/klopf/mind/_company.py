"""Who a network keeps company with: laid out, widened, and what they make of its predictions."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError
from klopf.mind._direct import direct
from klopf.mind._memory import owned, zeros
from klopf.mind._settings import Settings
from klopf.mind.kernels.company.state import CLASSES, LEAF, SPANS, TRUST, VOICES, Company

__all__ = [
    "MOST_CLASSES",
    "apart",
    "company_for",
    "company_forgets",
    "company_took_over",
    "learn_in",
    "nothing_asked",
    "options_of",
    "predict_in",
]

MOST_CLASSES = 64
"""With more, trees would need more memory than they are worth; then they say nothing."""
MOST_REMEMBERED = 2**18
"""Numbers in the memory: of wide inputs it holds fewer samples."""
NODES, PLACES, CANDIDATES = 400, 48, 40
"""Of a tree: its nodes, how many of them look for a question at a time, and among how many candidates each."""

_IN_COMPANY: dict[str, Any] = {"memory": 1000, "trees": 10, "shortcut": True, "listening_prior": 1.0}


def options_of(learner: str, scaled: bool = False) -> dict[str, Any]:
    """What an interface that is given samples one by one sets for a learner: inputs are normalised unless they are
    ``scaled``, and the Klopf learner keeps company, which costs less there than the call itself.

    Behind a stage that scales its features there are many of them, few of which speak: outputs that hear them too
    (``shortcut``) made .056 mistakes on the digits where .041 are made without.
    """
    if scaled:
        return {"normalise_inputs": False, **({"memory": 1000, "trees": 10} if learner == "klopf" else {})}
    return {"normalise_inputs": True, **(_IN_COMPANY if learner == "klopf" else {})}


def company_for(s: Settings, sensors: int, outputs: int, output: str) -> Company | None:
    """The company of a network, as it is at birth, or None where it has none.

    Raises:
        MindError: settings that ask for one where none can be: with several numbers or yes/no outputs.
    """
    if not (s.memory or s.trees):
        return None
    if output != "softmax" and (output != "linear" or outputs != 1):
        raise MindError("memory and trees need output='softmax', or output='linear' and one output; set both to 0")
    classes = outputs if output == "softmax" else 0
    sums = classes or 3
    trees = s.trees if sums <= MOST_CLASSES else 0
    held = max(1, min(s.memory, MOST_REMEMBERED // sensors))
    made = Company(
        inputs=np.zeros((sensors, held), np.float32),
        targets=np.zeros(held, np.float32),
        sensed=np.zeros((3, sensors)),
        nodes=np.full((trees, NODES, 3), LEAF, np.int32),
        numbers=np.zeros((trees, NODES, 3), np.float32),
        sums=np.zeros((trees, NODES, sums), np.float32),
        used=np.ones(trees, np.int32),
        looking=np.full((trees, PLACES), LEAF, np.int32),
        asked=np.full((trees, PLACES, CANDIDATES), LEAF, np.int32),
        thresholds=np.zeros((trees, PLACES, CANDIDATES), np.float32),
        sides=np.zeros((trees, PLACES, CANDIDATES, 2, sums), np.float32),
        lately=np.full(sums, 1.0 / classes if classes else 0.0),
        weights=np.full(VOICES, 1.0 / VOICES),
        precision=np.eye(VOICES) * 3.0,
        trusts=np.full(VOICES + 1, 1.0 / (VOICES + 1)),
        errors=np.zeros(VOICES + 1),
        spans=np.zeros((2, SPANS)),
        counters=np.zeros(3),
        rng=np.zeros(1, np.uint64),
    )
    made.counters[CLASSES] = classes
    made.spans[TRUST] = (0.9, 0.05, 0.05)
    return cast(Company, owned(made))


def nothing_asked(company: Company | None, sensors: int, outputs: int) -> NDArray[np.float64]:
    """Room for what memory and trees say of one sample, see ``kernels.company.learn``."""
    return zeros(0 if company is None else 1 + sensors + (SPANS + 1) * outputs, np.float64)


def apart(company: Company | None) -> Company | None:
    """A copy, for who predicts while others learn."""
    return None if company is None else cast(Company, owned(company))


def learn_in(
    company: Company,
    asked: NDArray[np.float64],
    x: NDArray[Any],
    y: NDArray[Any],
    weights: NDArray[Any],
    out: NDArray[Any],
    errors: NDArray[Any],
    scale: NDArray[Any] | None,
    horizon: float,
) -> None:
    """The company learns the rows ``x``, each as often as its weight says; ``out``, the network's predictions, and
    ``errors`` become those of all. ``asked`` is what memory and trees said last (see ``kernels.company.learn``),
    ``scale`` what was usual of the target before, where it is scaled, for this call to keep; ``horizon`` how long that
    is remembered."""
    y = y if y.ndim == 1 else y.reshape(-1)
    if scale is None:
        given: tuple[Any, ...] = (company, asked, x, y, weights, out, errors)
        _kernel("learn", given, x.dtype, y.dtype, out.dtype)(*given)
    else:
        given = (company, asked, scale, float(horizon), x, y, weights, out, errors)
        _kernel("learn scaled", given, x.dtype, y.dtype, out.dtype)(*given)


def predict_in(
    company: Company,
    asked: NDArray[np.float64],
    x: NDArray[Any],
    out: NDArray[Any],
    scale: NDArray[Any] | None,
) -> None:
    """``out``, the network's predictions for the rows ``x``, become those of all; ``scale`` is what is usual of the
    target, where it is scaled."""
    if scale is None:
        given: tuple[Any, ...] = (company, asked, x, out)
        _kernel("predict", given, x.dtype, out.dtype)(*given)
    else:
        given = (company, asked, scale, x, out)
        _kernel("predict scaled", given, x.dtype, out.dtype)(*given)


_loaded: dict[tuple[Any, ...], Any] = {}


def _kernel(name: str, given: tuple[Any, ...], *types: Any) -> Any:
    """That kernel for inputs, targets and outputs of these types, which all the other types follow from."""
    found = _loaded.get((name, *types))
    if found is None:
        from klopf.mind.kernels.company import learn  # compiled code is loaded late: importing stays quick

        kernel = {
            "learn": learn.learn_in_company,
            "learn scaled": learn.learn_in_scaled_company,
            "predict": learn.predict_in_company,
            "predict scaled": learn.predict_in_scaled_company,
        }[name]
        found = _loaded[name, *types] = direct(kernel, *given)
    return found


def company_took_over(wide: Company, old: Company) -> None:
    """``wide``, made for more sensors or classes, goes on where ``old`` is; a new sensor was missing till now."""
    for name in Company._fields:
        into, was = getattr(wide, name), getattr(old, name)
        if name == "inputs":
            into[:] = np.nan
        both = tuple(slice(0, min(sizes)) for sizes in zip(into.shape, was.shape, strict=True))
        if name != "counters":
            into[both] = was[both]
        else:
            into[:CLASSES] = was[:CLASSES]


def company_forgets(company: Company, i: int) -> None:
    """Something else is behind sensor ``i``: it was missing till now, and no tree looks at it yet."""
    company.inputs[i] = np.nan
    company.sensed[:, i] = 0.0
    company.asked[company.asked == i] = LEAF
