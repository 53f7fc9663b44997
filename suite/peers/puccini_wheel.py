"""`puccini_wheel.py FILE`: compiles a file with the library in Puccini's wheel, which is Puccini in Go.

Exit code 0: accepted; 1: rejected, with the problems on standard error.
"""

import pathlib
import sys

import puccini.tosca

try:
    puccini.tosca.compile(str(pathlib.Path(sys.argv[1]).resolve()))
except puccini.tosca.Problems as fault:
    for problem in fault.problems:
        print(problem, file=sys.stderr)
    sys.exit(1)
