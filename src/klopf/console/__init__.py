"""The command ``klopf``: everything the library does, for people at a terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts import CycloptsError

    from klopf.console.cli.command import COMMANDS, Command, CommandGroup, Json, make_app, print_json

__all__ = ["COMMANDS", "Command", "CommandGroup", "Json", "main", "make_app", "print_json"]


def main(arguments: list[str] | None = None) -> None:
    """Run one command. Exit status 0; 1 if what was asked for turned out false; 2 and one line for bad input; 3 and one
    line for a fault of Klopf's own, or of the package that brought the command."""
    from cyclopts import CycloptsError

    from klopf.console.cli.command import COMMANDS, make_app
    from klopf.errors import KlopfError
    from klopf.extensions import damaged, said

    given = sys.argv[1:] if arguments is None else arguments
    word = given[0] if given and given[0] in COMMANDS else ""
    try:
        app = make_app(word)
        status = app(given, exit_on_error=False, print_error=False, result_action="return_value")
    except KlopfError as error:
        sys.exit(_refuse(str(error)))
    except CycloptsError as error:
        sys.exit(_refuse(f"{_wrong(error)}; see `{' '.join(['klopf', *(error.command_chain or ())])} --help`"))
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
    except SystemExit:
        raise
    except BaseException as error:  # a command may be a stranger's
        if os.environ.get("KLOPF_TRACEBACK"):
            raise
        whose = COMMANDS.origin(word) or "klopf"
        if whose == "klopf" and (wrecks := damaged()):  # which libraries that Klopf stands on cannot bear
            _refuse(f"{'; '.join(wrecks)} ({said(error)})")
        else:
            fault = "of Klopf's own" if whose == "klopf" else f"of the package {whose}"
            _refuse(f"{said(error)}; this is a fault {fault}: KLOPF_TRACEBACK=1 shows where")
        sys.exit(3)
    sys.exit(status if isinstance(status, int) else 0)


def _wrong(error: CycloptsError) -> str:
    """What is wrong with the arguments, in one line."""
    if error.unused_tokens and type(error).__name__ == "UnusedCliTokensError":
        return f"{', '.join(map(repr, error.unused_tokens[:3]))} is more than this command takes"
    return str(error).splitlines()[0].strip("│ ") if str(error) else "wrong arguments"


def _refuse(line: str) -> int:
    print("klopf: " + " ".join(line.split()), file=sys.stderr)
    return 2


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'klopf.console' has no attribute {name!r}")
    from klopf.console.cli import command

    return getattr(command, name)
