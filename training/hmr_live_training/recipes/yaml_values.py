"""YAML nodes as the values that a dataclass asks for; errors name the line and what to do."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

import yaml

from hmr_live.core.errors import HmrLiveError

_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


class RecipeError(HmrLiveError):
    """A recipe cannot be read, or asks for something that does not exist."""


class YamlFile:
    """One recipe file, read node by node.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    RecipeError
        When there is no such file or it is no YAML mapping.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
            root = self._loader.get_single_node()
        except OSError as error:
            raise RecipeError(f"There is no recipe {path}; check the path.") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise RecipeError(f"{path} is not valid YAML: {error}") from error
        if not isinstance(root, yaml.MappingNode):
            raise RecipeError(f"{path} must begin with keys such as network: and stages:.")
        self.root = root

    def fail(self, node: yaml.Node, message: str) -> NoReturn:
        """Raise a :class:`RecipeError` that names the line of a node."""
        raise RecipeError(f"{self.path}, line {node.start_mark.line + 1}: {message}")

    def pairs(self, node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Name, key and value of each entry of a mapping."""
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, f"{what} must be a list of settings (name: value).")
        seen = set()
        for key, value in node.value:
            name = str(self._loader.construct_object(key))
            if name in seen:
                self.fail(key, f"{name} is there twice; keep one.")
            seen.add(name)
            yield name, key, value

    def unknown(self, key: yaml.Node, name: str, known: Iterable[str], what: str) -> NoReturn:
        """Raise for a name that is not among the known ones."""
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."
        self.fail(key, f"there is no {what} {name}; {hint}")

    def settings(
        self, node: yaml.Node, cls: type, *, without: Iterable[str] = ()
    ) -> dict[str, Any]:
        """What a mapping says about the fields of a dataclass; nested dataclasses as mappings.

        Parameters
        ----------
        node
            A mapping.
        cls
            The dataclass.
        without
            Keys to pass over, and fields that cannot be set.
        """
        hints = get_type_hints(cls)
        left_out = set(without)
        found: dict[str, Any] = {}
        for name, key, value in self.pairs(node, cls.__name__):
            if name in left_out:
                continue
            if name not in hints:
                self.unknown(key, name, set(hints) - left_out, "setting")
            found[name] = self.value(value, hints[name], name)
        return found

    def value(self, node: yaml.Node, hint: Any, name: str) -> Any:  # noqa: ANN401
        """A node as a value of the type (RecipeError when it is another)."""
        if is_dataclass(hint):
            assert isinstance(hint, type)
            return self.settings(node, hint)
        value = self._loader.construct_object(node, deep=True)
        converted = _converted(value, hint)
        if converted is _WRONG:
            self.fail(node, f"{name} must be {_described(hint)}, not {value!r}.")
        out_of_range = _out_of_range(converted, name)
        if out_of_range:
            self.fail(node, f"{name} is {value!r} and must {out_of_range}.")
        return converted


_WRONG = object()
#: Counts of which there must be one at least; a batch may do without some of its sources.
_AT_LEAST_ONE: Final = {
    *("steps", "batch", "hidden", "iterations", "adversarial_every"),
    *("count", "views", "rounds", "samples", "crops"),
}
#: Shares, of which one would leave nothing to train or to average.
_BELOW_ONE: Final = {"ema", "dropout"}


def _out_of_range(value: Any, name: str) -> str:  # noqa: ANN401
    """What a number of this name must be and is not; no setting of a recipe is negative."""
    numbers = value if isinstance(value, tuple) else (value,)
    if any(isinstance(number, int | float) and number < 0 for number in numbers):
        return "not be negative"
    if name in _AT_LEAST_ONE and value is not None and value < 1:
        return "be at least 1"
    if name in _BELOW_ONE and value >= 1:
        return "be less than 1"
    return ""


def _converted(value: Any, hint: Any) -> Any:  # noqa: ANN401
    """The value as the type, or ``_WRONG``."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        results = (_converted(value, one) for one in arguments)
        return next((result for result in results if result is not _WRONG), _WRONG)
    if origin is Literal:
        return value if value in arguments else _WRONG
    if origin is tuple:
        if not isinstance(value, list) or len(value) != len(arguments):
            return _WRONG
        parts = [_converted(*pair) for pair in zip(value, arguments, strict=True)]
        return _WRONG if any(part is _WRONG for part in parts) else tuple(parts)
    if hint is type(None):
        return None if value is None else _WRONG
    if hint is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        # YAML 1.1 takes 1e-4, without a point, for text.
        try:
            return float(value)
        except ValueError:
            return _WRONG
    return value if type(value) is hint else _WRONG


def _described(hint: Any) -> str:  # noqa: ANN401
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_described(one) for one in arguments)
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin is tuple:
        return f"a list of {len(arguments)} numbers"
    return "nothing (null)" if hint is type(None) else _NAMES.get(hint, hint.__name__)


def build(cls: type, *layers: dict[str, Any]) -> Any:  # noqa: ANN401
    """An instance of a dataclass from layers of settings; later ones win, nested ones merge."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            nested = isinstance(value, dict) and isinstance(merged.get(name), dict)
            merged[name] = {**merged[name], **value} if nested else value
    for each in fields(cls):
        value = merged.get(each.name)
        if isinstance(value, dict):
            made = each.default_factory
            default: Any = each.default if made is MISSING else made()
            merged[each.name] = replace(default, **value)
    return cls(**merged)


def missing_fields(cls: type, given: Iterable[str]) -> list[str]:
    """Names of the fields that have no default and are not given."""
    have = set(given)
    return [
        each.name
        for each in fields(cls)
        if each.default is MISSING and each.default_factory is MISSING and each.name not in have
    ]
