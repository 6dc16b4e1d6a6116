"""Everything that determines what synthetic people look like: probabilities, ranges, sizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

SPLITS: Final = ("train", "test")


@dataclass(frozen=True)
class SyntheticConfig:
    """How samples are drawn; two equal configurations give equal samples.

    Pairs are (low, high) of a uniform draw unless a comment says otherwise.
    """

    #: First part of every sample's random seed.
    seed: int = 0
    #: Body file in SMPL format; None takes the body that ships with the program.
    body: Path | None = None
    #: More poses, ``.npz`` with ``pose`` (N, 24, 3) axis-angle, such as pseudo ground truth; joint
    #: 0 turns the body into a world with y up; blocks of a hundred neighbours share a split.
    fitted_poses: Path | None = None

    #: Side of the finished crop in pixels.
    crop_size: int = 256
    #: Crops without any person.
    negatives: float = 0.12
    #: Share of positives taken at a desk: 0.5 to 1.3 m, upper body only.
    webcam: float = 0.22
    #: Chance of each further person in the same picture, up to two.
    company: float = 0.20

    #: Poses: share of each family (see hmr_live_training.synthetic.poses.sampler).
    captured: float = 0.32
    blended: float = 0.13
    made: float = 0.24
    upright: float = 0.25
    fitted: float = 0.06
    #: Sigma of the joint noise, radians, before the joint limits are applied.
    joint_noise: float = 0.10
    #: Betas: sigma of the normal draw, and the share drawn uniformly from the whole cube.  On the
    #: open body beta 0 adds 8 cm of stature a unit (1.47 m at -3, 1.70 m at 0, 1.95 m at 3) and
    #: beta 1 takes 2 cm of width and depth: about 1.45 to 1.95 m, hips 24 to 43 cm wide.
    beta_sigma: float = 1.1
    beta_uniform: float = 0.4
    beta_limit: float = 3.0

    #: How often clothes, shoes and hair are MakeHuman's (see hmr_live_training.synthetic.wardrobe)
    #: and not made from the body's own surface; each is drawn by itself.
    makehuman: float = 0.5

    #: Metres from the camera to the person, log-uniform; and of the share that is far away.
    distance: tuple[float, float] = (0.7, 8.0)
    far: float = 0.10
    far_distance: tuple[float, float] = (8.0, 14.0)
    webcam_distance: tuple[float, float] = (0.5, 1.9)
    #: Where a webcam is, degrees above the head as the head sees it: mean and sigma.  Screens stand
    #: at the height of the eyes, laptops and counters lower; people seen from above alone teach
    #: that a trunk leans towards the camera.
    webcam_rise: tuple[float, float] = (-12.0, 14.0)
    #: Field of view of the longer side, degrees; and of the share of long lenses.
    field_of_view: tuple[float, float] = (45.0, 100.0)
    long_lens: float = 0.12
    long_field_of_view: tuple[float, float] = (15.0, 45.0)
    #: Share of cameras of any pitch, degrees downwards; the others have a height, metres above the
    #: floor, and look about level.
    pitched: float = 0.45
    pitch: tuple[float, float] = (-30.0, 45.0)
    camera_height: tuple[float, float] = (0.25, 2.4)
    #: Share of the other positives before a camera close by, near the height of the eyes, as of a
    #: laptop or a phone held up; metres along the floor and above it.
    eye_level: float = 0.12
    eye_distance: tuple[float, float] = (0.8, 2.5)
    eye_height: tuple[float, float] = (1.4, 1.9)
    #: Share of what remains whose whole body the frame holds if it can.
    whole: float = 0.78
    #: Share of the people neither at a desk nor wholly held whose picture ends somewhere between
    #: chest and ankles.
    cut: float = 0.5
    #: Where the person is in the frame: sigma of the distance from the middle, share of the frame.
    off_centre: tuple[float, float] = (0.15, 0.10)
    #: Share of people anywhere up to the frame's edges, and how far from the middle that is.
    at_edge: float = 0.12
    edge: tuple[float, float] = (0.45, 0.35)
    #: In-plane turn of the camera: sigma in degrees, the share of cameras held askew, up to so many
    #: degrees, and the share of quarter and half turns.
    roll_sigma: float = 5.0
    askew: float = 0.15
    largest_roll: float = 30.0
    large_roll: float = 0.05

    #: Jitter of the crop box: centre (sigma, in sides), log scale (range), degrees (sigma).
    crop_box_centre: float = 0.035
    crop_box_scale: float = 0.22
    crop_box_angle: float = 8.0
    #: Shares of the kinds of crop box: tracker, rotated by up to 60 degrees, plain box, upper body.
    crop_box_kinds: tuple[float, float, float, float] = (0.66, 0.13, 0.17, 0.04)
    #: The same at a desk.
    desk_crop_box_kinds: tuple[float, float, float, float] = (0.40, 0.06, 0.16, 0.38)

    #: Objects between camera and person, and behind the person.
    occluder: float = 0.28
    clutter: float = 0.45
    #: A desk's edge before a person at a desk.
    desk: float = 0.35
    #: Darker floor below feet and other contacts.
    shadow: float = 0.6
    #: Visible faces blurred, pixelated or covered: about 6 % of the people, as some look away.
    hidden_face: float = 0.12
    #: Picture faults.
    motion_blur: float = 0.16
    defocus: float = 0.14
    noise: float = 0.55
    compression: float = 0.45
    colour: float = 0.75
    grey: float = 0.03
