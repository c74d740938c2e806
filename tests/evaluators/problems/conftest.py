import contextlib
import sys

import pytest
from numba.core.dispatcher import Dispatcher


@pytest.fixture(scope="session", autouse=True)
def machine_code_is_kept():
    """The compiled searches are compiled once for all tests and sandboxes, as a sandbox does it."""
    for name, module in list(sys.modules.items()):
        if name.startswith("gapsmith.evaluators.problems.") and name.endswith(".compiled"):
            for function in vars(module).values():
                if isinstance(function, Dispatcher):
                    with contextlib.suppress(RuntimeError):  # no place for a cache
                        function.enable_caching()
