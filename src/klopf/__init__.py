"""Klopf: decentralized neural networks whose neurons must earn being listened to.

The rooms are subpackages and are imported by name, so that each stays as light as it can be::

    from klopf import mind      # one network of units, learning from a stream
    from klopf import ledger    # identities, stake, audits and pay
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
