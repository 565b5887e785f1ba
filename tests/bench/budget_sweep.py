#!/usr/bin/env python3
"""A model at six budgets, from all that it wants down to the smallest that does: the promise kept.

At each, `bafa serve` paints pictures of mixed sizes, four requests at once. Asked of each: no request
is refused, the device's peak is within the budget, the prediction of every phase within a tenth of
what was measured, and every picture that of the resident server: the same bytes, or at least --psnr.
Ends with 1 where one does not hold.

    tests/bench/budget_sweep.py --bafa build/release/bafa --model DIR --side 512 --steps 1
"""
import argparse
import concurrent.futures
import json
import math
import re
import struct
import subprocess
import sys
import urllib.error
import urllib.request
import zlib

BUDGETS = 6


class Server:
    def __init__(self, options, extra):
        command = [options.bafa, "serve", "--model", options.model, "--port", "0", "--admin-port", "0",
                   "--threads", str(options.threads), "--dtype", options.dtype,
                   "--queue-capacity", "100", "--set", "model.warm_up=false"]
        if options.host_folder:
            command += ["--set", "memory.host_folder=" + options.host_folder]
        self.process = subprocess.Popen(command + extra, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        lines = [self.process.stdout.readline() for _ in range(2)]
        if not lines[1]:
            raise RuntimeError(self.process.stderr.read())
        self.url, self.admin = (re.search(r"http://[^/\s]+", line)[0] for line in lines)

    def __enter__(self):
        while self.process.poll() is None:
            try:
                urllib.request.urlopen(self.url + "/readyz").read()
                return self
            except urllib.error.HTTPError:
                pass
            except OSError:
                break
        self.process.wait()
        raise RuntimeError(self.process.stderr.read())

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()

    def paint(self, wish):
        request = urllib.request.Request(
            self.url + "/v1/images/generations", data=json.dumps(wish).encode(),
            headers={"Content-Type": "application/json", "Accept": "image/png"})
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def memory(self):
        with urllib.request.urlopen(self.admin + "/admin/memory") as answer:
            return json.load(answer)


def pixels(png):
    """Of an RGB8 PNG without interlacing: its rows, unfiltered."""
    at, data, width = 8, b"", 0
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at:at + 8])
        if kind == b"IHDR":
            width = struct.unpack(">I", png[at + 8:at + 12])[0]
        if kind == b"IDAT":
            data += png[at + 8:at + 8 + size]
        at += size + 12
    data, stride = zlib.decompress(data), 3 * width
    before, rows = bytearray(stride), bytearray()
    for begin in range(0, len(data), stride + 1):
        kind, row = data[begin], bytearray(data[begin + 1:begin + 1 + stride])
        for i in range(stride):
            left, corner = (row[i - 3], before[i - 3]) if i >= 3 else (0, 0)
            up = before[i]
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda value: abs(guess - value))
            row[i] = (row[i] + (0, left, up, (left + up) // 2, paeth)[kind]) & 255
        rows, before = rows + row, row
    return rows


def psnr(one, other):
    if one == other:
        return math.inf
    one, other = pixels(one), pixels(other)
    error = sum((a - b) ** 2 for a, b in zip(one, other)) / len(one)
    return math.inf if error == 0 else 10 * math.log10(255 ** 2 / error)


def wishes(options):
    side, half = options.side, options.side // 2
    sizes = [(side, side), (half, half), (side, half), (half, side)]
    return [{"prompt": "a red apple" if i % 3 == 0 else f"picture {i}", "seed": i, "n": 1,
             "steps": options.steps + i % 2, "size": "%dx%d" % sizes[i % 4],
             "guidance_scale": options.guidance} for i in range(options.pictures)]


def paint_all(options, extra):
    with Server(options, extra) as server:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return list(pool.map(server.paint, wishes(options))), server.memory()


def smallest_budget(options):
    """From what bafa says when it is given too little, before and after it has packed the weights."""
    mebibytes = 1
    while True:
        try:
            with Server(options, ["--budget", f"{mebibytes}MiB"]):
                return mebibytes << 20
        except RuntimeError as error:
            found = re.search(r"--budget (\d+)MiB would do", str(error))
            if not found:
                raise
            mebibytes = max(int(found[1]), mebibytes + 1)


def check(options, budget, expected):
    pictures, memory = paint_all(options, ["--budget", str(budget)])
    worst = min(psnr(a, b) for a, b in zip(pictures, expected))
    equal = sum(a == b for a, b in zip(pictures, expected))
    good = memory["peak_bytes"] <= budget and worst >= options.psnr
    print("budget %.1f MiB: peak %.1f MiB, level %s, %d of %d pictures equal, the worst %.1f dB" % (
        budget / 2**20, memory["peak_bytes"] / 2**20, memory["level"], equal, len(pictures), worst))
    for phase in memory["phases"]:
        ratio = phase["predicted_bytes"] / phase["measured_bytes"]
        good = good and 0.9 <= ratio <= 1.1
        print("  %-8s %-9s predicted / measured %.3f" % (phase["phase"], phase["level"], ratio))
    sys.stdout.flush()
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bafa", default="build/release/bafa")
    parser.add_argument("--model", default="models/bafa-emoji")
    parser.add_argument("--side", type=int, default=256, help="of the largest pictures")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--guidance", type=float, default=0)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--psnr", type=float, default=60)
    parser.add_argument("--host-folder", default="")
    options = parser.parse_args()
    expected, memory = paint_all(options, [])
    most, least = memory["peak_bytes"] * 11 // 10, smallest_budget(options)
    budgets = [least + (most - least) * i // (BUDGETS - 1) for i in reversed(range(BUDGETS))]
    results = [check(options, budget, expected) for budget in budgets]
    print("holds" if all(results) else "does not hold")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
