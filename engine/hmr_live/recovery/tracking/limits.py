"""How many people can be followed at once."""

from __future__ import annotations

from typing import Final

from hmr_live.core.errors import PeopleError

#: The networks of all back ends take at most so many crops in one call.
MAX_PEOPLE: Final = 8


def check_people(count: int) -> None:
    """Refuse a number of people that cannot be followed.

    Raises
    ------
    PeopleError
        With the sentence that says which numbers can.
    """
    if not 1 <= count <= MAX_PEOPLE:
        raise PeopleError(
            f"{count} people cannot be followed: choose a number from 1 to {MAX_PEOPLE}."
        )
