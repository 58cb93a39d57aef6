#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recorded desktops through our server and the distribution's, in turns: a table and a chart of ratios.

    tests/bench/recorded_desktops.py --library DIR [--traces DIR]... [--modes LIST] [--runs N] [--out DIR]

Every recording (*.rec, *.rec.xz, *.rec.zst) of the folders goes through both libraries with a
measuring client connected (the harness of $SHARED/replay): in each image compression in lockstep,
and as `video` at the recorded speed with video streaming. Writes runs.tsv (every run), table.md (the
ratios, ours to the distribution's) and chart.svg, and prints the table. Below 1 is less than the peer.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

from chart import COLOURS, GRID, INK, TARGET, Chart, logarithmic
from harness import ENDINGS, SHARED, TRACES, build_harness, free_port, have_harness, progress, recordings, title

MODES = {  # name: arguments of run.sh
    "auto_glz": ["-m", "lockstep", "-c", "auto_glz"],
    "auto_lz": ["-m", "lockstep", "-c", "auto_lz"],
    "lz4": ["-m", "lockstep", "-c", "lz4"],
    "lz": ["-m", "lockstep", "-c", "lz"],
    "quic": ["-m", "lockstep", "-c", "quic"],
    "glz": ["-m", "lockstep", "-c", "glz"],
    "off": ["-m", "lockstep", "-c", "off"],
    "video": ["-m", "paced", "-c", "auto_glz", "-s", "filter"],
}
USUAL = "auto_glz,auto_lz,lz4,quic,glz,video"
FIGURES = {"CPU": "server_cpu_s", "bytes": "display_bytes", "time": "wall_s", "memory": "peak_rss_kib"}
TARGETS = {"CPU": 0.5, "bytes": 0.6, "time": 0.6, "memory": 1.0}


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", required=True, help="folder of our libspice-server.so.1")
    parser.add_argument("--traces", action="append", help="folder of recordings (default: $SHARED/traces)")
    parser.add_argument("--modes", default=USUAL, help=f"of {','.join(MODES)} (default: {USUAL})")
    parser.add_argument("--runs", type=int, default=1, help="runs of each; the table has the medians")
    parser.add_argument("--out", default="bench", help="folder of the results")
    chosen = parser.parse_args()
    chosen.modes = chosen.modes.split(",")
    for mode in chosen.modes:
        if mode not in MODES:
            parser.error(f"--modes: there is no '{mode}', only {', '.join(MODES)}")
    folders = chosen.traces or [TRACES]
    chosen.traces = recordings(folders)
    if not chosen.traces:
        parser.error(f"no recordings ({', '.join(ENDINGS)}) in {', '.join(map(str, folders))}")
    if not (pathlib.Path(chosen.library) / "libspice-server.so.1").exists():
        parser.error(f"--library: no libspice-server.so.1 in {chosen.library}")
    if not have_harness():
        parser.error(f"the harness {SHARED}/replay is not there; SHARED names the folder it is in")
    return chosen


def measure(chosen, work, out):
    """Every run as a dictionary, also into OUT/runs.tsv."""
    harness = build_harness(work)
    head = subprocess.run([harness / "run.sh", "-H"], capture_output=True, text=True, check=True).stdout
    runs, columns = [], head.rstrip("\n").split("\t")
    total = len(chosen.traces) * len(chosen.modes) * chosen.runs
    with open(out / "runs.tsv", "w") as table:
        table.write("measured\twhose\t" + head)
        for trace in chosen.traces:
            cache = work / "traces"
            cache.mkdir()
            for mode in chosen.modes:
                for _ in range(chosen.runs):
                    done = len(runs) // 2
                    progress(f"[{done}/{total}] {title(trace)} {mode}")
                    for whose, place in ("ours", [chosen.library]), ("peer", []):
                        line = subprocess.run(
                            [harness / "run.sh", "-p", str(free_port()), *MODES[mode], trace, *place],
                            env=dict(os.environ, REPLAY_CACHE=str(cache)), capture_output=True, text=True)
                        row = dict(zip(columns, line.stdout.rstrip("\n").split("\t")))
                        row["failed"] = line.returncode != 0 or len(row) != len(columns)
                        if row["failed"]:
                            print(f"\n{trace} in mode {mode} ({whose}): {line.stderr or line.stdout}", file=sys.stderr)
                        row.update(whose=whose, measured=mode, title=title(trace))
                        runs.append(row)
                        table.write(f"{mode}\t{whose}\t{line.stdout}")
                        table.flush()
            shutil.rmtree(cache)
    progress()
    return runs


def ratios(runs):
    """{(trace, mode): {figure: ratio}}, and "picture"."""
    table = {}
    for trace, mode in dict.fromkeys((r["title"], r["measured"]) for r in runs):
        of = {w: [r for r in runs if (r["title"], r["measured"], r["whose"]) == (trace, mode, w)]
              for w in ("ours", "peer")}
        row = table[trace, mode] = {name: float("nan") for name in FIGURES}
        row["failed"] = [w for w in of if any(r["failed"] or r["end"] != "marker" for r in of[w])]
        if row["failed"]:
            continue
        for name, column in FIGURES.items():
            ours, peer = (statistics.median(float(r[column]) for r in of[w]) for w in ("ours", "peer"))
            if peer:
                row[name] = ours / peer
        row["picture"] = all(r["golden"] != "no" for r in of["ours"])
    return table


def verdict(row, mode):
    if row["failed"]:
        return " and ".join(row["failed"]) + ": not shown to the end"
    return "equal" if row["picture"] else "lossy" if mode == "video" else "DIFFERS"


def markdown(table):
    lines = ["| recording | mode | " + " | ".join(FIGURES) + " | picture |", "|---|---|" + "---|" * (len(FIGURES) + 1)]
    for (trace, mode), row in table.items():
        lines.append(f"| {trace} | {mode} | " + " | ".join("-" if row[f] != row[f] else f"{row[f]:.2f}" for f in FIGURES) +
                     f" | {verdict(row, mode)} |")
    for mode in dict.fromkeys(mode for _, mode in table):
        medians = [statistics.median([row[f] for (_, m), row in table.items() if m == mode and row[f] == row[f]]
                                     or [float("nan")]) for f in FIGURES]
        lines.append(f"| **median** | **{mode}** | " + " | ".join(f"**{m:.2f}**" for m in medians) + " | |")
    return "\n".join(lines) + "\n"


def chart(table):
    """One panel a figure, one line a recording, one dot a mode, on a logarithmic scale round 1."""
    traces = list(dict.fromkeys(t for t, _ in table))
    modes = list(dict.fromkeys(m for _, m in table))
    width, gap, left, top, step = 260, 24, 130, 84, 26
    bottom = top + step * len(traces)
    drawn = Chart("Ratios to libspice-server, recorded desktops (left of 1 is less)")
    drawn.legend(left, 44, modes)
    for i, trace in enumerate(traces):
        drawn.text(left - 10, top + i * step + 17, trace, anchor="end")
    for column, figure in enumerate(FIGURES):
        x = left + column * (width + gap)
        place = logarithmic(0.1, 4.0, x, x + width)
        drawn.text(x, top - 12, figure, bold=True)
        for i in range(len(traces)):
            drawn.box(x, top + i * step, width, step - 2)
        for mark in 0.1, 0.2, 0.5, 1, 2, 4:
            drawn.line([(place(mark), top), (place(mark), bottom)], INK if mark == 1 else GRID)
            drawn.text(place(mark), bottom + 16, str(mark), size=10, anchor="middle")
        target = place(TARGETS[figure])
        drawn.line([(target, top), (target, bottom)], TARGET, dashed=True)
        for (trace, mode), row in table.items():
            if row[figure] == row[figure]:
                drawn.dot(place(row[figure]), top + traces.index(trace) * step + 12,
                          COLOURS[modes.index(mode) % len(COLOURS)], f"{trace} {mode}: {row[figure]:.2f}")
    drawn.text(12, bottom + 32, "dashed: the target for the median", size=10)
    return drawn.svg(left + len(FIGURES) * (width + gap), bottom + 40)


def main():
    chosen = options()
    out = pathlib.Path(chosen.out)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cassia-bench-") as work:
        table = ratios(measure(chosen, pathlib.Path(work), out))
    (out / "table.md").write_text(markdown(table))
    (out / "chart.svg").write_text(chart(table))
    print(markdown(table), end="")
    print(f"\n{out}/chart.svg shows it; {out}/runs.tsv has every run.", file=sys.stderr)


if __name__ == "__main__":
    main()
