"""Sample i of a split: scene, picture and labels, reproducible for a configuration."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import JOINT
from hmr_live_training.landmarks import NUM_BLAZEPOSE
from hmr_live_training.synthetic.labels import (
    VISIBLE,
    LandmarkReader,
    Sample,
    SyntheticLabels,
    allowances,
    nobody,
    visibility,
)
from hmr_live_training.synthetic.materials import Materials
from hmr_live_training.synthetic.opengl.renderer import PeopleRenderer
from hmr_live_training.synthetic.people.person import Dresser
from hmr_live_training.synthetic.picture.painter import PaintedPicture, Painter
from hmr_live_training.synthetic.picture.view import CropView
from hmr_live_training.synthetic.scene.camera_sampling import in_frame
from hmr_live_training.synthetic.scene.crop_boxes import (
    CropBoxRule,
    free_crop_box,
    jittered_crop_box,
)
from hmr_live_training.synthetic.scene.scene import SceneMaker, SyntheticScene
from hmr_live_training.synthetic.scene_config import SPLITS, SyntheticConfig
from hmr_live_training.synthetic.surface import BodySurface

Array = NDArray[np.floating[Any]]

#: For the crop box all points count as about as far away as the chest: a tracker knows its person
#: through a weak-perspective camera.
_DEPTHS_FOR_CROP_BOX: Final = (0.88, 1.12)
#: Scenes in which another person or an object hides nearly everything are drawn again.
_DRAWS: Final = 5
_LEAST_AREA: Final = 0.012
_FEWEST_VISIBLE: Final = 5


class SyntheticPeople:
    """Synthetic samples of one split.

    Parameters
    ----------
    data
        Folder of the training data (motion capture, backgrounds, fabric patches).
    split
        "train" or "test"; they share no motion capture sequence, panorama or fabric patch.
    config
        What people look like, and how often.
    crop_box_rule
        Which crop box is shown, see :mod:`hmr_live_training.synthetic.scene.crop_boxes`.

    Raises
    ------
    AssetError
        When data are missing.
    RenderError
        When the machine offers no OpenGL 3.3.
    """

    def __init__(
        self,
        data: Path | str,
        split: str,
        config: SyntheticConfig | None = None,
        crop_box_rule: CropBoxRule = jittered_crop_box,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"split must be one of {SPLITS}, not {split!r}")
        self.config = config or SyntheticConfig()
        self.split = split
        self.crop_box_rule = crop_box_rule
        path = self.config.body
        self.body = BodyModel.default() if path is None else BodyModel.load(path)
        surface = BodySurface(self.body)
        materials = Materials(data, split)
        self._scenes = SceneMaker(data, split, surface, materials, self.config)
        self._renderer = PeopleRenderer()
        dresser = Dresser(surface, materials, self.config.makehuman)
        self._painter = Painter(self._renderer, dresser, materials, self.config)
        self._landmarks = LandmarkReader(surface)
        self._allowances = allowances()

    def sample(self, index: int) -> Sample:
        """Sample ``index`` of the split; any order, any number of times."""
        rng = np.random.default_rng([self.config.seed, zlib.crc32(self.split.encode()), index])
        if rng.random() < self.config.negatives:
            return self._negative(rng)
        for _ in range(_DRAWS):
            scene = self._scenes.draw(rng)
            view = self._view(rng, scene)
            turned = scene.turned(view.crop_camera.rotation, self.body)
            picture = self._painter.paint(rng, turned, view)
            labels = self._labels(scene, turned, view, picture)
            if _worth_learning(picture, labels):
                break
        return _sample(view, picture, labels)

    def close(self) -> None:
        """Release the OpenGL context."""
        self._renderer.close()

    def _negative(self, rng: np.random.Generator) -> Sample:
        camera = self._scenes.empty_camera(rng)
        view = CropView.of(camera, free_crop_box(rng, camera.size), self.config.crop_size)
        picture = self._painter.paint_nobody(rng, view)
        labels = nobody(camera, view.crop_box, view.crop_camera.focal)
        return _sample(view, picture, labels)

    def _view(self, rng: np.random.Generator, scene: SyntheticScene) -> CropView:
        person, camera = scene.people[0], scene.camera
        points = self._landmarks(person.joints, person.vertices)[NUM_BLAZEPOSE:]
        inside = in_frame(points, camera)
        shallow = points.copy()
        low, high = np.multiply(_DEPTHS_FOR_CROP_BOX, person.joints[JOINT["spine3"], 2])
        shallow[:, 2] = np.clip(points[:, 2], low, high)
        keypoints = np.column_stack([camera.project(shallow), inside])
        config = self.config
        if scene.desk:
            config = replace(config, crop_box_kinds=config.desk_crop_box_kinds)
        crop_box = self.crop_box_rule(rng, keypoints, config)
        return CropView.of(camera, crop_box, self.config.crop_size)

    def _labels(
        self, scene: SyntheticScene, turned: SyntheticScene, view: CropView, picture: PaintedPicture
    ) -> SyntheticLabels:
        """Of the scene in the frame's camera and turned into the crop's."""
        person, seen_person, camera = scene.people[0], turned.people[0], scene.camera
        landmarks, size = self._landmarks(person.joints, person.vertices), view.finished
        turn = view.crop_camera.rotation
        parts = []
        for points, allowance in zip((person.joints, landmarks), self._allowances, strict=True):
            there = points @ turn.T
            inside = in_frame(points, camera)
            drawn = view.project(there)
            seen = visibility(there, drawn, inside, picture.mask, picture.depth, allowance)
            parts.append((view.project(there, size), seen))
        (joints_2d, joint_seen), (landmarks_2d, landmark_seen) = parts
        crop_box = view.crop_box
        return SyntheticLabels(
            person=np.array(1, np.float32),
            rotmats=seen_person.rotmats.astype(np.float32),
            betas=person.betas,
            transl=person.transl,
            orient_frame=person.rotmats[0].astype(np.float32),
            focal=np.array(camera.focal, np.float32),
            size=np.array(camera.size, np.float32),
            crop_box=np.array(
                [crop_box.cx, crop_box.cy, crop_box.side, crop_box.angle], np.float32
            ),
            crop_focal=np.array(view.crop_camera.focal, np.float32),
            camera=view.crop_camera.camera(seen_person.transl),
            joints=person.joints.astype(np.float32),
            landmarks=landmarks.astype(np.float32),
            joints_2d=joints_2d.astype(np.float32),
            landmarks_2d=landmarks_2d.astype(np.float32),
            joint_visibility=joint_seen,
            landmark_visibility=landmark_seen,
        )


def _worth_learning(picture: PaintedPicture, labels: SyntheticLabels) -> bool:
    """Whether enough of the person is visible to recover the pose."""
    shown = int((labels.joint_visibility == VISIBLE).sum())
    return bool(picture.mask.mean() > _LEAST_AREA and shown >= _FEWEST_VISIBLE)


def _sample(view: CropView, picture: PaintedPicture, labels: SyntheticLabels) -> Sample:
    mask = picture.mask.astype(np.uint8)
    if view.size != view.finished:
        shape = (view.finished, view.finished)
        mask = np.asarray(cv2.resize(mask, shape, interpolation=cv2.INTER_NEAREST), np.uint8)
    return Sample(view.finish(picture.image), mask > 0, labels)
