#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a server's cost grows with clients, off-screen surfaces and pixels: ours and the distribution's, in turns.

    tests/bench/cost_growth.py BUILD [--runs N] [--frames N] [--axes LIST] [--steps first-and-last] [--out DIR]

BUILD is a build folder with lib/libspice-server.so.1 and tests/bench/growth (`make tests`), whose
first comment says what is drawn. One thing grows, the others stay at 1 client, 16 surfaces and
1024x768. Prints a table and writes it, as growth.md, and the chart growth.svg to DIR. Each figure is the
least of N runs. At the end it says what grew faster than its task, by more than a tenth.
"""

import argparse
import math
import pathlib
import subprocess
import sys

from chart import COLOURS, GRID, INK, Chart, logarithmic
from harness import PEER, progress

USUAL = {"clients": 1, "surfaces": 16, "pixels": (1024, 768)}
AXES = {
    "clients": [1, 2, 4, 8, 16],
    "surfaces": [1, 10, 100, 1000],
    "pixels": [(640, 480), (1024, 768), (1920, 1080), (3840, 2160), (7680, 4320)],
}
FIGURES = ["CPU, ms a frame", "last byte, ms", "KiB a client and frame", "memory, MiB"]
SCALES = [1, 1, 1 / 1024, 1 / 1024]  # of what the program prints
WHOSE = ["ours", "libspice-server"]
PIXELS_A_RUN = 30e6  # pictures of that size together; so there are fewer of large ones


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--frames", type=int, default=60, help="at most")
    parser.add_argument("--axes", default=",".join(AXES), help=f"of {','.join(AXES)}")
    parser.add_argument("--steps", choices=["all", "first-and-last"], default="all")
    parser.add_argument("--out", default="bench")
    chosen = parser.parse_args()
    chosen.axes = chosen.axes.split(",")
    for axis in chosen.axes:
        if axis not in AXES:
            parser.error(f"--axes: there is no '{axis}', only {', '.join(AXES)}")
    chosen.program = pathlib.Path(chosen.build) / "tests/bench/growth"
    chosen.libraries = [f"{chosen.build}/lib/libspice-server.so.1", PEER]
    for needed in (chosen.program, *map(pathlib.Path, chosen.libraries)):
        if not needed.exists():
            parser.error(f"there is no {needed}")
    return chosen


def size_of(step):
    return step[0] * step[1] if isinstance(step, tuple) else step


def name_of(step):
    return f"{step[0]}x{step[1]}" if isinstance(step, tuple) else f"{step:,}"


def run(program, library, task, frames):
    width, height = task["pixels"]
    few = max(12, int(PIXELS_A_RUN / (width * height / 4)))
    result = subprocess.run([program, library, *map(str, (task["clients"], task["surfaces"], width, height,
                                                          min(frames, few)))],
                            capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        sys.exit(f"{program} {library}: exit code {result.returncode}\n{result.stderr}")
    return [float(value) * scale for value, scale in zip(result.stdout.split(), SCALES)]


def measure(chosen):
    """{axis: {step: [our figures, the peer's]}}"""
    table = {}
    for axis in chosen.axes:
        table[axis] = {}
        steps = AXES[axis] if chosen.steps == "all" else AXES[axis][::len(AXES[axis]) - 1]
        for step in steps:
            progress(f"{axis} {name_of(step)}")
            task = {**USUAL, axis: step}
            runs = [[run(chosen.program, library, task, chosen.frames) for library in chosen.libraries]
                    for _ in range(chosen.runs)]
            table[axis][step] = [[min(values) for values in zip(*(r[whose] for r in runs))]
                                 for whose in range(len(WHOSE))]
    progress()
    return table


def markdown(table):
    lines = ["| | " + " | ".join(f"{figure}: ours | peer | ratio" for figure in FIGURES) + " |",
             "|---|" + "---|" * (3 * len(FIGURES))]
    for axis, steps in table.items():
        for step, (ours, peer) in steps.items():
            cells = [f"{a:.2f} | {b:.2f} | {a / b:.2f}" if b else f"{a:.2f} | {b:.2f} | -" for a, b in zip(ours, peer)]
            lines.append(f"| {name_of(step)}{'' if axis == 'pixels' else f' {axis}'} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def growth(table):
    """A line for each axis and figure: by what ours and the peer's grew; and which of ours outgrew the task."""
    lines, faster = [], []
    for axis, steps in table.items():
        first, last = min(steps, key=size_of), max(steps, key=size_of)
        task = size_of(last) / size_of(first)
        for i, figure in enumerate(FIGURES):
            ours, peer = (steps[last][w][i] / steps[first][w][i] if steps[first][w][i] > 0 else math.nan
                          for w in range(len(WHOSE)))
            lines.append(f"{axis} x {task:.0f}: {figure.split(',')[0]} x {ours:.1f} (libspice-server x {peer:.1f})")
            if ours > 1.1 * task:
                faster.append(lines[-1])
    return lines, faster


def bounds(values):
    """A decade's steps below and above all."""
    marks = [m * 10.0 ** e for e in range(-4, 7) for m in (1, 2, 5)]
    low = max((m for m in marks if m <= min(values)), default=marks[0])
    high = min((m for m in marks if m >= max(values)), default=marks[-1])
    return low, high if high > low else low * 10, marks


def panel(drawn, x, y, width, height, steps, figure, named):
    """One figure over one axis, both logarithmic; dashed: as the task grows."""
    sizes = [size_of(step) for step in steps]
    across = logarithmic(min(sizes), max(sizes), x + 8, x + width - 8)
    first = [steps[next(iter(steps))][whose][figure] for whose in range(len(WHOSE))]
    low, high, marks = bounds([max(figures[whose][figure], 1e-4) for figures in steps.values()
                               for whose in range(len(WHOSE))])
    down = logarithmic(low, high, y + height, y)
    drawn.box(x, y, width, height)
    shown = [mark for mark in marks if low <= mark <= high]
    for mark in shown[::len(shown) // 6 + 1]:
        drawn.line([(x, down(mark)), (x + width, down(mark))], GRID)
        drawn.text(x - 4, down(mark) + 3, f"{mark:g}", size=9, anchor="end")
    end = min(sizes[-1] / sizes[0], high / first[0])
    drawn.line([(across(sizes[0]), down(first[0])), (across(sizes[0] * end), down(first[0] * end))], INK, dashed=True)
    for whose, name in enumerate(WHOSE):
        points = [(across(size_of(step)), down(max(figures[whose][figure], low)))
                  for step, figures in steps.items()]
        drawn.line(points, COLOURS[whose], width=2)
        for (px, py), step in zip(points, steps):
            drawn.dot(px, py, COLOURS[whose], f"{name}, {name_of(step)}: {steps[step][whose][figure]:.2f}")
    if named:
        for step in steps:
            label = f"{step[1]}p" if isinstance(step, tuple) else name_of(step)
            drawn.text(across(size_of(step)), y + height + 14, label, size=10, anchor="middle")


def chart(table):
    width, height, left, top = 250, 130, 60, 92
    drawn = Chart("How cost grows: both scales logarithmic, dashed as fast as the task")
    drawn.legend(left, 46, WHOSE, step=70)
    for column, (axis, steps) in enumerate(table.items()):
        x = left + column * (width + 50)
        for row, figure in enumerate(FIGURES):
            y = top + row * (height + 44)
            drawn.text(x, y - 8, f"{figure} / {axis}", bold=True)
            panel(drawn, x, y, width, height, steps, row, True)
    return drawn.svg(left + len(table) * (width + 50), top + len(FIGURES) * (height + 44))


def main():
    chosen = options()
    out = pathlib.Path(chosen.out)
    out.mkdir(parents=True, exist_ok=True)
    table = measure(chosen)
    (out / "growth.md").write_text(markdown(table))
    (out / "growth.svg").write_text(chart(table))
    print(markdown(table))
    lines, faster = growth(table)
    print("\n".join(lines))
    print("\n" + ("Faster than the task: " + "; ".join(faster) if faster else "Nothing grew faster than its task."))
    print(f"\n{out}/growth.svg shows it.", file=sys.stderr)


if __name__ == "__main__":
    main()
