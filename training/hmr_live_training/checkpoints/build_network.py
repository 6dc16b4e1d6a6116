"""Put a network together from a run's configuration and the files it needs."""

from __future__ import annotations

from pathlib import Path

import torch

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.checkpoint import Checkpoint
from hmr_live_training.data.mocap import JointLimits, mean_pose_6d
from hmr_live_training.keypoint_regressors import KEYPOINT_REGRESSORS
from hmr_live_training.landmarks import BODY_LANDMARKS
from hmr_live_training.models.backbones.blazepose import BlazePoseEncoder
from hmr_live_training.models.body_landmarks import (
    LIMB_JOINTS,
    BodyLandmarks,
    LandmarkBinding,
    learned_corrections,
    mesh_binding,
)
from hmr_live_training.models.gauss_newton import GaussNewton, joint_rotation_std
from hmr_live_training.models.joint_limits import JointLimitProjection
from hmr_live_training.models.network import BodyNetwork
from hmr_live_training.models.regressor import IterativeRegressor, RegressorConfig, mean_theta
from hmr_live_training.models.smpl_layer import RestBody, read_rest_body
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.synthetic.body_poses import body_joint_limits, load_body_poses


def build_network(config: RunConfig, *, encoders: Path, data: Path, body: Path) -> BodyNetwork:
    """A network with the published backbone and a fresh regressor.

    It starts at the mean pose of people who stand.

    Raises
    ------
    AssetError
        When a file is missing, or the run is one of the paper's, whose encoder is another.
    """
    if config.is_paper:
        raise AssetError(
            f"The run {config.name} has a ResNet-50; export it with hmr_live_training.paper.export."
        )
    encoder = BlazePoseEncoder.load(encoders, config.encoder)
    poses = load_body_poses(data, body)
    mean_pose = torch.from_numpy(mean_pose_6d(load_body_poses(data, body, standing=True)))
    spread = joint_rotation_std(torch.from_numpy(poses))
    limits = body_joint_limits(data, body)
    rest = read_rest_body(body)
    binding = mesh_binding(body, KEYPOINT_REGRESSORS) if config.keypoints == "mesh" else None
    regressor = build_regressor(config, encoder.dim, rest, mean_pose, spread, limits, binding)
    return BodyNetwork(encoder, regressor, heatmaps=config.heatmaps)


def restore_network(saved: Checkpoint, *, encoders: Path, data: Path, body: Path) -> BodyNetwork:
    """The network of a checkpoint."""
    network = build_network(saved.config, encoders=encoders, data=data, body=body)
    network.load_state_dict(saved.network)
    return network


def build_regressor(
    config: RunConfig,
    features: int,
    rest: RestBody,
    mean_pose: torch.Tensor,
    spread: torch.Tensor,
    limits: JointLimits,
    binding: LandmarkBinding | None = None,
) -> IterativeRegressor:
    """A fresh regressor; its first weights follow from the run's seed.

    Landmarks are bound to joints where no ``binding`` to the mesh is given.
    """
    torch.manual_seed(config.seed)
    sizes = RegressorConfig(
        features=features,
        hidden=config.hidden,
        dropout=config.dropout,
        iterations=config.iterations,
        feedback=config.feedback,
        perspective=config.perspective,
    )
    learned = learned_corrections(LIMB_JOINTS) if binding is None else [False] * len(BODY_LANDMARKS)
    body = BodyLandmarks(rest, learned, binding)
    start = mean_theta(mean_pose, torch.from_numpy(rest.joints[0]))
    gauss_newton = GaussNewton(spread, body.moved_by) if config.gauss_newton else None
    tolerance = config.joint_tolerance
    limit_projection = None
    if tolerance is not None:
        limit_projection = JointLimitProjection(limits, tolerance, config.hip_tolerance)
    return IterativeRegressor(sizes, body, start, gauss_newton, limit_projection)
