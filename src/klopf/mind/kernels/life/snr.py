"""Self-normalised resets: Farias and Jozefiak 2024, algorithm 1.

A unit is replaced that has been silent for longer than all but a share ``tail`` of its own silences, so that each unit
is judged by its own habits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klopf.mind.kernels.part import Hyperparameter, Life, Quantity

if TYPE_CHECKING:
    from klopf.mind._settings import Settings
    from klopf.mind.kernels.plan import Plan


class SNR(Life):
    """All who are silent for longer than is usual for them."""

    name = "snr"
    hyperparameters = (
        Hyperparameter("tail", 0.02, below=1),
        Hyperparameter("maturity", 100),
        Hyperparameter("active_decay", 1e-3, below=1, positive=True),
        Hyperparameter("utility_decay", 0.99, below=1),
    )

    def unit_rows(self, settings: Settings) -> tuple[Quantity, ...]:
        """How many silences of between 2**(k/2) and 2**((k+1)/2) steps a unit has had."""
        return tuple(Quantity(f"silences of {2 ** (k / 2):g}") for k in range(33))

    def live(self, plan: Plan) -> Any:
        """Kernel ``live(net, work, l, mature, now)``."""
        from klopf.mind._jit import inlined
        from klopf.mind.kernels.life._silence import longest_silence, record_silence
        from klopf.mind.kernels.rebirth import build_rebirth
        from klopf.mind.kernels.shared import is_mature
        from klopf.mind.kernels.state import AGE, BIRTHS, INCOMING, OWN_ROWS, PATIENCE, SILENT, UNITS, UNITS_AT

        TAIL, MATURITY, ACTIVE_DECAY = plan.places("tail", "maturity", "active_decay")
        reborn = build_rebirth(plan)

        def live(net, work, l, mature, now):  # type: ignore[no-untyped-def]
            U, hyper = net.U, net.hyper
            zero = U.dtype.type(0)
            one = U.dtype.type(1)
            units = net.layers[l, UNITS]
            uo = net.layers[l, UNITS_AT]
            for j in range(units):
                u = uo + j
                if work.spoken[j] != 0:
                    record_silence(U, OWN_ROWS, u, U[SILENT, u] + one, one / hyper[ACTIVE_DECAY])
                    U[SILENT, u] = zero
                else:
                    if U[SILENT, u] == 0:
                        U[PATIENCE, u] = longest_silence(U, OWN_ROWS, u, hyper[TAIL])
                    U[SILENT, u] += one
            for j in range(units):
                if not is_mature(U[AGE, uo + j], hyper[MATURITY]):
                    continue
                longest = U[PATIENCE, uo + j] if U[PATIENCE, uo + j] > 0 else hyper[MATURITY]
                if U[SILENT, uo + j] <= longest:
                    continue
                U[INCOMING, uo + j] = reborn(net, l, j)
                net.G[BIRTHS] += 1.0

        return inlined(live)
