"""Network cameras on this machine: JPEGs over HTTP, one after the other, as they are taken."""

import contextlib
import io
import itertools
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

from tests.support.clip_files import numbered_frames


@contextlib.contextmanager
def camera(frames_per_second: float, frames: int, size: int = 32) -> Iterator[str]:
    """The URL of a camera that breaks off after so many frames, and begins anew for the next caller."""
    pictures = [_jpeg(frame) for frame in numbered_frames(10, size, size)]

    class Camera(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            began = time.monotonic()
            with contextlib.suppress(OSError):  # nobody looks any more
                for number, picture in enumerate(itertools.islice(itertools.cycle(pictures), frames)):
                    time.sleep(max(0, began + number / frames_per_second - time.monotonic()))
                    head = f"\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                    self.wfile.write(head.encode() + picture)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def _jpeg(frame) -> bytes:
    out = io.BytesIO()
    Image.fromarray(frame).save(out, "JPEG")
    return out.getvalue()
