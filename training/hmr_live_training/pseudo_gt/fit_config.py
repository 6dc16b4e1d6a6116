"""Settings of the fit: noise of the observations, weights, stages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A stage of the optimisation.

    Attributes
    ----------
    steps
        Of Adam.
    learning_rate
        At the stage's beginning; it falls to a tenth along a cosine.
    robust
        Residuals of so many sigmas count half of what they would in least squares.
    prior
        Factor of the pose prior.
    body
        Move body pose and shape too; False moves camera and orientation alone.
    """

    steps: int
    learning_rate: float
    robust: float
    prior: float
    body: bool = True


@dataclass(frozen=True)
class FitConfig:
    """How photos are fitted; the energy is in units of a negative log likelihood."""

    #: Seeds the pose bank and with it everything else.
    seed: int = 0
    #: Drawn poses that the prior is learned from and that fits start at.
    bank: int = 12000
    #: Bank poses and views that photos without 3D evidence are compared with.
    searched: int = 3000
    views: int = 40
    #: Gaussians of the pose prior.
    components: int = 12
    #: Photos fitted at a time.
    batch: int = 256

    #: Metres at the body's scale: noise of the photo's own joints, of the teacher's 2D points and
    #: of its 3D points (x and y, z).
    label_sigma: float = 0.035
    point_sigma: float = 0.045
    world_sigma: tuple[float, float] = (0.06, 0.08)
    #: Radians beyond the joint limits that cost as much as one sigma elsewhere.
    limit_sigma: float = 0.04
    #: Factor of the squared betas: a photo says little about shape.
    betas: float = 1.0

    #: Every start goes through these stages; the best start then goes through the last ones.
    first: tuple[Stage, ...] = (
        Stage(steps=15, learning_rate=0.05, robust=8.0, prior=1.0, body=False),
        Stage(steps=40, learning_rate=0.05, robust=8.0, prior=0.6),
    )
    last: tuple[Stage, ...] = (
        Stage(steps=50, learning_rate=0.05, robust=8.0, prior=0.3),
        Stage(steps=60, learning_rate=0.03, robust=5.0, prior=0.15),
    )

    #: Photos from which the difference between clicked points and the body's joints is learned,
    #: the rate, and its price a photo per (3 cm) squared.
    calibration: int = 400
    calibration_rate: float = 0.002
    calibration_price: float = 0.02
    calibration_sigma: float = 0.03
