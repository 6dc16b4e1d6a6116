"""MATLAB files with errors that a person can act on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.typing import NDArray

from hmr_live.core.errors import AssetError


def load_mat(path: Path, variable: str, *, structs: bool = False) -> Any:  # noqa: ANN401
    """One variable of a ``.mat`` file (versions up to 7).

    Parameters
    ----------
    path, variable
        What to read.
    structs
        Give MATLAB structs as objects with attributes, singleton dimensions removed.

    Raises
    ------
    AssetError
        When the file is missing, no MATLAB file, of version 7.3, or lacks the variable.
    """
    if not path.is_file():
        raise AssetError(f"There is no {path}; check the data folder.")
    try:
        content = scipy.io.loadmat(
            path,
            variable_names=[variable],
            struct_as_record=not structs,
            squeeze_me=structs,
        )
    except NotImplementedError as error:
        raise AssetError(
            f"{path} is a MATLAB 7.3 file; save it again in MATLAB with the option -v7."
        ) from error
    # Damage inside a compressed file ends in nearly any exception.
    except Exception as error:
        raise AssetError(f"{path} cannot be read as a MATLAB file; copy it again.") from error
    if variable not in content:
        raise AssetError(f"{path} has no variable '{variable}'; it is of another data set.")
    return content[variable]


def load_numbers(path: Path, variable: str) -> NDArray[np.float64]:
    """Like :func:`load_mat`, for an array of numbers."""
    values = np.asarray(load_mat(path, variable))
    if values.dtype.kind not in "biuf":
        raise AssetError(f"The variable '{variable}' in {path} holds no numbers; copy it again.")
    return values.astype(np.float64)
