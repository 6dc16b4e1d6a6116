"""NumPy docstrings as this project writes them: shapes and prose, types only in signatures.

Napoleon takes what stands before a colon in the first line of an attribute or under *Returns* for
a type.  Here it is part of a sentence.
"""

from __future__ import annotations

import re
from typing import Final

from sphinx.application import Sphinx
from sphinx.ext import napoleon
from sphinx.ext.napoleon.docstring import NumpyDocstring

_NDARRAY: Final = re.compile(
    r"~?numpy\.ndarray\[~?tuple\[~?typing\.Any, \.\.\.\], "
    r"~?numpy\.dtype\[([^][]+(?:\[[^][]*\])?)\]\]"
)
_ALIAS: Final = re.compile(r"~?TypeAliasForwardRef\('(\w+)'\)")


class ProseDocstring(NumpyDocstring):
    """A docstring whose attributes and results have no types of their own."""

    def _parse_attribute_docstring(self) -> list[str]:
        return self._consume_to_end()

    def _parse_attributes_section(self, section: str) -> list[str]:
        return self._format_fields(section, self._consume_fields())

    def _parse_returns_section(self, section: str) -> list[str]:
        lines = self._strip_empty(self._dedent(self._consume_to_next_section()))
        return [*self._format_block(":returns: ", lines), ""]


def _skip_tuple_fields(*event: object) -> bool | None:
    """NamedTuple fields stand under *Attributes* already; their own docstring is Python's."""
    return True if type(event[3]).__name__ == "_tuplegetter" else None


def _short_types(*event: object) -> tuple[str | None, ...]:
    """Write arrays as ``NDArray[dtype]`` and aliases by name, as the source does."""

    def shorten(text: object) -> str | None:
        return (
            _ALIAS.sub(r"\1", _NDARRAY.sub(r"NDArray[\1]", text)) if isinstance(text, str) else None
        )

    return shorten(event[5]), shorten(event[6])


def setup(app: Sphinx) -> dict[str, bool]:
    """Let Napoleon use the class above."""
    app.setup_extension("sphinx.ext.napoleon")
    napoleon.NumpyDocstring = ProseDocstring
    app.connect("autodoc-skip-member", _skip_tuple_fields)
    app.connect("autodoc-process-signature", _short_types)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
