"""Checkpoints of SPIN (Kolotouros et al., ICCV 2019) and of networks with the same layers.

Such a file is ``{"model": state_dict, ...}`` with a ResNet-50 (``conv1``, ``bn1``, ``layer1`` to
``layer4``), the regressor ``fc1``, ``fc2``, ``decpose``, ``decshape``, ``deccam`` and the start of
its iteration ``init_pose``, ``init_shape``, ``init_cam``.  The regressor has no activation between
its layers; its dropout is off here.

What the numbers mean agrees with this project: 24 joints in SMPL's order; six numbers a joint as a
3 x 2 matrix in row-major order; a camera (s, tx, ty) with x = s (X + t) in [-1, 1] across the crop,
x right, y down, X from SMPL with the pelvis where SMPL has it.  What differs: betas are those of
the official neutral SMPL and mean nothing on another body, and the crop was an unturned square.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from hmr_live.body.skeleton import NUM_BETAS, NUM_JOINTS
from hmr_live.core.errors import AssetError
from hmr_live_training.models.backbones.resnet50 import ResNet50Encoder

#: T of the iteration.
ITERATIONS: Final = 3
_POSE: Final = NUM_JOINTS * 6
_CAMERA: Final = 3
_HIDDEN: Final = 1024
_OWN: Final = ("fc1", "fc2", "decpose", "decshape", "deccam", "init_pose", "init_shape", "init_cam")


class SpinNetwork(nn.Module):
    """ResNet-50 and SPIN's iterative regressor."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNet50Encoder()
        self.fc1 = nn.Linear(self.encoder.dim + _POSE + NUM_BETAS + _CAMERA, _HIDDEN)
        self.fc2 = nn.Linear(_HIDDEN, _HIDDEN)
        self.decpose = nn.Linear(_HIDDEN, _POSE)
        self.decshape = nn.Linear(_HIDDEN, NUM_BETAS)
        self.deccam = nn.Linear(_HIDDEN, _CAMERA)
        self.init_pose: Tensor
        self.init_shape: Tensor
        self.init_cam: Tensor
        self.register_buffer("init_pose", torch.zeros(1, _POSE))
        self.register_buffer("init_shape", torch.zeros(1, NUM_BETAS))
        self.register_buffer("init_cam", torch.zeros(1, _CAMERA))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Recover the body.

        Parameters
        ----------
        image
            ``(N, 3, 224, 224)`` RGB, normalised by ImageNet's mean and deviation.

        Returns
        -------
        pose
            ``(N, 24, 6)``, to be orthonormalised.
        betas
            ``(N, 10)``.
        camera
            ``(N, 3)`` as (s, tx, ty).
        """
        phi = self.encoder(image)
        count = phi.shape[0]
        pose, betas, camera = (
            start.expand(count, -1) for start in (self.init_pose, self.init_shape, self.init_cam)
        )
        for _ in range(ITERATIONS):
            hidden = self.fc2(self.fc1(torch.cat([phi, pose, betas, camera], dim=1)))
            pose = pose + self.decpose(hidden)
            betas = betas + self.decshape(hidden)
            camera = camera + self.deccam(hidden)
        return pose.reshape(count, NUM_JOINTS, 6), betas, camera


def load_spin_checkpoint(path: Path | str) -> SpinNetwork:
    """Read a checkpoint; nothing but tensors and plain values is unpickled.

    Raises
    ------
    AssetError
        When the file is missing, holds other objects, or is of another network.
    """
    state = _state_dict(path)
    network = SpinNetwork()
    network.encoder.load_named(state, str(path))
    own = {key: value for key, value in network.state_dict().items() if key.startswith(_OWN)}
    for key, value in own.items():
        found = state.get(key)
        if not isinstance(found, Tensor) or found.shape != value.shape:
            raise AssetError(
                f"{path} is no SPIN checkpoint ({key} does not fit); give another one."
            )
    network.load_state_dict({key: state[key] for key in own}, strict=False)
    return network.eval()


def _state_dict(path: Path | str) -> Mapping[str, object]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise AssetError(f"There is no {path}; check the path.") from error
    # A damaged file, or one that would run code, ends in one of many exceptions.
    except Exception as error:
        raise AssetError(
            f"{path} is damaged or holds more than weights, so it was not opened; save its 'model' "
            "entry alone where it was made."
        ) from error
    state = content.get("model", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping):
        raise AssetError(f"{path} is no SPIN checkpoint; it has no 'model' entry.")
    return state
