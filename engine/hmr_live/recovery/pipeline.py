"""A frame in, the people in it as SMPL bodies out.

The person detector runs on the first frame, whenever somebody was lost, and now and then while
there is room for more people; in between, each person's crop box follows from their joints in
the frame before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from hmr_live.body.model import BodyModel
from hmr_live.core.camera_place import CameraPlace
from hmr_live.core.state import Array, BodyState, CropBox, Frame, FrameResult, Image
from hmr_live.core.timing import StageTimer
from hmr_live.recovery.crop import is_usable
from hmr_live.recovery.crop_to_camera import CameraSpaceBody, CropEstimate, CropToCamera
from hmr_live.recovery.detector import PersonDetector, mask_people
from hmr_live.recovery.network import HmrNetwork, NetworkOutput
from hmr_live.recovery.network_choice import AUTO, DEFAULT_FPS
from hmr_live.recovery.network_loader import NetworkLoader
from hmr_live.recovery.person_shape import PersonShape
from hmr_live.recovery.sizer import Sizer
from hmr_live.recovery.tracking import MAX_PEOPLE, Tracker, check_people
from hmr_live.recovery.tracking.association import same_body, same_place
from hmr_live.recovery.tracking.track import AcceptedBody, Track

logger = logging.getLogger(__name__)

#: A detection counts as a person from this HMR network score on; the detector alone sees
#: people in trees.
MIN_DETECTION_SCORE = 0.5
#: A tracked person below this score is lost, and the detector looks for them again.
MIN_TRACKING_SCORE = 0.2
#: Frames between two checks by the detector, for a network without a presence score.
CHECK_EVERY = 30
#: A still image is inferred this many more times, each time in the crop around the joints of the
#: pass before.  On photos the second pass still puts half a per cent more of the joints right.
REFINEMENT_PASSES: Final = 2


class Pipeline:
    """The whole way from a frame to bodies.  One thread at a time may use it.

    Parameters
    ----------
    detector, network, body
        The parts; :meth:`open` loads the shipped ones.
    smoothing
        Whether a person keeps one shape, and One Euro filters run over pose and place.
    focal_length
        Pixels of the full frame; from a 60 degree field of view when not given.
    camera_place
        Where the camera stands, if known: then statures are metric, as far as soles are seen.
    people
        How many people are tracked at once, 1 to :data:`hmr_live.recovery.tracking.MAX_PEOPLE`.
    loader
        Loads other networks for :meth:`use_network`; one with its defaults when None.

    Raises
    ------
    PeopleError
        If that many cannot be followed.
    """

    def __init__(
        self,
        detector: PersonDetector,
        network: HmrNetwork,
        body: BodyModel,
        *,
        smoothing: bool = True,
        focal_length: float | None = None,
        camera_place: CameraPlace | None = None,
        people: int = 1,
        loader: NetworkLoader | None = None,
    ) -> None:
        self.detector = detector
        self.network = network
        self.body = body
        self.smoothing = smoothing
        #: Whether the filters run where poses are smoothed; off for whoever smooths afterwards.
        self.filters = True
        #: Network outputs that held NaN or infinity, dropped since the start.
        self.invalid_outputs = 0
        self._crop_to_camera = CropToCamera(body, focal_length)
        self._sizer = None if camera_place is None else Sizer(body, camera_place)
        self._tracker = Tracker()
        self._loader = loader or NetworkLoader()
        #: File of the network if the loader loaded it.
        self._network_file: Path | None = None
        self.people = people

    @classmethod
    def open(
        cls,
        *,
        network: str | Path = AUTO,
        body: BodyModel | None = None,
        backend: str = "auto",
        threads: int = 2,
        smoothing: bool = True,
        focal_length: float | None = None,
        camera_place: CameraPlace | None = None,
        people: int = 1,
        fps: float = DEFAULT_FPS,
        live: bool = True,
        announce: Callable[[str], None] = logger.info,
    ) -> Pipeline:
        """Load the shipped detector, network and body, or the ones given.

        Parameters
        ----------
        network
            ``auto``, the name of a shipped network (``lite``, ``full``, ``heavy``), or an
            ``.onnx`` file with its manifest.
        body
            The included one when None.
        backend, threads
            See :func:`hmr_live.backends.open_backend`; ``auto`` is the fastest as timed.
        smoothing, focal_length, camera_place, people
            See the class.
        fps, live
            The source for which ``auto`` chooses the network, see
            :mod:`hmr_live.recovery.network_choice`.
        announce
            Gets a sentence for the user when this machine is timed, at the first start.

        Raises
        ------
        AssetError
            If a file is missing, damaged or of another kind.
        BackendError
            If no back end can run the networks.
        PeopleError
            If that many people cannot be followed.
        """
        check_people(people)
        loader = NetworkLoader(backend=backend, threads=threads, announce=announce)
        path = loader.choose(network, fps=fps, live=live)
        pipeline = cls(
            loader.load_detector(),
            loader.load(path),
            body or BodyModel.default(),
            smoothing=smoothing,
            focal_length=focal_length,
            camera_place=camera_place,
            people=people,
            loader=loader,
        )
        pipeline._network_file = path
        return pipeline

    def use_network(
        self, network: str | Path = AUTO, *, fps: float = DEFAULT_FPS, live: bool = True
    ) -> None:
        """Go on with this network, on the same back end; nothing happens if it is the one in use.

        No frame may be in work meanwhile.

        Parameters
        ----------
        network, fps, live
            See :meth:`open`.

        Raises
        ------
        AssetError, BackendError
            If it cannot be loaded; the pipeline then keeps the network that it has.
        """
        path = self._loader.choose(network, fps=fps, live=live)
        if path == self._network_file:
            return
        before, self.network = self.network, self._loader.load(path)
        self._network_file = path
        before.close()
        self.reset()

    @property
    def people(self) -> int:
        """How many people are tracked at once.

        Takes effect on the next frame; may be set from any thread.
        """
        return self._tracker.limit

    @people.setter
    def people(self, count: int) -> None:
        check_people(count)
        self._tracker.limit = count

    @property
    def locked(self) -> int | None:
        """Track id of whoever is to lead as long as they are known; None lets the largest lead.

        Takes effect on the next frame; may be set from any thread.
        """
        return self._tracker.leader.locked

    @locked.setter
    def locked(self, track_id: int | None) -> None:
        self._tracker.leader.locked = track_id

    @property
    def focal_length(self) -> float | None:
        """Pixels of the full frame; None where it follows from a 60 degree field of view."""
        return self._crop_to_camera.focal_length

    def reset(self) -> None:
        """Forget all tracks (a new source, a cut)."""
        self._tracker.reset()

    def close(self) -> None:
        """Release the networks; the pipeline cannot be used afterwards."""
        self.detector.close()
        self.network.close()

    def process(self, frame: Frame) -> FrameResult:
        """Recover the people in a frame of a stream, tracked from the frames before."""
        timer = StageTimer()
        timer.milliseconds["capture"] = frame.capture_ms
        tracker, invalid_before = self._tracker, self.invalid_outputs
        tracker.begin(frame.time)
        if tracker.active and not self.network.has_presence_score:
            self._verify_presence(frame, timer)
        if tracker.wants_search(frame.time):
            self._search(frame, timer)
        bodies = self._track(frame, timer)
        leader = tracker.leader
        return FrameResult(
            frame,
            bodies,
            timer.milliseconds,
            invalid_outputs=self.invalid_outputs - invalid_before,
            leader_id=leader.track_id,
            locked=leader.is_locked,
        )

    def recover(self, image: Image) -> list[BodyState]:
        """Recover everybody in a single image, largest first.

        Parameters
        ----------
        image
            ``(H, W, 3)`` uint8, BGR, as :func:`hmr_live.read_image` gives it.
        """
        return self._recover_all(image, StageTimer())

    def process_still(self, frame: Frame) -> FrameResult:
        """Recover the :attr:`people` largest in a frame on its own; see :meth:`recover`."""
        timer, invalid_before = StageTimer(), self.invalid_outputs
        timer.milliseconds["capture"] = frame.capture_ms
        bodies = tuple(self._recover_all(frame.image, timer)[: self.people])
        return FrameResult(
            frame,
            bodies,
            timer.milliseconds,
            invalid_outputs=self.invalid_outputs - invalid_before,
        )

    def _recover_all(self, image: Image, timer: StageTimer) -> list[BodyState]:
        size = (image.shape[1], image.shape[0])
        people = self._detect_all(image, timer)
        for _ in range(REFINEMENT_PASSES):
            crop_boxes = [
                seen.next_crop_box for seen in people if is_usable(seen.next_crop_box, size)
            ]
            estimates = self._infer_crops(image, crop_boxes, timer)
            people = [estimate for estimate in estimates if estimate is not None]
        people.sort(key=lambda seen: -seen.crop_box.side)
        bodies = [
            self._in_own_shape(PersonShape(), seen, 0.0, size) if self._sizer else seen.body
            for seen in people
        ]
        return [
            self._crop_to_camera.state(seen, body, track_id, size)
            for track_id, (seen, body) in enumerate(zip(people, bodies, strict=True))
        ]

    def _detect_all(self, image: Image, timer: StageTimer) -> list[CropEstimate]:
        """Everybody: the detector runs again with those found masked until nobody is new."""
        people: list[CropEstimate] = []
        while len(people) < MAX_PEOPLE:
            shown = mask_people(image, [seen.joints_2d for seen in people]) if people else None
            found = self._detect(image, timer, shown)
            new = [seen for seen in found if not any(same_body(seen, p) for p in people)]
            if not new:
                break
            people += new
        return people[:MAX_PEOPLE]

    def vertices(self, body: BodyState) -> Array:
        """Mesh ``(V, 3)`` of a body: metres, camera frame; the triangles are ``body.faces``."""
        return self.body.forward(body.rotmats, body.betas).vertices + body.transl

    def with_body(
        self, state: BodyState, body: CameraSpaceBody, size: tuple[int, int]
    ) -> BodyState:
        """The same person in another pose, shape or place, in a frame of ``size`` pixels."""
        return self._crop_to_camera.with_body(state, body, size)

    def _search(self, frame: Frame, timer: StageTimer) -> None:
        image = frame.image
        followed = [t.last.joints_2d for t in self._tracker.active + self._tracker.tentative]
        shown = mask_people(image, followed) if followed else image
        self._tracker.add_detections(self._detect(image, timer, shown), frame)

    def _detect(
        self, image: Image, timer: StageTimer, shown: Image | None = None
    ) -> list[CropEstimate]:
        """People whom the detector finds and the network confirms, largest first.

        The next crop boxes come from the joints that the network estimates; the detector's circle
        is too coarse.  The detector runs on ``shown``, or on ``image`` when that is None.
        """
        size = (image.shape[1], image.shape[0])
        with timer("detect"):
            detections = self.detector.detect(image if shown is None else shown)
        crop_boxes = [found.crop_box for found in detections if is_usable(found.crop_box, size)]
        seen = self._infer_crops(image, crop_boxes[:MAX_PEOPLE], timer, MIN_DETECTION_SCORE)
        return [estimate for estimate in seen if estimate is not None]

    def _verify_presence(self, frame: Frame, timer: StageTimer) -> None:
        """Lose people whom the detector, asked from time to time, no longer finds there."""
        active = self._tracker.active
        for track in active:
            track.frames_unchecked += 1
        if all(track.frames_unchecked < CHECK_EVERY for track in active):
            return
        with timer("detect"):
            crop_boxes = [found.crop_box for found in self.detector.detect(frame.image)]
        for track in active:
            track.frames_unchecked = 0
        gone = [t for t in active if not any(same_place(t.crop_box, r) for r in crop_boxes)]
        self._tracker.lose(gone, frame.time)

    def _track(self, frame: Frame, timer: StageTimer) -> tuple[BodyState, ...]:
        """Bodies of everybody who is tracked and in sight, in one batch of the network."""
        tracker = self._tracker
        crops = [(track, track.crop_box, MIN_TRACKING_SCORE) for track in tracker.active]
        crops += [(track, track.crop_box, MIN_DETECTION_SCORE) for track in tracker.tentative]
        crops += [
            (track, track.predicted(frame.time), MIN_DETECTION_SCORE) for track in tracker.probes()
        ]
        crops = [crop for crop in crops if is_usable(crop[1], frame.size)]
        estimates = self._infer_crops(frame.image, [crop_box for _, crop_box, _ in crops], timer)
        seen = {
            track: estimate
            for (track, _, min_score), estimate in zip(crops, estimates, strict=True)
            if estimate is not None and estimate.output.score >= min_score
        }
        if not crops and not tracker.active:
            return ()
        with timer("body"):
            tracker.assign(seen, frame)
            return tuple(
                self._shown_body(track, seen[track], frame) for track in tracker.in_order()
            )

    def _shown_body(self, track: Track, estimate: CropEstimate, frame: Frame) -> BodyState:
        """The body to show for a track, after its flip guard, in its shape, and filtered."""
        body = estimate.body
        if track.last_accepted is not None and track.is_implausible_flip(body.rotmats, frame.time):
            track.flips_rejected += 1
            return replace(track.last_accepted.state, track_id=track.track_id, measured=False)
        root = body.rotmats[0]
        track.update(estimate, frame.time)
        if self.smoothing:
            body = self._in_own_shape(track.shape, estimate, frame.time, frame.size)
        if self.smoothing and self.filters:
            body = track.smoothed(body, frame.time)
        else:
            track.smoother.reset()
        state = self._crop_to_camera.state(estimate, body, track.track_id, frame.size)
        track.last_accepted, track.flips_rejected = AcceptedBody(state, root, frame.time), 0
        return state

    def _in_own_shape(
        self, shape: PersonShape, estimate: CropEstimate, time: float, size: tuple[int, int]
    ) -> CameraSpaceBody:
        """An estimate's body in the shape of its person."""
        body, confidence = estimate.body, estimate.output.confidence
        if self._sizer is None:
            return self._crop_to_camera.reshaped(body, shape(body.betas, confidence, time))
        focal_length = self._crop_to_camera.focal_length_of(size)
        scale = None if shape.settled else self._sizer.scale(body, confidence, focal_length, size)
        betas = shape(body.betas, confidence, time, scale)
        return self._crop_to_camera.reshaped(body, self._sizer.resized(betas, shape.scale))

    def _infer_crops(
        self,
        image: Image,
        crop_boxes: Sequence[CropBox],
        timer: StageTimer,
        min_score: float = MIN_TRACKING_SCORE,
    ) -> list[CropEstimate | None]:
        """The network's estimate for each crop, in one batch; None where there is nobody."""
        if not crop_boxes:
            return []
        size = (image.shape[1], image.shape[0])
        with timer("network"):
            focal_length = self._crop_to_camera.focal_length_of(size)
            outputs = self.network.run(image, crop_boxes, focal_length)
        with timer("body"):
            return [
                self._crop_to_camera.estimate(crop_box, output, size)
                if self._is_person(output, min_score)
                else None
                for crop_box, output in zip(crop_boxes, outputs, strict=True)
            ]

    def _is_person(self, output: NetworkOutput, min_score: float) -> bool:
        if not output.is_finite:
            self.invalid_outputs += 1
            logger.warning("The network returned NaN or infinity; its output is dropped.")
            return False
        return output.score >= min_score
