"""Distinguishes own runs from foreign ones.

Archives and recordings of others are data.

A run carries a mark: a keyed hash of all its settings, whose key is a random file that only this user can read. So
a run of another user, or one whose settings were changed by hand, has no mark that is right here; and a mark that
is seen in an archive cannot be put on other settings.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gapsmith.agent.models.spec import hide_login, is_local
from gapsmith.evaluators.base import UsageError

MARK = "mark"
_LISTS = ("instances", "test")


def add_mark(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns settings with the mark of this user on this machine."""
    return {**settings, MARK: mark(settings)}


def mark(settings: Mapping[str, Any]) -> str:
    """Returns the mark of settings.

    Empty where this user has no place for a key.
    """
    plain = {name: value for name, value in settings.items() if name != MARK}
    key, text = _key(), json.dumps(plain, sort_keys=True, default=str)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest() if key else ""


def is_ours(settings: Mapping[str, Any], seal: str | None = None) -> bool:
    """Tells whether this user, on this machine, marked exactly these settings."""
    found, right = str(settings.get(MARK, "") if seal is None else seal), mark(settings)
    return bool(right) and hmac.compare_digest(found.encode(errors="replace"), right.encode())


def check_named(
    run: int, config: Mapping[str, Any], *, named: Collection[str], url_given: bool, trusted: bool
) -> None:
    """Raises UsageError where a foreign run names local resources without trust.

    The user may name them again instead.

    Args:
        run: its number.
        config: its settings, as the archive has them.
        named: models that the user names for it, with other addresses; empty where those of the run are taken.
        url_given: whether the user gives a base URL.
        trusted: whether the user trusts the archive.
    """
    if trusted or is_ours(config):
        return
    words = [
        str(word) for word in (*config.get("models", ()), config.get("model"), config.get("teller")) if word
    ]
    reached = [] if named else [hide_login(word) for word in words if is_local(word)]
    if config.get("base_url") and not url_given and not named:
        reached.append(f"base URL {hide_login(str(config['base_url']))}")
    if reached:
        raise UsageError(
            f"run {run} was not begun by this user on this machine, and names {', '.join(reached)}; "
            f"name it again if that is meant: gapsmith resume {run} --model … [--base-url …]"
        )
    if files := _list_files(config):
        raise UsageError(
            f"run {run} was not begun by this user on this machine, and names {', '.join(files)}, which would be "
            f"used with your rights; give --trust if the maker of the archive is trusted"
        )


def _list_files(config: Mapping[str, Any]) -> list[str]:
    about = config.get("about")
    about = about if isinstance(about, Mapping) else {}
    code = [str(each) for each in (config.get("problem"), about.get("problem")) if str(each).endswith(".py")]
    files = [str(file) for name in _LISTS for file in config.get(name) or ()]
    return [*code, *files, *[str(about[name]) for name in ("file", "output") if about.get(name)]]


def hash_problem(problem: str) -> str:
    """Hashes the file that defines a problem.

    Empty for a built-in problem, or where the file cannot be read.
    """
    with suppress(OSError):
        return hashlib.sha256(Path(problem).read_bytes()).hexdigest() if problem.endswith(".py") else ""
    return ""


def _key() -> bytes:
    """Returns the user's key, made when it is first needed.

    Empty where there is no place for it.
    """
    with suppress(OSError, RuntimeError):
        folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "gapsmith"
        path = folder / "id"
        with suppress(FileExistsError):
            folder.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
        return path.read_bytes()
    return b""
