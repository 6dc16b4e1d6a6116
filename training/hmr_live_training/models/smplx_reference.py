"""An unmodified ``smplx.SMPL`` that holds the same body as one of ours.

``smplx`` (non-commercial licence) is the reference that tests and benchmarks compare with, and
what the training runs through; the engine does not need it.
"""

from __future__ import annotations

import contextlib
import io

import numpy as np
import smplx
from smplx.utils import Struct

from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import PARENTS


def smplx_body(body: BodyModel) -> smplx.SMPL:
    """Build an ``smplx.SMPL`` from a loaded body.

    It keeps no pose, shape or translation of its own: pass ``betas`` ``(n, 10)``,
    ``global_orient`` ``(n, 1, 3, 3)`` and ``body_pose`` ``(n, 23, 3, 3)`` with
    ``pose2rot=False``, or axis-angles without it.
    """
    content = Struct(
        v_template=body.v_template,
        f=body.faces,
        shapedirs=body.shapedirs,
        posedirs=body.posedirs,
        J_regressor=body.j_regressor,
        weights=body.weights,
        kintree_table=np.array([PARENTS, range(len(PARENTS))]),
    )
    # It prints a line of its own on every body that has no 300 shape directions.
    with contextlib.redirect_stdout(io.StringIO()):
        return smplx.SMPL(
            model_path="",
            data_struct=content,
            create_betas=False,
            create_global_orient=False,
            create_body_pose=False,
            create_transl=False,
            vertex_ids=body.vertex_ids or None,
        )
