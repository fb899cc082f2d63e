"""Workers: models run in processes that may die.

In:    models with their digests, steps with deadline and priority, pictures by path or as bytes.
Out:   Inferred values within the deadline; what runs behind each step; a word to `say` when a worker dies or a model
       is put out of use.
Never: numpy, OpenCV or a model runtime in the control process; a frame that waits behind a dead call; a model file
       that is not the sealed one.
Start: pool.py (who calls); lane.py (one worker and its calls); child.py (the other side); inline.py (virtual time).
"""

from .inline import InlineInference
from .lane import DeadlineRules
from .parts import GoldenPicture, PooledModel, Step
from .pool import WorkerPool

__all__ = ["DeadlineRules", "GoldenPicture", "InlineInference", "PooledModel", "Step", "WorkerPool"]
