"""Write the golden pictures of the bundle: three rendered beads of each class, far from the limits."""

import argparse
from pathlib import Path

import cv2

from quality_control import dataset
from ripieno_sim.plant.picture import render

WIDTHS = {"normal": (0.97, 1.0, 1.03), "over": (1.3, 1.4, 1.5), "under": (0.6, 0.68, 0.76)}
FIRST_SEED = 40_000_000


def main() -> None:
    """Write `<class>-<number>.png` into the folder asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for at, (name, widths) in enumerate(WIDTHS.items()):
        for number, width in enumerate(widths, start=1):
            picture = dataset.decoded(render(width, FIRST_SEED + 10 * at + number))
            cv2.imwrite(str(folder / f"{name}-{number}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
