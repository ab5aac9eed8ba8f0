"""A wheel brings the common kernels compiled, so that nobody waits for them who has the same versions and processor.

``KLOPF_COMPILED=0`` leaves them out, and so does whoever builds without Numba or on another kind of machine.
"""

import os
import subprocess
import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILE = """
import sys
from pathlib import Path
from klopf.errors import KlopfError
from klopf.mind._warm import into_wheel
try:
    into_wheel(Path(sys.argv[1]), lambda row: print(f"compiled {row['kind']}", file=sys.stderr, flush=True))
except KlopfError as error:
    sys.exit(f"the wheel brings no compiled kernels: {error}")
"""


class CustomBuildHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict) -> None:
        if version == "editable" or os.environ.get("KLOPF_COMPILED", "1") == "0":
            return
        root = Path(self.root)
        made = root / "build" / "compiled"
        self.clean([])
        path = os.pathsep.join([str(root / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            [sys.executable, "-c", COMPILE, made], env={**os.environ, "PYTHONPATH": path}, check=False
        )
        if done.returncode == 0:
            build_data["force_include"][str(made)] = "klopf/mind/compiled"

    def clean(self, versions: list[str]) -> None:
        import shutil

        shutil.rmtree(Path(self.root) / "build" / "compiled", ignore_errors=True)
