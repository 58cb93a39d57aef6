#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The public headers in the hands of others: each language, names and types as in Debian's
libspice-server-dev, callers like QEMU and Xspice, and an installed library found by pkg-config."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
from tap import Skip, Tap

SRCDIR, BUILDDIR = os.environ["SRCDIR"], os.path.abspath(os.environ["BUILDDIR"])
OURS, DEBIANS = os.path.join(SRCDIR, "spice/api"), "/usr/include/spice-server"
CALLER = os.path.join(SRCDIR, "tests/data/spice_caller.c")
STRICT = ["-Wall", "-Wextra", "-Wundef", "-Werror"]

tap = Tap()
folder = tempfile.mkdtemp(prefix="api-headers-")


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


# Warnings about spice-protocol's headers are not ours to mend.
PROTOCOL = run("pkg-config", "--cflags", "spice-protocol").replace("-I", "-isystem").split()
ALONE = os.path.join(folder, "alone.c")
with open(ALONE, "w") as text:
    text.write("#include <spice.h>\n#include <spice.h>\nextern int unused;\n")


def compile_with(headers, *arguments):
    return run(*arguments[:1], f"-I{headers}", *PROTOCOL, *arguments[1:])


# Before C11 and C++11 Debian's headers are not pedantically right either: an unnamed union, commas.
for standard, pedantic in {"gnu99": [], "c99": [], "c11": ["-pedantic"], "gnu11": ["-pedantic"],
                           "gnu17": ["-pedantic"]}.items():
    with tap.case(f"alone, and twice, and with callers, in {standard}"):
        for source in (ALONE, CALLER):
            compile_with(OURS, "gcc", f"-std={standard}", *STRICT, *pedantic, "-Wstrict-prototypes",
                         "-fsyntax-only", source)

for standard, pedantic in {"c++98": [], "c++11": ["-pedantic"], "gnu++17": ["-pedantic"],
                           "c++20": ["-pedantic"]}.items():
    with tap.case(f"alone, and twice, and with callers, in {standard}"):
        if shutil.which("g++") is None:
            raise Skip("no g++")
        for source in (ALONE, CALLER):
            compile_with(OURS, "g++", "-x", "c++", f"-std={standard}", *STRICT, *pedantic,
                         "-fsyntax-only", source)

with tap.case("a C++ program refers to functions by their C names"):
    if shutil.which("g++") is None:
        raise Skip("no g++")
    compile_with(OURS, "g++", "-x", "c++", "-c", "-o", f"{folder}/caller.o", CALLER)
    wanted = re.findall(r" U (\S*spice\S*)", run("nm", f"{folder}/caller.o"))
    assert len(wanted) > 80 and all(name.startswith("spice_") for name in wanted), wanted

with tap.case("headers other than spice.h refuse to be included"):
    for name in sorted(os.listdir(OURS)):
        if name.endswith(".h") and name != "spice.h":
            with open(f"{folder}/direct.c", "w") as text:
                text.write(f"#include <{name}>\n")
            done = subprocess.run(["gcc", f"-I{OURS}", *PROTOCOL, "-fsyntax-only",
                                   f"{folder}/direct.c"], capture_output=True, text=True)
            assert done.returncode != 0 and "#error" in done.stderr, (name, done.stderr)


def need_debians():
    if not os.path.exists(f"{DEBIANS}/spice.h"):
        raise Skip("libspice-server-dev is not installed")


def prototypes(headers):
    """{function: its type as the compiler writes it}"""
    compile_with(headers, "gcc", "-std=gnu11", "-w", "-aux-info", f"{folder}/types", "-c", "-o",
                 "/dev/null", ALONE)
    with open(f"{folder}/types") as text:
        lines = re.findall(r"\*/ extern (.*?(spice_\w+) \(.*);", text.read())
    return {name: line for line, name in lines}


with tap.case("all functions of Debian's headers, with the same types"):
    need_debians()
    ours, debians = prototypes(OURS), prototypes(DEBIANS)
    assert len(debians) >= 97, len(debians)
    for name, line in debians.items():
        assert ours.get(name) == line, (name, ours.get(name), line)


