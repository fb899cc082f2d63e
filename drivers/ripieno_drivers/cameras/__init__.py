"""Cameras: pictures as frames of the pipeline; only their paths travel.

In:    a folder that pictures arrive in. Out: Frame, one for each whole picture.
Never: the picture itself in the control process; I/O but in watching.py.
Start: folder.py.
"""

from .folder import DRIVER
from .settings import FolderPoint, FolderSettings

__all__ = ["DRIVER", "FolderPoint", "FolderSettings"]
