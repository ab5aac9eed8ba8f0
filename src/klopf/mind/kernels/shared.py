"""The rule that every scale shares, compiled: :mod:`klopf.neuron` and nothing else.

A kernel that needs a utility, a maturity or a step-size for a newborn takes it from here; nobody writes it down again.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from klopf import neuron
from klopf.mind._jit import jit

updated_utility: Any = jit(neuron.updated_utility)
corrected_utility: Any = jit(neuron.corrected_utility)
is_mature: Any = jit(neuron.is_mature)
least_heard: Any = jit(neuron.least_heard)
moved_bias: Any = jit(neuron.moved_bias)
register_jitable(neuron.is_mature)  # which the next one calls
admitted_step_size: Any = jit(neuron.admitted_step_size)
