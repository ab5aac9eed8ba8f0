"""Answers that can be checked without being shown: zero-knowledge proofs.

A library by itself: no network, no chain. See docs/proof.md.
"""

from __future__ import annotations

from klopf.proof import model, records, sampling, step, sudoku

__all__ = ["model", "records", "sampling", "step", "sudoku"]
