#!/usr/bin/env python3
"""Collects the verdicts of Koinon and other TOSCA processors on every file of the OASIS suite; see README.md beside it.

As in the suite's own wrappers, each file is judged alone and without inputs, and only the exit code counts. A crash or a
run longer than --limit is always wrong.
"""

import argparse
import csv
import json
import pathlib

import peers

SUITE = peers.HERE.parent / "oasis-tosca-2.0"


def expectations():
    """Returns (file, verdict) in the suite's order, without files that have no verdict."""
    with open(SUITE / "expectations.csv", newline="", encoding="utf-8") as table:
        return [(row["file"], row["expect"]) for row in csv.DictReader(table) if row["expect"] != "?"]


def judge(one, file, limit):
    """Returns a processor's verdict on a file: valid, invalid, crash or timeout."""
    path = SUITE / file
    run = peers.measure(one.command(str(path)), limit, directory=path.parent)
    if run.code is None:
        return "timeout"
    if run.code == 0:
        return "valid"
    if run.code < 0 or run.code == 101 or "goroutine " in run.said:
        return "crash"
    return "invalid"


def tools(arguments):
    """Returns the requested processors, and the reasons for those that cannot be installed."""
    found, missing = [], []
    if arguments.koinon:
        koinon = str(pathlib.Path(arguments.koinon).resolve())
        found.append(peers.Peer("koinon", "this tree", ["2.0"], lambda file: [koinon, "validate", file], ""))
    for name in arguments.tool:
        one = peers.peer(name)
        try:
            peers.install(name)
            found.append(one)
        except peers.Unavailable as reason:
            missing.append(str(reason))
    if arguments.go_puccini:
        binary = str(pathlib.Path(arguments.go_puccini).resolve())
        found += [peers.go_puccini(binary, verb) for verb in ("parse", "validate")]
    return found, missing


def read_arguments():
    parser = argparse.ArgumentParser(description="Collects the verdicts of TOSCA processors on every file of the OASIS suite.")
    parser.add_argument("--tool", nargs="*", default=["puccini-wheel", "puccini-rust"], metavar="NAME")
    parser.add_argument("--go-puccini", metavar="BINARY", help="a puccini-tosca of go-puccini, built separately")
    parser.add_argument("--koinon", metavar="PATH", help="the program koinon, which runs `validate`")
    parser.add_argument("--limit", type=float, default=30, help="seconds before a run is ended (default: 30)")
    parser.add_argument("--json", action="store_true", help="JSON with every verdict instead of a table")
    return parser.parse_args()


def main():
    arguments = read_arguments()
    found, missing = tools(arguments)
    expected = expectations()
    wanted = {verdict: sum(1 for _, other in expected if other == verdict) for verdict in ("valid", "invalid")}
    results = []
    for one in found:
        verdicts = {file: judge(one, file, arguments.limit) for file, _ in expected}
        right = {
            verdict: sum(1 for file, other in expected if other == verdict == verdicts[file])
            for verdict in ("valid", "invalid")
        }
        silent = sum(1 for verdict in verdicts.values() if verdict in ("crash", "timeout"))
        results.append({"tool": one.name, "version": one.version, "right": right, "silent": silent, "verdicts": verdicts})
    if arguments.json:
        print(json.dumps({"wanted": wanted, "missing": missing, "results": results}, indent=2))
        return
    print(f"| tool | right of {len(expected)} | valid accepted of {wanted['valid']} | "
          f"invalid rejected of {wanted['invalid']} | crashed or too slow |")
    print("|---|---|---|---|---|")
    for result in results:
        valid, invalid = result["right"]["valid"], result["right"]["invalid"]
        print(f"| {result['tool']} {result['version']} | {valid + invalid} | {valid} | {invalid} | {result['silent']} |")
    for reason in missing:
        print(f"not installed: {reason}")


if __name__ == "__main__":
    main()
