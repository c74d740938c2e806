"""Remembers on disk what took long to find and can be found again: runs of trusted models."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any


def folder() -> Path:
    """Where it is kept: in the user's folder for caches; it may be deleted at any time."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "gapsmith" / f"formulations-{version('ortools')}"


def remembered(request: Mapping[str, Any], work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the work on a request gives, from the disk where it was done before.

    Args:
        request: plain data that the result is a function of, together with the version of OR-Tools.
        work: finds it.
    """
    key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:40]
    path = folder() / f"{key}.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        found = work()
        _write(path, json.dumps(found))
    return found


def _write(path: Path, text: str) -> None:
    """As a whole or not at all; where nothing can be kept, nothing is."""
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, "utf-8")
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
