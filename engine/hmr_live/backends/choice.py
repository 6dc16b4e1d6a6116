"""What ``--backend`` says: a back end and, after a colon, the precision of the network.

``openvino`` runs the best validated precision variant beside the named network, ``openvino:fp32``
the named network itself, ``openvino:int8`` the INT8 variant or nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hmr_live.backends.precision_variants import LIMITS_MM, MAKERS, validated_variant, variant_path
from hmr_live.backends.registry import BACKENDS, Entry
from hmr_live.core.errors import BackendError

PRECISIONS: Final = ("fp32", *LIMITS_MM)


def split_choice(choice: str) -> tuple[str, str]:
    """Name of the back end and precision, the latter empty when it is left open.

    Raises
    ------
    BackendError
        If there is no such precision.
    """
    name, colon, precision = choice.partition(":")
    if colon and precision not in PRECISIONS:
        raise BackendError(
            f"There is no precision called {precision!r}: write {name} or "
            f"{' or '.join(f'{name}:{known}' for known in PRECISIONS)}."
        )
    return name, precision


def network_for(model: Path, entry: Entry, precision: str = "") -> Path:
    """The file that a back end runs when ``model`` is named.

    Raises
    ------
    BackendError
        If there is no validated network in the requested precision.
    """
    if precision == "fp32":
        return model
    for requested in [precision] if precision else entry.precision_variants:
        variant = validated_variant(model, requested, entry.name)
        if variant is not None:
            return variant
    if precision:
        raise BackendError(
            f"There is no {variant_path(model, precision).name} validated for {entry.name} "
            f"beside {model.name}: make it with {MAKERS[precision]}, or choose {entry.name}:fp32."
        )
    return model


def choices(model: Path) -> list[str]:
    """Every back end that this system can have, in every precision available for ``model``."""
    found = []
    for entry in BACKENDS.values():
        if entry.exists_here:
            found.append(f"{entry.name}:fp32")
            found += [
                f"{entry.name}:{precision}"
                for precision in entry.precision_variants
                if validated_variant(model, precision, entry.name) is not None
            ]
    return found
