"""The camera station: a picture of each part as its leading edge comes to the camera's place."""

from collections.abc import Callable

from ripieno_sim.plant.parts import Part

__all__ = ["Shutter", "Station"]

Shutter = Callable[[Part, int, int], None]


class Station:
    """Calls `shutter(part, count, t_us)`; the count is the belt's, the time true. A dead camera has no shutter."""

    def __init__(self, shutter: Shutter | None = None) -> None:
        self.shutter = shutter
        self.pictures = 0

    def trigger(self, part: Part, count: int, t_us: int) -> None:
        """Take the picture."""
        if self.shutter is not None:
            self.pictures += 1
            self.shutter(part, count, t_us)
