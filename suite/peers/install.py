#!/usr/bin/env python3
"""Installs other TOSCA processors below .tools/peers: `install.py [NAME...]`; without names, all of them.

Prints a line for each. The exit code is 1 if one of them could not be installed. Installed peers stay unchanged.
"""

import sys
import time

import peers


def main():
    failed = False
    for name in sys.argv[1:] or [one.name for one in peers.PEERS]:
        one = peers.peer(name)
        start = time.perf_counter()
        try:
            peers.install(name)
            print(f"{name} {one.version}: {one.command('FILE')[0]} ({time.perf_counter() - start:.1f} s)")
        except peers.Unavailable as reason:
            failed = True
            print(f"not installed: {reason}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
