"""The certificate that a participant shows, and the lines of its log."""

from __future__ import annotations

import time
from contextvars import ContextVar
from pathlib import Path
from typing import TextIO

from klopf import wire
from klopf.errors import BadCertificate
from klopf.peers._home import ParticipantSettings

__all__ = ["CERTIFICATE_DAYS", "LOG", "RENEW_DAYS", "TROUBLE", "certificate_of", "log", "new_certificate", "trouble"]

CERTIFICATE_DAYS, RENEW_DAYS = 90, 30
"""For how long a certificate is made, and how long before its end another is."""


def certificate_of(folder: Path, settings: ParticipantSettings) -> wire.Certificate:
    """The one in ``folder``; where it is lost, damaged or about to expire, another, which is announced."""
    try:
        found = wire.Certificate.load(folder)
        if found.days_left > RENEW_DAYS:
            return found
        log("the certificate is about to expire: another is made")
    except BadCertificate as error:
        log(f"another certificate is made: {error}")
    return new_certificate(folder, settings)


def new_certificate(folder: Path, settings: ParticipantSettings) -> wire.Certificate:
    made = wire.Certificate.new(settings.name, *filter(None, (settings.host,)), days=CERTIFICATE_DAYS)
    made.save(folder)
    return made


LOG: ContextVar[TextIO | None] = ContextVar("LOG", default=None)
"""Where the log of whoever is at work goes; None: standard output. Several who live in one process have one each."""


def log(line: str) -> None:
    """One line into the log; never anything secret."""
    print(time.strftime("%H:%M:%S"), line, flush=True, file=LOG.get())


TROUBLE = "trouble: "
"""What a line of the log that the operator should see begins with, after its time."""


def trouble(line: str) -> None:
    """One line into the log that a run tells its operator at the end: what is installed beside Klopf failed."""
    log(TROUBLE + line)
