"""A TOML file of settings, validated.

It says what the command line can say; for an unknown key the error names the nearest known one.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from gapsmith.agent.evaluation.baselines.published import encode_published, read_published
from gapsmith.agent.evaluation.executors.registry import check_executor
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.settings import Settings
from gapsmith.evaluators.base import UsageError, describe_unknown
from gapsmith.sandbox import Level

Kinds = tuple[type, ...]
KEYS: Mapping[str, Mapping[str, Kinds]] = {
    "": {
        "problem": (str,),
        "scale": (str,),
        "allow": (str,),
        "model": (str, list),
        "seed": (int,),
        "workers": (int,),
        "archive": (str,),
        "base_url": (str,),
        "without": (list,),
        "cpu_seconds": (int, float),
        "parallel": (int,),
        "batch": (bool,),
        "executor": (str,),
        "whole_budget": (bool,),
        "patience": (int,),
    },
    "budget": {"evaluations": (int,), "calls": (int,), "usd": (int, float), "seconds": (int, float)},
    "instances": {
        "learn": (list,),
        "test": (list,),
        "layout": (str,),
        "known": (str,),
        "baseline_seconds": (int, float),
    },
    "sandbox": {"minimum_level": (int,)},
}
DEFAULT_EVALUATIONS = 1000
DEFAULT_CALLS = 200


def read_config(path: Path) -> dict[str, Any]:
    """Reads a file's settings, flat. Raises UsageError for invalid ones."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        reason = (error.strerror or "no reason is given").lower()
        raise UsageError(f"config {path} cannot be read: {reason}; expected a TOML file") from None
    except UnicodeDecodeError:
        raise UsageError(f"config {path} is not UTF-8 text; expected a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"config {path} is not TOML: {error}") from None
    flat = {}
    for section, values in _list_sections(path, tree):
        for key, value in values.items():
            _check(path, section, key, value)
            flat[key] = value
    return flat


def make_settings(values: Mapping[str, Any]) -> Settings:
    """Makes settings from flat values, with a default budget.

    It is a thousand evaluations, or 200 calls of a model.
    """
    known = {key: value for key, value in values.items() if value not in (None, ()) and key != "archive"}
    named = known.pop("model", "offline")
    models = (named,) if isinstance(named, str) else tuple(named)
    limits = {key: known.pop(key) for key in list(known) if key in KEYS["budget"]}
    if not limits:
        offline = models == ("offline",)
        limits = {"evaluations": DEFAULT_EVALUATIONS} if offline else {"calls": DEFAULT_CALLS}
    if "problem" not in known:
        raise UsageError("no problem is named; expected one, as in: gapsmith run single_machine_tardiness")
    learn = tuple(known.pop("learn", ()))
    if "known" in known:
        known["known"] = encode_published(read_published(Path(known["known"])))
    found = replace(
        Settings(problem=known.pop("problem"), models=models, budget=Budget(**limits), instances=learn),
        **_make_tuples(known),
    )
    return check_settings(found)


def check_settings(found: Settings) -> Settings:
    """Checks that all settings are possible. Raises UsageError."""
    for name in ("workers", "parallel", "patience"):
        if (value := getattr(found, name)) is not None and value < 1:
            raise UsageError(f"{name} is {value}; expected at least 1")
    check_executor(found.executor)
    if not 0 <= found.seed < 1 << 63:
        raise UsageError(f"seed is {found.seed}; expected 0 to {(1 << 63) - 1}")
    if found.cpu_seconds is not None and not found.cpu_seconds > 0:
        raise UsageError(f"cpu_seconds is {found.cpu_seconds}; expected more than 0")
    if found.baseline_seconds is not None and not found.baseline_seconds > 0:
        raise UsageError(f"[instances] baseline_seconds is {found.baseline_seconds}; expected more than 0")
    if found.minimum_level not in list(Level):
        raise UsageError(f"[sandbox] minimum_level is {found.minimum_level}; expected 0 to 4")
    return found


def _list_sections(path: Path, tree: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    tables = {key: value for key, value in tree.items() if isinstance(value, dict)}
    for name in tables:
        if name not in KEYS or not name:
            raise UsageError(
                f"config {path}: " + describe_unknown("section", name, [key for key in KEYS if key])
            )
    plain = {key: value for key, value in tree.items() if key not in tables}
    return [("", plain), *tables.items()]


def _check(path: Path, section: str, key: str, value: object) -> None:
    place = f"config {path}" + (f", [{section}]" if section else "")
    if key not in KEYS[section]:
        raise UsageError(f"{place}: {_describe_unknown_key(section, key)}")
    kinds = KEYS[section][key]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise UsageError(f"{place}: {key} is {value!r}; expected {expected}")
    if isinstance(value, list) and not all(isinstance(each, str) for each in value):
        raise UsageError(f"{place}: {key} is {value!r}; expected a list of words")


def _describe_unknown_key(section: str, key: str) -> str:
    """Describes an unknown key: where it belongs, or the nearest known one."""
    home = {name: where for where, keys in KEYS.items() for name in keys}
    if key in KEYS:
        hint = f": it is a section; expected a line [{key}], and below it {', '.join(KEYS[key])}"
    elif key in home:
        hint = f" {_name_section(section)}; it belongs {_name_section(home[key])}"
    elif near := get_close_matches(key, list(KEYS[section]), 1, 0.5):
        hint = f"; did you mean {near[0]!r}?"
    elif near := get_close_matches(key, list(home), 1, 0.5):
        hint = f"; did you mean {near[0]!r} {_name_section(home[near[0]])}?"
    else:
        hint = ""
    known = "; ".join(f"{_name_section(name)}: {', '.join(keys)}" for name, keys in KEYS.items())
    return f"unknown key {key!r}{hint} (known {known})"


def _name_section(name: str) -> str:
    return f"in [{name}]" if name else "at the top level"


def _make_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
