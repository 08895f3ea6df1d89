"""A receiver of callbacks on loopback."""

from __future__ import annotations

import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """A loopback receiver: keeps what arrives, answers with the statuses it was given, then 200."""

    def __init__(self) -> None:
        self.arrived = queue.Queue()
        self.statuses = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.arrived.put((dict(self.headers.items()), body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/done"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def next(self):
        headers, body = self.arrived.get(timeout=60)
        return {name.lower(): value for name, value in headers.items()}, body

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
