"""Shared by the trials beside it: the shipped files of config/ under the programs they are for."""
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

TOP = pathlib.Path(__file__).resolve().parents[2]
CONFIG = TOP / "config"
PROGRAM = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else TOP / "build/release/bafa").resolve()

MODEL = ["--model", str(TOP / "tests/golden/data/alt_diffusion"), "--dtype", "fp32",
         "--threads", "1"]
PATIENCE_S = 120  # a loaded machine


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition):
    """Whether `condition` comes true in time; what it throws on the way counts as not yet."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if condition():
                return True
        except OSError:
            pass
        time.sleep(0.05)
    return False


def replaced(text, *pairs):
    """`text` with each (old, new), which must be in it: the file and its test change together."""
    for old, new in pairs:
        assert old in text, f"no longer in the file: {old}"
        text = text.replace(old, new)
    return text


class Client:
    """Requests to a server on this machine; certificates are made by the test and not checked."""

    def __init__(self, port, scheme="http", headers=None):
        self.base = f"{scheme}://127.0.0.1:{port}"
        self.headers = headers or {}
        self.tls = ssl._create_unverified_context() if scheme == "https" else None

    def open(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = dict(self.headers, **({"Content-Type": "application/json"} if data else {}))
        request = urllib.request.Request(self.base + path, data=data, headers=headers)
        return urllib.request.urlopen(request, timeout=PATIENCE_S, context=self.tls)

    def status(self, path, body=None):
        try:
            with self.open(path, body) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def json(self, path, body=None):
        with self.open(path, body) as answer:
            return json.load(answer)

    def ready(self):
        return self.status("/readyz") == 200


class Trial(unittest.TestCase):
    """One folder and the processes in it, all gone at the end."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bafa-trial-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, command, **options):
        process = subprocess.Popen(command, cwd=self.folder, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def serve(self, *options):
        """bafa on its own, ready: its process and a client."""
        port = free_port()
        command = [PROGRAM, "serve", "--port", str(port), "--admin-port", "-1", *MODEL, *options]
        with open(self.folder / "bafa.out", "wb") as out:
            process = self.start(command, stdout=out, stderr=out)
        client = Client(port)
        self.assertTrue(eventually(client.ready), (self.folder / "bafa.out").read_text())
        return process, client

    def assert_eventually(self, condition, message=None):
        self.assertTrue(eventually(condition), message)


def main():
    unittest.main(argv=sys.argv[:1], verbosity=2)
