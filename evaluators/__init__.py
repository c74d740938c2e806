"""Problems, instances, verifiers, exact baselines and scoring.

The trusted side of the sandbox.

Problem files of users import names from here. Modules that moved are found under their former names, too.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


class _Former(MetaPathFinder, Loader):
    """Finds `gapsmith.evaluators.verify`, and a problem `NAME` that is now `problems.NAME.problem`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Finds a module by its former name; None for any other."""
        return ModuleSpec(fullname, self) if self._present(fullname) else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Leaves the making to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Replaces the former module by the present one."""
        sys.modules[module.__name__] = importlib.import_module(self._present(module.__name__))

    def _present(self, fullname: str) -> str:
        package, _, name = fullname.rpartition(".")
        if package != __name__:
            return ""
        if name == "verify":
            return f"{__name__}.solutions"
        is_problem = (Path(__file__).parent / "problems" / name / "problem.py").is_file()
        return f"{__name__}.problems.{name}.problem" if is_problem else ""


sys.meta_path.append(_Former())
