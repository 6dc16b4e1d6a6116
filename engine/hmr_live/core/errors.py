"""Every error that a user can meet: one sentence that says what is wrong and what to do."""

from __future__ import annotations


class HmrLiveError(Exception):
    """Base of all errors meant for the user; ``str(error)`` is a complete sentence."""


class SourceError(HmrLiveError):
    """A camera, video or picture cannot be opened or read."""


class AssetError(HmrLiveError):
    """A file that the program needs is missing, damaged or of another kind."""


class BackendError(HmrLiveError):
    """No inference back end can run the network."""


class PeopleError(HmrLiveError):
    """A number of people that cannot be followed at once."""


class RecordingError(HmrLiveError):
    """A recording cannot be written or read."""


class StreamError(HmrLiveError):
    """A live stream cannot be opened or does not reach anybody."""


class RenderError(HmrLiveError):
    """No usable OpenGL 3.3 context."""


class ExportError(HmrLiveError):
    """A take cannot be written as a file of another program."""


class ArchiveError(HmrLiveError):
    """Many files cannot be processed: nothing to do, no workers, or no room for the results."""
