#!/usr/bin/env python3
"""Times Koinon and other TOSCA processors on the same files in the same run; see README.md beside it.

Each cell is the median of several runs of a whole process: wall time and peak memory. A run longer than --repeat seconds
is not repeated. A run longer than --limit seconds is ended. Both this and every failure are reported.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import sys
import tempfile

import generate
import peers

RUNS = 5


class Cell:
    """The result for one tool and file: seconds and KiB, or a fault, or both."""

    def __init__(self, seconds, peak, runs, fault):
        self.seconds = seconds
        self.peak = peak
        self.runs = runs
        self.fault = fault

    def show(self, ours, floor):
        """Returns the table's cell: seconds / MiB, and the ratio to Koinon's time. Memory below `floor` cannot be measured."""
        if self.seconds is None:
            return self.fault
        peak = f"{self.peak / 1024:.0f}" if self.peak > floor else f"under {floor / 1024:.0f}"
        text = f"{self.seconds:.3f} / {peak}"
        if self.fault:
            return f"{self.fault} ({text})"
        if ours is not None and ours is not self and ours.seconds and not ours.fault:
            text += f" ({self.seconds / ours.seconds:.0f}x)"
        return text


def fault(run, limit):
    """Returns the fault of a run, or None."""
    if run.code is None:
        return f"over {limit:g} s"
    if run.code < 0:
        return f"ended by signal {-run.code}"
    if run.code:
        return f"failed, exit {run.code}"
    return None


def time_one(command, arguments):
    """Runs a command until there are enough runs for the median."""
    seconds, peaks = [], []
    while True:
        run = peers.measure(command, arguments.limit)
        wrong = fault(run, arguments.limit)
        if wrong:
            said = run.said.splitlines()
            print(f"  {wrong}: {said[-1][:200] if said else 'no output'}", file=sys.stderr)
            return Cell(run.seconds, run.peak, 1, wrong)
        seconds.append(run.seconds)
        peaks.append(run.peak)
        if len(seconds) == RUNS or run.seconds > arguments.repeat:
            return Cell(statistics.median(seconds), max(peaks), len(seconds), None)


def tools(arguments):
    """Returns Koinon and every requested peer that can be installed, and the reasons for the others."""
    koinon = str(pathlib.Path(arguments.koinon).resolve())
    if not os.access(koinon, os.X_OK):
        raise SystemExit(f"no program at {koinon}: run `cargo build --release -p koinon-cli -p koinon-bench`, or give --koinon PATH")
    command = [koinon, *arguments.verb.split()]
    found = [peers.Peer("koinon", "this tree", ["1.3", "2.0"], lambda file: [*command, file], "whole process")]
    missing = []
    for one in peers.PEERS:
        if arguments.tool and one.name not in arguments.tool:
            continue
        try:
            peers.install(one.name)
            found.append(one)
        except peers.Unavailable as reason:
            missing.append(str(reason))
    if arguments.go_puccini:
        found += [peers.go_puccini(arguments.go_puccini, verb) for verb in ("parse", "compile")]
    return found, missing


def measure(found, arguments, folder):
    """Runs every tool on every file. Returns {(tool, dialect, nodes, plain): Cell}."""
    cells = {}
    for dialect in arguments.dialect:
        for nodes in sorted(arguments.nodes):
            for plain in (False, True):
                users = [one for one in found if dialect in one.dialects and (not plain or one.plain)]
                if not users:
                    continue
                if plain:
                    users = [one for one in found if one.name == "koinon"] + users
                file = folder / f"{dialect}-{nodes}{'-plain' if plain else ''}.yaml"
                file.write_text(generate.template(nodes, dialect, plain))
                for one in users:
                    gave_up = [
                        size
                        for (name, kind, size, form), cell in cells.items()
                        if (name, kind, form) == (one.name, dialect, plain)
                        and (cell.fault or "").startswith("over")
                    ]
                    if gave_up:
                        cell = Cell(None, None, 0, f"not run: too slow at {gave_up[0]}")
                    else:
                        print(f"{one.name}, {file.name}", file=sys.stderr)
                        cell = time_one(one.command(str(file)), arguments)
                    cells[one.name, dialect, nodes, plain] = cell
    return cells


def least_peak():
    """Returns the least measurable peak in KiB: a new process is charged for the memory of this one."""
    return peers.measure(["true"], 10).peak + 1024


def table(found, cells, arguments):
    """Returns the Markdown tables, one per dialect."""
    sizes = sorted(arguments.nodes)
    floor = least_peak()
    lines = []
    for dialect in arguments.dialect:
        lines.append(f"| TOSCA {dialect}, s / MiB | " + " | ".join(f"N={size:,}" for size in sizes) + " |")
        lines.append("|---|" + "---|" * len(sizes))
        for plain in (False, True):
            for one in found:
                row = [cells.get((one.name, dialect, size, plain)) for size in sizes]
                if not any(row):
                    continue
                ours = [cells.get(("koinon", dialect, size, plain)) for size in sizes]
                name = f"{one.name} {one.version}" + (", plain file" if plain else "")
                shown = [cell.show(us, floor) if cell else "" for cell, us in zip(row, ours)]
                lines.append(f"| {name} | " + " | ".join(shown) + " |")
        lines.append("")
    return "\n".join(lines)


def document(found, missing, cells, arguments):
    """Returns the results as JSON data: microseconds and KiB, without floats."""
    runs = [
        {
            "tool": name,
            "dialect": dialect,
            "nodes": nodes,
            "plain": plain,
            "microseconds": None if cell.seconds is None else round(cell.seconds * 1_000_000),
            "peak_kib": cell.peak,
            "runs": cell.runs,
            "fault": cell.fault,
        }
        for (name, dialect, nodes, plain), cell in cells.items()
    ]
    return {
        "machine": {"system": platform.platform(), "cpus": os.cpu_count(), "python": platform.python_version()},
        "limit_seconds": arguments.limit,
        "least_peak_kib": least_peak(),
        "tools": [{"name": one.name, "version": one.version, "what": one.what} for one in found],
        "missing": missing,
        "runs": runs,
    }


def read_arguments():
    parser = argparse.ArgumentParser(description="Times Koinon and other TOSCA processors on the same files.")
    parser.add_argument("--koinon", default=peers.ROOT / "target/release/koinon", help="the program koinon")
    parser.add_argument("--verb", default="bench compile --file", help="the command of koinon (default: bench compile --file)")
    parser.add_argument("--nodes", type=int, nargs="+", default=[10, 100, 1000, 10000], metavar="N")
    parser.add_argument("--dialect", nargs="+", choices=["1.3", "2.0"], default=["2.0", "1.3"])
    parser.add_argument("--tool", nargs="+", metavar="NAME", help="only these peers")
    parser.add_argument("--go-puccini", metavar="BINARY", help="a puccini-tosca of go-puccini, built separately")
    parser.add_argument("--limit", type=float, default=60, help="seconds before a run is ended (default: 60)")
    parser.add_argument("--repeat", type=float, default=5, help="repeat runs shorter than this (default: 5)")
    parser.add_argument("--json", action="store_true", help="JSON instead of tables")
    return parser.parse_args()


def main():
    arguments = read_arguments()
    found, missing = tools(arguments)
    with tempfile.TemporaryDirectory() as folder:
        cells = measure(found, arguments, pathlib.Path(folder))
    if arguments.json:
        print(json.dumps(document(found, missing, cells, arguments), indent=2))
        return
    print(table(found, cells, arguments))
    for one in found:
        print(f"{one.name} {one.version}: {one.what}")
    for reason in missing:
        print(f"not installed: {reason}")


if __name__ == "__main__":
    main()
