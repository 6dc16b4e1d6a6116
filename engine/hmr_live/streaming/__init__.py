"""Live streams out of the pipeline: VMC for avatars, WebSocket, UDP, a virtual camera.

Every stream runs in a thread of its own behind a mailbox for one result: a result that it has no
time for is replaced by the newest and counted as dropped, so no receiver can slow the pipeline.
Messages and axes are described in ``PROTOCOL.md`` beside this file.
"""

from hmr_live.streaming.request import StreamKind, StreamRequest, make_stream
from hmr_live.streaming.stream import Stream, StreamStatus
from hmr_live.streaming.streams import Streams

__all__ = ["Stream", "StreamKind", "StreamRequest", "StreamStatus", "Streams", "make_stream"]
