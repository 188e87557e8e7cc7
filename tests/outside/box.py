"""Starts `armedmusic` as a stranger would, who knows its command line and its first line of output."""

import contextlib
import functools
import http.server
import json
import os
import queue
import signal
import subprocess
import threading
from pathlib import Path

READY_WITHIN_S = 30
STOP_WITHIN_S = 20


class Box:
    """A running `armedmusic simulator` or `armedmusic demo --serve`."""

    def __init__(self, binary, arguments, log, environment=None):
        self.log = Path(log)
        with self.log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [str(binary), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, "RUST_LOG": os.environ.get("RUST_LOG", "info"), **(environment or {})},
            )
        self.lines = []
        first = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(first,), daemon=True)
        self._reader.start()
        try:
            line = first.get(timeout=READY_WITHIN_S)
        except queue.Empty:
            self.process.kill()
            raise AssertionError(f"no ready line within {READY_WITHIN_S} s; see {self.log}") from None
        assert line is not None, f"ended without a ready line; see {self.log}"
        self.ready = json.loads(line)

    def _read(self, first):
        for line in self.process.stdout:
            self.lines.append(line.decode())
            first.put(self.lines[0])
        first.put(None)

    @property
    def chat(self):
        """The supergroup with a running voice chat."""
        return next(c for c in self.ready["chats"] if c["kind"] == "supergroup" and c["voice_chat"])

    @property
    def admin(self):
        return self.ready["users"][0]

    @property
    def member(self):
        return self.ready["users"][1]

    def poke(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """Ends it; the exit code. What is on stdout must be JSON, line by line."""
        if self.process.poll() is None:
            self.poke(number)
        try:
            code = self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"still running {STOP_WITHIN_S} s after a signal; see {self.log}") from None
        self._reader.join(5)
        for line in self.lines:
            json.loads(line)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Handler(http.server.SimpleHTTPRequestHandler):
    def copyfile(self, source, outputfile):
        # whoever skips a track hangs up
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().copyfile(source, outputfile)

    def log_message(self, *_):
        pass


class Web:
    """Serves a directory on a free port of 127.0.0.1."""

    def __init__(self, directory):
        handler = functools.partial(Handler, directory=str(directory))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, name):
        return f"http://127.0.0.1:{self.server.server_port}/{name}"
