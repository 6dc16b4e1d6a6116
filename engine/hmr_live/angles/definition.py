"""What is said about one joint angle."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AngleDefinition:
    """One joint angle.

    Attributes
    ----------
    name
        Unique; with the side where there are two: "left knee flexion".
    side
        "left", "right", or empty on the midline.
    joint
        Where it belongs in a list: "knee".
    meaning
        Which segment moves against which, and about what axis.
    positive
        What happens when the angle grows.
    neutral
        The pose in which it is zero.
    low, high
        Degrees that healthy adults reach; for headings and planes, what can be shown.
    singular
        Where it is undefined and what is given there; empty when people do not get there.
    """

    name: str
    side: str = ""
    joint: str
    meaning: str
    positive: str
    neutral: str
    low: int
    high: int
    singular: str = ""

    @property
    def unsided_name(self) -> str:
        """Name without the side: "knee flexion"."""
        return self.name.removeprefix(f"{self.side} ")

    @property
    def motion(self) -> str:
        """Short name below the joint's: "flexion"; what is not named after its joint stays."""
        return self.unsided_name.removeprefix(f"{self.joint} ")

    @property
    def definition(self) -> str:
        """Meaning, sign, neutral pose and singularity in one line."""
        text = f"{self.meaning}; positive: {self.positive}; 0: {self.neutral}"
        return f"{text}; {self.singular}" if self.singular else text
