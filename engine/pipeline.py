"""A frame in, the people in it as SMPL bodies out.

The person detector runs on the first frame and whenever somebody was lost; in between, each
frame's region follows from the joints of the frame before.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.angles import joint_angles
from engine.body import BodyModel
from engine.camera import default_focal_length, project, roll, translation_in_frame
from engine.crop import region_from_joints
from engine.detector import PersonDetector
from engine.network import HmrNetwork, NetworkOutput
from engine.smoothing import BodySmoother
from engine.state import Array, BodyState, Frame, FrameResult, Image, Region
from engine.timing import StageTimer

logger = logging.getLogger(__name__)

#: A detection is taken for a person from this score on; the detector alone sees people in trees.
FOUND_SCORE = 0.7
#: A tracked person below this score is gone, and the detector looks for them again.
LOST_SCORE = 0.35
#: A region whose side is below this many pixels holds too little to recover anybody.
MIN_REGION_PX = 24
#: A network that does not tell whether somebody is there is checked by the detector this often.
CHECK_EVERY = 30
#: While nobody is in sight, the detector runs on every third frame only: it is the dearest stage.
SEARCH_EVERY = 3


@dataclass
class _Track:
    """One followed person: where to look next and the filters with their past."""

    region: Region
    smoother: BodySmoother = field(default_factory=BodySmoother)
    #: Frames since the detector last saw the person.
    unchecked: int = 0


class _Placed(NamedTuple):
    """A body in the camera of the full frame: what the filters smooth."""

    rotmats: Array
    betas: Array
    transl: Array


class Pipeline:
    """The whole road from a frame to bodies.  One thread at a time may use it.

    Parameters
    ----------
    detector, network, body
        The parts; :meth:`open` loads the shipped ones.
    smoothing
        Whether One Euro filters run over pose, shape and place.
    focal_length
        Pixels of the full frame; from a 60 degree field of view when not given.
    """

    def __init__(
        self,
        detector: PersonDetector,
        network: HmrNetwork,
        body: BodyModel,
        *,
        smoothing: bool = True,
        focal_length: float | None = None,
    ) -> None:
        self.detector = detector
        self.network = network
        self.body = body
        self.smoothing = smoothing
        self.focal_length = focal_length
        #: Network answers that held no numbers, dropped since the start.
        self.invalid_outputs = 0
        self._track: _Track | None = None
        self._frames_without = 0

    @classmethod
    def open(
        cls,
        *,
        network: Path | None = None,
        body: BodyModel | None = None,
        backend: str = "auto",
        threads: int = 2,
        smoothing: bool = True,
        focal_length: float | None = None,
    ) -> Pipeline:
        """Load the shipped detector, network and body, or the ones given.

        Raises
        ------
        AssetError
            If a file is missing, damaged or of another kind.
        BackendError
            If no back end can run the networks.
        """
        return cls(
            PersonDetector(backend=backend, threads=threads),
            HmrNetwork(network, backend=backend, threads=threads),
            body or BodyModel.default(),
            smoothing=smoothing,
            focal_length=focal_length,
        )

    def reset(self) -> None:
        """Forget the person that is being followed (a new source, a cut)."""
        self._track = None
        self._frames_without = 0

    def close(self) -> None:
        """Give the networks' memory back; the pipeline cannot be used afterwards."""
        self.detector.close()
        self.network.close()

    def process(self, frame: Frame) -> FrameResult:
        """Follow one person, the largest at the time of detection, from frame to frame."""
        timer = StageTimer()
        timer.milliseconds["capture"] = frame.capture_ms
        if self._track is not None and not self.network.tells_presence:
            self._check(self._track, frame, timer)
        if self._track is None:
            self._search(frame, timer)
        bodies: tuple[BodyState, ...] = ()
        if self._track is not None:
            body = self._recover(frame, self._track, timer)
            if body is None:
                self.reset()
            else:
                bodies = (body,)
        return FrameResult(frame, bodies, timer.milliseconds)

    def recover(self, image: Image) -> list[BodyState]:
        """Recover everybody in a single picture, largest first.

        Parameters
        ----------
        image
            ``(H, W, 3)`` uint8, BGR, as :func:`engine.read_image` gives it.
        """
        size = (image.shape[1], image.shape[0])
        regions = [r for r in self._find(image, StageTimer()) if _is_usable(r, size)]
        people = self._outputs(image, regions) if regions else []
        return [self._state(self._place(r, o, size), r, o, size) for r, o in people]

    def vertices(self, body: BodyState) -> Array:
        """Mesh ``(V, 3)`` of a body: metres, camera frame; the triangles are ``body.faces``."""
        return self.body.forward(body.rotmats, body.betas).vertices + body.transl

    def _search(self, frame: Frame, timer: StageTimer) -> None:
        self._frames_without += 1
        if (self._frames_without - 1) % SEARCH_EVERY:
            return
        regions = self._find(frame.image, timer)
        if regions:
            self._track = _Track(regions[0])

    def _find(self, image: Image, timer: StageTimer) -> list[Region]:
        """Regions of the people whom the detector sees and the network confirms, largest first.

        The joints of that first look draw the region: the detector's circle is coarse.
        """
        size = (image.shape[1], image.shape[0])
        with timer("detect"):
            detections = self.detector.detect(image)
        regions = [found.region for found in detections if _is_usable(found.region, size)]
        if not regions:
            return []
        with timer("network"):
            people = self._outputs(image, regions, FOUND_SCORE)
        with timer("body"):
            return [self._next_region(self._place(r, o, size), size) for r, o in people]

    def _check(self, track: _Track, frame: Frame, timer: StageTimer) -> None:
        """Let go of a person whom the detector, asked from time to time, no longer sees there."""
        track.unchecked += 1
        if track.unchecked < CHECK_EVERY:
            return
        track.unchecked = 0
        with timer("detect"):
            detections = self.detector.detect(frame.image)
        if not any(_same_place(track.region, found.region) for found in detections):
            self.reset()

    def _recover(self, frame: Frame, track: _Track, timer: StageTimer) -> BodyState | None:
        """Body in the track's region, or None when nobody is there any more."""
        if not _is_usable(track.region, frame.size):
            return None
        with timer("network"):
            found = self._outputs(frame.image, [track.region])
        if not found:
            return None
        with timer("body"):
            region, output = found[0]
            placed = self._place(region, output, frame.size)
            # The raw joints, which do not lag, say where to look next.
            track.region = self._next_region(placed, frame.size)
            if self.smoothing:
                placed = _Placed(*track.smoother(*placed, frame.time))
            else:
                track.smoother.reset()
            return self._state(placed, region, output, frame.size)

    def _outputs(
        self, image: Image, regions: Sequence[Region], least_score: float = LOST_SCORE
    ) -> list[tuple[Region, NetworkOutput]]:
        """Network answers for the regions that hold a person, in the regions' order."""
        people = []
        for region, output in zip(regions, self.network.run(image, regions), strict=True):
            if not output.is_finite:
                self.invalid_outputs += 1
                logger.warning("The network answered with NaN or infinity; the frame is skipped.")
            elif output.score >= least_score:
                people.append((region, output))
        return people

    def _place(self, region: Region, output: NetworkOutput, size: tuple[int, int]) -> _Placed:
        """Move the crop's body into the camera of a frame of ``size``."""
        rotmats = output.rotmats.copy()
        rotmats[0] = roll(region.angle) @ rotmats[0]
        pelvis = self.body.rest_joints(output.betas)[0]
        focal_length = self._focal_length(size)
        transl = translation_in_frame(output.camera, region, pelvis, size, focal_length)
        return _Placed(rotmats, output.betas, transl)

    def _joints(self, placed: _Placed, size: tuple[int, int]) -> tuple[Array, Array]:
        """Joints in the camera frame ``(24, 3)`` and in the picture ``(24, 2)``."""
        joints = self.body.joints(placed.rotmats, placed.betas) + placed.transl
        return joints, project(joints, float(placed.transl[2]), self._focal_length(size), size)

    def _next_region(self, placed: _Placed, size: tuple[int, int]) -> Region:
        return region_from_joints(self._joints(placed, size)[1])

    def _focal_length(self, size: tuple[int, int]) -> float:
        return self.focal_length or default_focal_length(size)

    def _state(
        self, placed: _Placed, region: Region, output: NetworkOutput, size: tuple[int, int]
    ) -> BodyState:
        joints, joints_2d = self._joints(placed, size)
        return BodyState(
            rotmats=placed.rotmats,
            betas=placed.betas,
            transl=placed.transl,
            focal_length=self._focal_length(size),
            camera=output.camera,
            region=region,
            joints=joints,
            joints_2d=joints_2d,
            confidence=output.confidence,
            score=output.score,
            angles=joint_angles(placed.rotmats),
        )


def _is_usable(region: Region, size: tuple[int, int]) -> bool:
    """Whether the region is sane: finite, large enough, its centre in or near the frame."""
    numbers = np.array([region.cx, region.cy, region.side, region.angle])
    if not np.isfinite(numbers).all() or region.side < MIN_REGION_PX:
        return False
    margin = region.side / 2
    near_x = -margin < region.cx < size[0] + margin
    near_y = -margin < region.cy < size[1] + margin
    return near_x and near_y and region.side < 8 * math.hypot(*size)


def _same_place(first: Region, second: Region) -> bool:
    """Whether two regions can hold the same person."""
    apart = math.hypot(first.cx - second.cx, first.cy - second.cy)
    ratio = first.side / second.side
    return apart < min(first.side, second.side) / 2 and 0.4 < ratio < 2.5
