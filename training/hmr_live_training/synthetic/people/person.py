"""Dressed people: from SMPL parameters to layers for the renderer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import JOINT
from hmr_live.recovery.crop_camera import turned_translation
from hmr_live_training.synthetic.materials import Materials
from hmr_live_training.synthetic.opengl.renderer import Layer
from hmr_live_training.synthetic.people.bound_piece import blended_rotations
from hmr_live_training.synthetic.people.clothing import Garment, Wardrobe
from hmr_live_training.synthetic.people.hair import NO_LINE, Head, HeadSampler
from hmr_live_training.synthetic.people.makehuman import MakeHumanWardrobe, WornPiece
from hmr_live_training.synthetic.scene_config import SyntheticConfig
from hmr_live_training.synthetic.surface import BodySurface, PosedSurface

Array = NDArray[np.floating[Any]]

#: Metres by which covered skin is moved inwards, so that it cannot show through cloth.
_TUCK = 0.012
_TUCK_MARGIN = 0.025
#: Metres from the borders of cloth that hangs freely to where skin below it is left out.
_HIDDEN_MARGIN = 0.06


@dataclass(frozen=True)
class Person:
    """A body with clothes and hair.

    Attributes
    ----------
    rotmats
        ``(24, 3, 3)``, joint 0 into the camera frame.
    betas
        ``(10,)``.
    transl
        ``(3,)`` metres, camera frame.
    joints
        ``(24, 3)`` metres, camera frame.
    vertices
        ``(V, 3)`` metres, camera frame, of the naked body.
    outfit, head
        What is worn.
    """

    rotmats: Array
    betas: Array
    transl: Array
    joints: Array
    vertices: Array
    outfit: list[Garment | WornPiece]
    head: Head

    def turned(self, rotation: Array, body: BodyModel) -> Person:
        """The same person in the frame of another camera at the same place.

        Parameters
        ----------
        rotation
            ``(3, 3)`` from this camera's frame to the other's.
        body
            The person's model, which turns about its pelvis.
        """
        pelvis = body.rest_joints(self.betas)[0]
        rotmats = self.rotmats.copy()
        rotmats[0] = rotation @ rotmats[0]
        return replace(
            self,
            rotmats=rotmats,
            transl=turned_translation(rotation, self.transl, pelvis),
            joints=self.joints @ rotation.T,
            vertices=self.vertices @ rotation.T,
        )


class Dresser:
    """Dresses people and makes their layers, for one body model.

    Parameters
    ----------
    surface
        The body.
    materials
        The fabrics.
    makehuman_share
        How often clothes, shoes and hair are MakeHuman's, each by itself.
    """

    def __init__(
        self,
        surface: BodySurface,
        materials: Materials,
        makehuman_share: float = SyntheticConfig.makehuman,
    ) -> None:
        self._surface = surface
        makehuman = MakeHumanWardrobe(surface, materials)
        self._wardrobe = Wardrobe(surface, materials, makehuman, makehuman_share)
        self._hairdresser = HeadSampler(surface, makehuman, makehuman_share)
        head = surface.body.weights[:, [JOINT["head"], JOINT["neck"]]].sum(axis=1) > 0.4
        self._head_faces = surface.faces_touching(head & ~surface.eyeballs)

    def person(
        self, rng: np.random.Generator, rotmats: Array, betas: Array, transl: Array
    ) -> Person:
        """A person with a random outfit and head."""
        mesh = self._surface.body.forward(rotmats, betas)
        return Person(
            rotmats=rotmats,
            betas=betas,
            transl=transl,
            joints=mesh.joints + transl,
            vertices=mesh.vertices + transl,
            outfit=self._wardrobe.draw(rng),
            head=self._hairdresser.draw(rng),
        )

    def face(self, person: Person) -> Array:
        """Nose and both ears of a person, ``(3, 3)`` in the frame of the person's vertices."""
        ids = self._surface.body.vertex_ids
        return np.asarray(person.vertices[[ids[name] for name in ("nose", "lear", "rear")]])

    def layers(self, person: Person) -> list[Layer]:
        """Layers for the renderer: skin, garments, hair."""
        surface = self._surface
        smooth = surface.smooth(person.vertices)
        smooth_normals = surface.normals(smooth)
        rotations = blended_rotations(surface, person.rotmats, person.betas)
        layers = [self._skin(person, smooth_normals)]
        pushed = np.zeros(len(surface.rest))
        for worn in person.outfit:
            if isinstance(worn, WornPiece):
                layers.append(_piece(person, worn, rotations, "fabric"))
            else:
                layers.append(self._garment(person, worn, smooth, smooth_normals, pushed))
        return layers + self._hair(person, rotations)

    def _skin(self, person: Person, smooth_normals: Array) -> Layer:
        surface = self._surface
        covered, hidden = np.zeros((2, len(surface.rest)), bool)
        for garment in person.outfit:
            if isinstance(garment, WornPiece):
                covered |= garment.covers(_TUCK_MARGIN)
                hidden |= garment.covers(_HIDDEN_MARGIN)
            elif garment.tube is None:
                inside = garment.covers(surface.rest, _TUCK_MARGIN)
                covered, hidden = covered | inside, hidden | inside
        normals = surface.normals(person.vertices)
        vertices = person.vertices - smooth_normals * (covered * _TUCK)[:, None]
        bare = surface.faces_touching(~hidden)
        posed = self._posed(vertices, normals, bare)
        return Layer(posed, "skin", person.head.skin, hollow=False)

    def _garment(
        self,
        person: Person,
        garment: Garment,
        smooth: Array,
        normals: Array,
        pushed: Array,
    ) -> Layer:
        """One garment; ``pushed`` ``(V,)`` holds the offsets of the garments below it, metres."""
        values = garment.values | {"bounds": garment.bounds, "neck": garment.neck}
        if garment.tube is not None:
            body = self._surface.body
            posed = garment.tube.pose(body, person.rotmats, person.betas, person.transl)
            return Layer(posed, "fabric", values, garment.texture)
        worn = garment.covers(self._surface.rest)
        offset = np.maximum(garment.offset, (pushed + 0.004) * (pushed > 0))
        pushed[worn] = offset[worn]
        faces = self._surface.faces_touching(worn)
        posed = self._posed(smooth + normals * offset[:, None], normals, faces)
        return Layer(posed, "fabric", values, garment.texture)

    def _hair(self, person: Person, rotations: Array) -> list[Layer]:
        head, layers = person.head, []
        if head.cap is not None:
            normals = self._surface.normals(person.vertices)
            vertices = person.vertices + normals * head.cap[:, None]
            posed = self._posed(vertices, normals, self._head_faces)
            layers.append(Layer(posed, "hair", head.hair))
        if head.curtain is not None:
            body = self._surface.body
            hanging = head.curtain.pose(body, person.rotmats, person.betas, person.transl)
            layers.append(Layer(hanging, "hair", head.hair | {"line": NO_LINE, "ragged": 0.0}))
        if head.worn is not None:
            layers.append(_piece(person, head.worn, rotations, "hair"))
        return layers

    def _posed(self, vertices: Array, normals: Array, faces: NDArray[np.int32]) -> PosedSurface:
        surface = self._surface
        return PosedSurface(vertices, normals, surface.rest, surface.rest_normals, faces)


def _piece(person: Person, worn: WornPiece, rotations: Array, material: str) -> Layer:
    posed = worn.bound.pose(
        person.vertices,
        rotations,
        outwards=worn.outwards,
        lowest=worn.lowest,
        by_pattern=material == "fabric",
    )
    return Layer(posed, material, worn.values, worn.texture)
