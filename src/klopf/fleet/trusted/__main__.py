"""``python -I -m klopf.fleet.trusted new|serve FOLDER``: see ``_part.py``."""

from __future__ import annotations

import sys

from klopf.fleet.trusted._part import main

sys.exit(main())
