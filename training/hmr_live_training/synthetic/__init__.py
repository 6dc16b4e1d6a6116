"""Synthetic people with exact truth: pictures drawn from the open body, and their labels.

``scene`` decides what there is (``poses``, ``shapes``, ``clothing``, ``hair``, ``camera``,
``materials``), ``renderer`` draws it, ``degrade`` makes a webcam picture of it, ``labels`` says
what is true of it, ``dataset`` puts these together so that sample i of a split is always the same.
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
