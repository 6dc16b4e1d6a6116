"""USD files, read by UsdSkel."""

from __future__ import annotations

import numpy as np
import pytest
from pxr import Usd, UsdGeom, UsdSkel

from hmr_live.export.usd import write_usd
from tests.engine.export.accuracy import assert_same_places, assert_turned_alike
from tests.engine.export.conftest import SHAPE
from tests.engine.export.takes import world_rotations


@pytest.mark.parametrize("up", ["y", "z"])
def test_usd_skeleton_moves_as_the_person(clip, tmp_path, up):
    world = clip.turned(up)
    write_usd(world, tmp_path / "walk.usd")
    stage = Usd.Stage.Open(str(tmp_path / "walk.usd"))
    assert UsdGeom.GetStageUpAxis(stage) == up.upper()
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert (stage.GetTimeCodesPerSecond(), stage.GetEndTimeCode()) == (30, 59)
    root = UsdSkel.Root(stage.GetDefaultPrim())
    cache = UsdSkel.Cache()
    cache.Populate(root, Usd.PrimDefaultPredicate)
    (binding,) = cache.ComputeSkelBindings(root, Usd.PrimDefaultPredicate)
    query = cache.GetSkelQuery(binding.GetSkeleton())
    turned = world_rotations(clip.rotmats)
    for frame in (0, 17, 59):
        matrices = np.array(query.ComputeJointWorldTransforms(UsdGeom.XformCache(frame)))
        places = matrices[:, 3, :3]
        assert_same_places(places, world.joints[frame])
        if up == "y":  # UsdSkel multiplies row vectors
            assert_turned_alike(np.swapaxes(matrices[:, :3, :3], -1, -2), turned[frame])


def test_usd_mesh_is_bound_and_skins_to_the_rest_pose(clip, tmp_path, body):
    write_usd(clip, tmp_path / "walk.usd")
    stage = Usd.Stage.Open(str(tmp_path / "walk.usd"))
    root = UsdSkel.Root(stage.GetDefaultPrim())
    cache = UsdSkel.Cache()
    cache.Populate(root, Usd.PrimDefaultPredicate)
    (binding,) = cache.ComputeSkelBindings(root, Usd.PrimDefaultPredicate)
    (target,) = binding.GetSkinningTargets()
    query = cache.GetSkelQuery(binding.GetSkeleton())
    points = UsdGeom.Mesh(target.GetPrim()).GetPointsAttr().Get()
    still = [type(xform)(1.0) for xform in query.ComputeSkinningTransforms(0)]
    rest = np.array(points)
    assert target.ComputeSkinnedPoints(still, points, 0)
    np.testing.assert_allclose(np.array(points), rest, atol=1e-6)
    np.testing.assert_allclose(
        rest, body.v_template + body.shapedirs @ SHAPE.astype(np.float32), atol=1e-5
    )
    indices, weights = target.ComputeVaryingJointInfluences(len(rest))
    np.testing.assert_allclose(np.array(weights).reshape(-1, 4).sum(axis=1), 1, atol=1e-6)
    assert max(indices) < 24
