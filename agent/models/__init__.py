"""The models that answer.

Hosted ones, a person, a recording, or the built-in genetic programmer.
"""

from gapsmith.agent.models.base import Model, ModelError, Reply, Request, Stopped
from gapsmith.agent.models.factory import close_model, open_model
from gapsmith.agent.models.finish import Finish
from gapsmith.agent.models.hosted.account import Options
from gapsmith.agent.models.manual import ManualModel
from gapsmith.agent.models.recordings import Header, Recorded, Recording, read_recording, write_recording
from gapsmith.agent.models.replay import ReplayModel

__all__ = [
    "Finish",
    "Header",
    "ManualModel",
    "Model",
    "ModelError",
    "Options",
    "Recorded",
    "Recording",
    "ReplayModel",
    "Reply",
    "Request",
    "Stopped",
    "close_model",
    "open_model",
    "read_recording",
    "write_recording",
]
