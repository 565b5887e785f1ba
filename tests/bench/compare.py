#!/usr/bin/env python3
"""bafa against the same weights in diffusers, and in OpenVINO GenAI, in turns, on this machine.

    python tests/bench/compare.py [--model models/bafa-emoji] [--size 256]
    python tests/bench/compare.py --model SD15 --size 512 --channels-last [--openvino EXPORT]

Each round runs every program once, in a process of its own, so that all see the same machine; with
each figure goes its ratio (the other's / bafa's: above 1 bafa is better). No guidance, no cached
prompts, no files written; bafa's PNG is left out of its total. The first image is counted from the
start of the process (of bafa: of loading) to the end of the warm-up picture, which is of all steps.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

PEERS = pathlib.Path(__file__).with_name("peers.py")
FIGURES = ("encode_ms", "forward_ms", "decode_ms", "total_ms", "load_ms", "first_image_ms", "peak_mb")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=pathlib.Path("models/bafa-emoji"))
    parser.add_argument("--bafa", type=pathlib.Path, default=pathlib.Path("build/release/bafa"))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--dtype", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=5, help="timed batches a round, after a warm-up")
    parser.add_argument("--channels-last", action="store_true", help="diffusers in channels_last")
    parser.add_argument("--openvino", type=pathlib.Path, metavar="EXPORT",
                        help="the model as OpenVINO's exporter wrote it")
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of a table")
    return parser.parse_args()


def run(command):
    """The last line that it prints."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} {command[1]} failed ({done.returncode}):\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def run_bafa(args):
    report = run([
        args.bafa, "bench", "--model", args.model, "--size", f"{args.size}x{args.size}",
        "--steps", args.steps, "--batch", args.batch, "--threads", args.threads, "--guidance", 0,
        "--dtype", args.dtype, "--repeat", args.images, "--json"])
    report["total_ms"] -= report.get("png_ms") or 0
    report["peak_mb"] = report["peak_bytes"] / 2**20
    report["first_image_ms"] += report["load_ms"]  # the bench counts its painting alone
    return report


def run_peer(args, peer, model):
    command = [sys.executable, PEERS, peer, model, "--dtype", args.dtype]
    for name in ("size", "steps", "batch", "threads", "images"):
        command += [f"--{name}", getattr(args, name)]
    if peer == "diffusers" and args.channels_last:
        command.append("--channels-last")
    return run(command)


def main():
    args = arguments()
    others = {"diffusers": args.model}
    if args.openvino:
        others["openvino"] = args.openvino
    rounds = [{"bafa": run_bafa(args),
               **{peer: run_peer(args, peer, model) for peer, model in others.items()}}
              for _ in range(args.rounds)]
    rows = {}
    for figure in FIGURES:
        row = {name: statistics.median(each[name][figure] for each in rounds)
               for name in ("bafa", *others)}
        for peer in others:
            row[f"{peer} / bafa"] = statistics.median(
                each[peer][figure] / each["bafa"][figure] for each in rounds)
        rows[figure] = row
    result = {"model": str(args.model), "size": args.size, "steps": args.steps,
              "batch": args.batch, "dtype": args.dtype, "threads": args.threads,
              "rounds": args.rounds, "load_average": os.getloadavg()[0], **rows}
    if args.json:
        print(json.dumps(result))
        return
    print(f"{args.model}, {args.size}x{args.size}, {args.steps} steps, batch {args.batch}, "
          f"{args.dtype}, {args.threads} threads, {args.rounds} rounds of {args.images}, "
          f"load average {result['load_average']:.1f}")
    columns = list(rows["forward_ms"])
    print(f"| median of rounds | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for figure, row in rows.items():
        cells = [f"{row[name]:.2f}" if "/" in name else f"{row[name]:.1f}" for name in columns]
        print(f"| {figure.replace('_', ' ')} | {' | '.join(cells)} |")


main()
