# SPDX-License-Identifier: LGPL-2.1-or-later
"""Charts as SVG: what those of the measurements have in common."""

import math
from html import escape

COLOURS = ["#0b6e99", "#d9730d", "#448361", "#9065b0", "#c14c8a", "#9f6b53", "#787774", "#d44c47"]
INK, GRID, GROUND, TARGET = "#333", "#d5d5d2", "#f4f4f2", "#448361"


def logarithmic(low, high, start, end):
    """Where a value is between START and END (pixels); what is beyond LOW or HIGH is at its edge."""
    def place(value):
        share = math.log(min(max(value, low), high) / low) / math.log(high / low)
        return start + share * (end - start)
    return place


class Chart:
    """A drawing with a title; y goes down."""

    def __init__(self, title):
        self.parts = []
        self.text(12, 22, title, size=15, bold=True)

    def text(self, x, y, text, size=12, bold=False, anchor="start"):
        weight = ' font-weight="bold"' if bold else ""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{weight}>'
                          f"{escape(text)}</text>")

    def box(self, x, y, width, height):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{GROUND}"/>')

    def line(self, points, colour, width=1, dashed=False):
        dashes = ' stroke-dasharray="4 3"' if dashed else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>')

    def dot(self, x, y, colour, says=""):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}" fill-opacity="0.85">'
                          f"<title>{escape(says)}</title></circle>")

    def legend(self, x, y, names, step=90):
        for i, name in enumerate(names):
            self.dot(x + i * step, y - 4, COLOURS[i % len(COLOURS)], name)
            self.text(x + i * step + 10, y, name)

    def svg(self, width, height):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
                f'fill="{INK}">\n<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(self.parts) + "\n</svg>\n")
