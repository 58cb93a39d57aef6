#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What drawing recorded sessions costs our server and the distribution's, in turns.

    tests/bench/rendering.py BUILD [RUNS] [TRACE...]

BUILD is a build folder with our libspice-server.so.1 and tests/bench/render_trace (`make tests`).
Prints, for each recording of $SHARED/traces (../shared beside the project), the processor time of the
worker's thread in milliseconds, the least of RUNS runs: when the picture is asked for at the end, so
that a server may leave out what nobody can see by then, and when it is asked for every 50 commands.
"""

import statistics
import subprocess
import sys
import tempfile

from harness import PEER, TRACES, title, unpack

EVERY = [0, 50]  # commands; 0: at the end


def milliseconds(build, library, trace, every):
    run = subprocess.run([f"{build}/tests/bench/render_trace", library, trace] + [str(every)] * (every > 0),
                         capture_output=True, text=True, timeout=120)
    if run.returncode != 0:
        sys.exit(f"render_trace {library} {trace}: exit code {run.returncode}\n{run.stderr}")
    return 1000 * float(run.stdout.split()[0])


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = sys.argv[1]
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    libraries = [f"{build}/lib/libspice-server.so.1", PEER]
    traces = [TRACES / f"{name}.rec.xz" for name in sys.argv[3:]] or sorted(TRACES.glob("*.rec.xz"))
    ratios = [[] for _ in EVERY]
    print(f"{'':16}" + "".join(f"{f'every {every}' if every else 'at the end':>26}" for every in EVERY))
    print(f"{'trace':16}" + f"{'ours':>10}{'peer':>8}{'ratio':>8}" * len(EVERY))
    with tempfile.TemporaryDirectory() as work:
        for trace in traces:
            plain = unpack(trace, work)
            line = f"{title(trace):16}"
            for every, column in zip(EVERY, ratios):
                times = [[milliseconds(build, library, plain, every) for library in libraries]
                         for _ in range(runs)]
                ours, peer = (min(run[i] for run in times) for i in range(2))
                column.append(ours / peer)
                line += f"{ours:10.2f}{peer:8.2f}{ours / peer:8.2f}"
            print(line, flush=True)
            plain.unlink()
    print(f"{'median':16}" + "".join(f"{statistics.median(column):26.2f}" for column in ratios))
    print(f"{'highest':16}" + "".join(f"{max(column):26.2f}" for column in ratios))


if __name__ == "__main__":
    main()
