"""Errors for the user; each message says what is wrong and what to do."""

from __future__ import annotations


class HmrLiveError(Exception):
    """Base class of all errors meant for the user; ``str(error)`` is a complete message."""


class SourceError(HmrLiveError):
    """A camera, video or image cannot be opened or read."""


class AssetError(HmrLiveError):
    """A file that the program needs is missing, damaged or of the wrong kind."""


class BackendError(HmrLiveError):
    """No inference back end can run the network."""


class PeopleError(HmrLiveError):
    """The requested number of people cannot be tracked at once."""


class CameraPlaceError(HmrLiveError):
    """No camera can stand where it was said to."""


class RecordingError(HmrLiveError):
    """A recording cannot be written or read."""


class StreamError(HmrLiveError):
    """A live stream cannot be opened or sent."""


class RenderError(HmrLiveError):
    """There is no usable OpenGL 3.3 context."""


class ExportError(HmrLiveError):
    """A take cannot be exported to another file format."""


class ArchiveError(HmrLiveError):
    """An archive cannot be processed: nothing to do, no workers, or no disk space."""
