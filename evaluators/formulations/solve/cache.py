"""Caches runs of trusted models on disk."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any


def locate_folder() -> Path:
    """Returns the folder of the cache, in the user's folder for caches.

    It may be deleted at any time.
    """
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "gapsmith" / f"formulations-{version('ortools')}"


def recall_or_run(request: Mapping[str, Any], work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Returns the result of a request, from disk if known.

    Args:
        request: plain data; with the version of OR-Tools it determines the result.
        work: computes the result.
    """
    key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:40]
    path = locate_folder() / f"{key}.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        found = work()
        _write(path, json.dumps(found))
    return found


def _write(path: Path, text: str) -> None:
    """Writes a file completely or not at all; failures are ignored."""
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, "utf-8")
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
