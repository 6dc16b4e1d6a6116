import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_a_killed_recorder_loses_no_written_frame_and_at_most_the_last_one_handed_to_it():
    command = ["tests.engine.takes.kill_trial", "--kills", "5", "--fps", "10"]
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report["frames"] > 10, "the recorder was running when it was killed"
    assert report["written_frames_lost"] == 0
    # The median: on a machine whose cores are all taken, the recorder's thread may fall behind.
    assert report["lost_median"] <= 1
