"""Lists the packages: every folder with an `__init__.py` belongs to `gapsmith`, under its own name."""

from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
ROOTS = ("agent", "evaluators", "prompts", "sandbox")

setup(
    packages=sorted(
        ".".join(("gapsmith", *path.parent.relative_to(HERE).parts))
        for root in ROOTS
        for path in (HERE / root).rglob("__init__.py")
    ),
    package_dir={f"gapsmith.{root}": root for root in ROOTS},
)