def constants_of_debian():
    """Names of all macros and enumerators that Debian's headers define themselves."""
    names = set()
    for header in os.listdir(DEBIANS):
        with open(os.path.join(DEBIANS, header)) as text:
            source = text.read()
        names |= set(re.findall(r"^#define (\w+) +[^\s\\]", source, re.M))
        for body in re.findall(r"\benum\b[^;{]*\{(.*?)\}", source, re.S):
            body = re.sub(r"/\*.*?\*/|//[^\n]*", "", body, flags=re.S)
            names |= set(re.findall(r"(?:^|,)\s*(\w+)", body))
    return sorted(names)


def values(headers, names):
    """What a program that is compiled with HEADERS makes of the constants NAMES."""
    with open(f"{folder}/values.c", "w") as text:
        text.write("#include <spice.h>\n#define SHOW(x) _Generic((x), char *: show_text, "
                   "default: show_number)(#x, (intptr_t)(x))\n"
                   "static void show_text(const char *n, intptr_t x)"
                   "{ printf(\"%s %s\\n\", n, (const char *)x); }\n"
                   "static void show_number(const char *n, intptr_t x)"
                   "{ printf(\"%s %ld\\n\", n, (long)x); }\n"
                   "int main(void)\n{\n" + "".join(f"    SHOW({name});\n" for name in names) + "}\n")
    compile_with(headers, "gcc", "-w", "-o", f"{folder}/values", f"{folder}/values.c")
    return run(f"{folder}/values").splitlines()


with tap.case("all constants of Debian's headers, with the same values"):
    need_debians()
    names = [name for name in constants_of_debian() if name != "SPICE_SERVER_VERSION"]
    # As a check of the search: one of each kind, in different headers.
    for name in ("SPICE_INTERFACE_QXL_MINOR", "SPICE_STREAM_VIDEO_FILTER", "SPICE_INTERFACE_RECORD",
                 "SPICE_IMAGE_COMPRESSION_LZ4", "SPICE_ADDR_FLAG_UNIX_ONLY"):
        assert name in names, (name, names)
    differing = set(values(OURS, names)) ^ set(values(DEBIANS, names))
    assert not differing, differing

with tap.case("callers that compile with Debian's headers are what ours are tried with"):
    need_debians()
    compile_with(DEBIANS, "gcc", "-std=gnu11", "-Wall", "-Werror", "-fsyntax-only", CALLER)

with tap.case("installed, it is found by pkg-config, and a program that is built with it runs"):
    if not os.path.exists(f"{BUILDDIR}/lib/libspice-server.so.1"):
        raise Skip("this build has no server library of its own (--with-spice-server=system)")
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    root = f"{folder}/root"
    run("make", "-C", BUILDDIR, "install", f"DESTDIR={root}", "prefix=/opt/cassia",
        env=environment)
    environment |= {"PKG_CONFIG_PATH": f"{root}/opt/cassia/lib/pkgconfig",
                    "PKG_CONFIG_SYSROOT_DIR": root}
    version = run("pkg-config", "--modversion", "spice-server", env=environment).strip()
    run("pkg-config", "--atleast-version=0.15.0", "spice-server", env=environment)
    # The root is put before spice-protocol's folder as well, which is not in it.
    flags = run("pkg-config", "--cflags", "--libs", "spice-server", env=environment).split()
    with open(f"{BUILDDIR}/Makefile") as text:
        sanitize = re.search(r"^sanitize := *(.*)$", text.read(), re.M)[1].split()
    with open(f"{folder}/program.c", "w") as text:
        text.write("#include <spice.h>\nint main(void)\n{\n    SpiceServer *s = spice_server_new();\n"
                   "    int bad = spice_server_set_port(s, 70000);\n    spice_server_destroy(s);\n"
                   "    printf(\"%d.%d.%d\\n\", SPICE_SERVER_VERSION >> 16,"
                   " SPICE_SERVER_VERSION >> 8 & 255, SPICE_SERVER_VERSION & 255);\n"
                   "    return bad != -1;\n}\n")
    run("gcc", *(f"-fsanitize={name}" for name in sanitize), "-o", f"{folder}/program",
        f"{folder}/program.c", *flags, *PROTOCOL)
    assert run(f"{folder}/program",
               env=environment | {"LD_LIBRARY_PATH": f"{root}/opt/cassia/lib"}).strip() == version

shutil.rmtree(folder)
tap.finish()
