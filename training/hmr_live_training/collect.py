"""Convert data sets to the formats that training reads.

``python -m hmr_live_training.collect shards coco --folder IMAGES --annotations FILE --out SHARDS``
writes shards of labelled people; ``python -m hmr_live_training.collect motion FILE_OR_FOLDER ...
--out FILE`` writes motion capture.  ``training/DATA.md`` lists what each data set needs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from hmr_live.core.errors import AssetError, HmrLiveError
from hmr_live.imports.amass import read_amass
from hmr_live.imports.bvh import read_bvh
from hmr_live.imports.world_motion import WorldMotion
from hmr_live_training.data.mocap import save_motions
from hmr_live_training.data.readers.coco import read_coco
from hmr_live_training.data.readers.human36m import read_human36m
from hmr_live_training.data.readers.lsp import read_lsp, read_lspet
from hmr_live_training.data.readers.mpi_inf_3dhp import read_mpi_inf_3dhp
from hmr_live_training.data.readers.mpii import read_mpii
from hmr_live_training.data.readers.person import LabelledPerson
from hmr_live_training.data.readers.pw3d import read_3dpw
from hmr_live_training.data.readers.shards import write_shards
from hmr_live_training.sampling.synthetic_reader import read_synthetic

People = Iterator[LabelledPerson]


def _annotations(o: argparse.Namespace) -> Path:
    if o.annotations is None:
        raise AssetError(f"The data set {o.set} needs its file of labels; give --annotations.")
    return Path(o.annotations)


#: Data set -> reader of the parsed command line.
READERS: Final[dict[str, Callable[[argparse.Namespace], People]]] = {
    "lsp": lambda o: read_lsp(o.folder, o.split),
    "lspet": lambda o: read_lspet(o.folder, o.split),
    "coco": lambda o: read_coco(_annotations(o), o.folder, o.split),
    "mpii": lambda o: read_mpii(_annotations(o), o.folder),
    "mpi_inf_3dhp": lambda o: read_mpi_inf_3dhp(o.folder, step=o.step or 5),
    "human36m": lambda o: read_human36m(o.folder, o.split, step=o.step or 5),
    "3dpw": lambda o: read_3dpw(o.folder, o.split, step=o.step or 1),
    "synthetic": lambda o: read_synthetic(o.folder, o.split),
}


def shards(o: argparse.Namespace) -> None:
    """The command ``shards``."""
    people = list(READERS[o.set](o))
    if not people:
        raise AssetError(f"There is nobody in the {o.split} split in {o.folder}; check the path.")
    prefix = f"{o.set}-{o.split}"
    paths = write_shards(people, o.out, prefix=prefix, per_shard=o.per_shard, shuffle_seed=o.seed)
    print(f"{len(people)} people in {len(paths)} shards in {o.out}")


def motion(o: argparse.Namespace) -> None:
    """The command ``motion``."""
    motions = [_read_motion(path, o.rest_frame) for path in _motion_files(o.paths)]
    frames = save_motions(o.out, motions)
    print(f"{frames} frames of {len(motions)} sequences in {o.out}")


def _motion_files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            found = (p for p in path.rglob("*") if p.suffix in (".bvh", ".npz"))
            # AMASS keeps a body shape without motion beside the sequences.
            yield from sorted(p for p in found if not p.stem.endswith("shape"))
        else:
            yield path


def _read_motion(path: Path, rest_frame: int | None) -> WorldMotion:
    return read_bvh(path, rest_frame=rest_frame) if path.suffix == ".bvh" else read_amass(path)


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="hmr_live_training.collect", description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("shards", help="write shards of labelled people")
    one.add_argument("set", choices=sorted(READERS))
    one.add_argument(
        "--folder", type=Path, required=True, help="folder of the data set, or of its images"
    )
    one.add_argument("--annotations", type=Path, help="file of labels (coco, mpii)")
    one.add_argument(
        "--split", default="train", help="split of the data set (default: %(default)s)"
    )
    one.add_argument("--step", type=int, help="take every STEP-th frame of a video")
    one.add_argument("--out", type=Path, required=True, help="folder to write the shards to")
    one.add_argument("--per-shard", type=int, default=2000, help="people in a shard")
    one.add_argument("--seed", type=int, default=0, help="random seed of the order")
    one.set_defaults(command=shards)
    two = commands.add_parser("motion", help="write a file of motion capture")
    two.add_argument("paths", type=Path, nargs="+", help=".bvh and AMASS .npz files, or folders")
    two.add_argument("--rest-frame", type=int, help="frame with the T-pose of BVH files; 0 for CMU")
    two.add_argument("--out", type=Path, required=True, help="file to write (.npz)")
    two.set_defaults(command=motion)
    o = parser.parse_args(arguments)
    try:
        o.command(o)
    except HmrLiveError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
