"""TRC (Track Row Column), OpenSim's text format for markers: here the 24 joint centres.

Millimetres, y up by default, as OpenSim has it; frames in which the person was not seen are left
empty.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hmr_live.body.skeleton import JOINT_NAMES, NUM_JOINTS
from hmr_live.export.clip import MotionClip

MILLIMETRES: Final = 1000.0


def write_trc(clip: MotionClip, path: Path) -> None:
    """Write a clip.

    Raises
    ------
    OSError
        When the disk refuses.
    """
    rate, frames = f"{clip.rate:.6g}", len(clip)
    head = {
        "DataRate": rate,
        "CameraRate": rate,
        "NumFrames": frames,
        "NumMarkers": NUM_JOINTS,
        "Units": "mm",
        "OrigDataRate": rate,
        "OrigDataStartFrame": 1,
        "OrigNumFrames": frames,
    }
    numbers = range(1, NUM_JOINTS + 1)
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{clip.name}.trc",
        "\t".join(head),
        "\t".join(map(str, head.values())),
        "Frame#\tTime\t" + "\t\t\t".join(JOINT_NAMES) + "\t\t",
        "\t\t" + "\t".join(f"X{n}\tY{n}\tZ{n}" for n in numbers),
        "",
    ]
    values = (clip.joints * MILLIMETRES).reshape(frames, -1).tolist()
    row = "\t".join(["%.4f"] * (3 * NUM_JOINTS))
    empty = "\t" * (3 * NUM_JOINTS - 1)
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)
        for number, (time, seen) in enumerate(zip(clip.times, clip.seen, strict=True)):
            cells = row % tuple(values[number]) if seen else empty
            file.write(f"{number + 1}\t{time:.6f}\t{cells}\n")
