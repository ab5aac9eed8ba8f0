"""A device's key in a part of its own: a process, a token (PKCS#11) or a chip (TPM). See docs/devices.md.

::

    from klopf.fleet import trusted

    trusted.create(folder, passphrase)
    with trusted.started(folder, passphrase), trusted.Signer(folder) as key:
        key.sign(digest)
"""

from __future__ import annotations

from klopf.extras import require as _require

_require("network", "klopf.fleet.trusted")

from klopf.fleet.trusted._place import key_of, only_roots
from klopf.fleet.trusted._signer import Signer, answers
from klopf.fleet.trusted._start import create, exec_part, started

__all__ = ["Signer", "answers", "create", "exec_part", "key_of", "only_roots", "started"]
