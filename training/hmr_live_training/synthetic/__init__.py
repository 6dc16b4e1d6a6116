"""Synthetic people: pictures rendered with the open body, and their exact labels.

:mod:`hmr_live_training.synthetic.scene` samples people (:mod:`.poses`,
:mod:`hmr_live_training.synthetic.people`), camera, light and crop box;
:mod:`.opengl` renders the people and :mod:`.picture` makes a webcam picture of them;
:mod:`.labels` is the ground truth.  :mod:`.dataset` ties them together so that sample i of a split
is always the same, and :mod:`hmr_live_training.synthetic.shards` writes samples to files.
"""

from hmr_live_training.synthetic.dataset import SyntheticPeople
from hmr_live_training.synthetic.labels import Sample, SyntheticLabels
from hmr_live_training.synthetic.scene_config import SyntheticConfig
from hmr_live_training.synthetic.shards import SyntheticShard, load_shard, shard_paths, write_shards

__all__ = [
    "Sample",
    "SyntheticConfig",
    "SyntheticLabels",
    "SyntheticPeople",
    "SyntheticShard",
    "load_shard",
    "shard_paths",
    "write_shards",
]
