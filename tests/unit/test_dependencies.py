#!/usr/bin/env python3
"""Dependencies point one way: cli -> hw -> qxl -> spice -> display; see docs/architecture.md.

Each folder may include only its own headers and those of the folders listed here. The card reaches
the server through <spice.h> alone, so spice/ is in nobody's list but its own.

SPDX-License-Identifier: LGPL-2.1-or-later
"""
import os
import pathlib
import re

ALLOWED = {
    "cli": {"cli", "hw", "qxl", "display", "migration"},
    "hw": {"hw", "qxl", "migration"},
    "qxl": {"qxl", "migration"},
    "spice": {"spice", "display", "migration"},
    "display": {"display"},
    "migration": {"migration"},
}
PUBLIC_INCLUDES = re.compile(r'#\s*include\s*<spice(-[a-z]+)?\.h>')
QUOTED_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)

root = pathlib.Path(os.environ["SRCDIR"])
folders = sorted(ALLOWED)
print(f"1..{len(folders) + 1}")
for number, folder in enumerate(folders, 1):
    wrong = []
    for path in sorted((root / folder).rglob("*.[ch]")):
        for target in QUOTED_INCLUDE.findall(path.read_text()):
            if target != "config.h" and target.split("/")[0] not in ALLOWED[folder] \
                    and "api" not in path.parts:
                wrong.append(f"{path.relative_to(root)} includes {target}")
    for line in wrong:
        print(f"# {line}")
    print(f"{'not ok' if wrong else 'ok'} {number} - {folder} includes only {', '.join(sorted(ALLOWED[folder]))}")

inward = [str(path.relative_to(root)) for folder in ("display", "migration")
          for path in sorted((root / folder).rglob("*.[ch]"))
          if PUBLIC_INCLUDES.search(path.read_text())]
print(f"# {inward}" if inward else "#")
print(f"{'not ok' if inward else 'ok'} {len(folders) + 1} - display and migration do not know the server")
