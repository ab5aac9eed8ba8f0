"""The command ``klopf``: everything the library does, for people at a terminal."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run one command. Exit status 0; 1 if what was asked for turned out false; 2 and one line for bad input."""
    from cyclopts import CycloptsError

    from klopf.console.cli.app import app
    from klopf.errors import KlopfError

    try:
        status = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except KlopfError as error:
        sys.exit(_refuse(str(error)))
    except CycloptsError as error:
        sys.exit(
            _refuse(
                f"{str(error).splitlines()[0].strip('│ ') if str(error) else 'wrong arguments'}; see `klopf --help`"
            )
        )
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        sys.exit(
            _refuse(
                f"{error.filename or 'a file'}: {error.strerror or error}; make room there, or choose another place"
            )
        )
    sys.exit(status if isinstance(status, int) else 0)


def _refuse(line: str) -> int:
    print("klopf: " + " ".join(line.split()), file=sys.stderr)
    return 2
