# SPDX-License-Identifier: LGPL-2.1-or-later
"""A session of X.Org in a guest, one test case for each thing that happens in it.

After each the monitor's picture and that of a SPICE client must be what X says is on its screen.
With user mode setting X itself asks the card for that, so the pictures are returned, for comparison
with those of the same session on another card.
"""

import time

from cards import screenshot
from pictures import difference
from screen import pattern

AGREEMENT_TIMEOUT = 120
PICTURE = (200, 150, 3)  # width, height, seed
# Those that take under 3 s without KVM; the others draw pixel by pixel through the card's memory.
PERFORMANCE_TESTS = (
    "-rect100 -rect10 -srect10 -osrect10 -seg100 -dseg10 -copywinwin100 -copypixwin100"
    " -copywinpix100 -copypixpix100 -copyplane100 -ftext -fitext -putimage100 -putimagexy10"
    " -getimage100 -shmput100 -scroll500 -magpixwin10 -aa10text -aatrap10 -rgb10text"
)


def agreement(guest):
    """Waits until all show what X does, and gives that picture."""
    deadline = time.monotonic() + AGREEMENT_TIMEOUT
    while True:
        root = guest.root_window()
        wrong = difference(root, guest.card.screendump(guest))
        if not wrong:
            break
        if time.monotonic() > deadline:
            raise AssertionError(f"screendump is not what X shows: {wrong}\n{guest.process.output()[-500:]}")
        time.sleep(0.5)
    wrong = difference(root, screenshot(guest.bench, guest.card.uri))
    if wrong:
        raise AssertionError(f"spicy-screenshot is not what X shows: {wrong}")
    return root


def check_picture(screen, x, y):
    width, height, seed = PICTURE
    wrong = difference(pattern(width, height, seed), screen.crop(x, y, width, height))
    if wrong:
        raise AssertionError(f"the picture's window: {wrong}")


def colours(screen, x, y, width, height):
    pixels = screen.crop(x, y, width, height).pixels
    return {pixels[i : i + 3] for i in range(0, len(pixels), 3)}


def open_windows(guest):
    """A picture, drawings with and without RENDER, terminals with plain and smooth glyphs."""
    guest.run("guest_pattern ppm {} {} {} >/tmp/picture.ppm".format(*PICTURE))
    guest.run("start_window picture feh --title picture -g 200x150+20+10 /tmp/picture.ppm", 180)
    guest.run("start_window xlogo xlogo -geometry 90x90+20+170 -fg '#c04020'", 180)
    guest.run("start_window smoothlogo xlogo -render -title smoothlogo -geometry 90x90+130+170", 180)
    guest.start_terminal("plain", "seq -s ' ' 1 700", "-geometry 60x24+250+10")
    smooth = "-fa 'DejaVu Sans Mono' -fs 10 -fg '#203040' -bg '#f0e8d0'"
    guest.start_terminal("smooth", "seq -s ' ' 1 200", f"{smooth} -geometry 26x10+10+270")


def move_windows(guest):
    """Windows over and under each other, and one partly off the screen."""
    guest.run("window=$(xdotool search --name '^plain$')")
    for x, y in ((240, 30), (200, 60), (120, 100), (60, 140), (150, 200), (300, 250)):
        guest.run(f"xdotool windowmove $window {x} {y}")
    guest.run("xdotool windowraise $(xdotool search --name '^smooth$')")
    guest.run("xdotool windowmove $(xdotool search --name '^smooth$') -30 230")
    picture = "$(xdotool search --name '^picture$')"
    guest.run(f"xdotool windowmove {picture} 40 30 windowraise {picture}")


def session(tap, what, guest, by_kernel, size="1024x768"):
    """Goes through it all; gives pictures by name."""
    pictures = {}
    case = lambda name: tap.case(f"{what}: {name}")  # noqa: E731

    def keep(name):
        pictures[name] = agreement(guest)
        return pictures[name]

    with case("X starts"):
        if by_kernel:
            guest.run("load_driver qxl")
        log = guest.start_x(size)
        found = "drm report modesetting isn't supported" not in guest.run("cat /tmp/X.out")
        if found != by_kernel:
            raise AssertionError(f"who sets modes is not who should:\n{log}")
        if not by_kernel and "Offscreen Surfaces: Enabled" not in log:
            raise AssertionError(f"no off-screen surfaces:\n{log}")
        guest.run("xsetroot -solid '#306080'")
        screen = keep("an empty screen")
        if colours(screen, 0, 0, screen.width, screen.height) != {b"\x30\x60\x80"}:
            raise AssertionError("the screen does not have the one colour that was asked for")
    with case("a picture and terminals"):
        open_windows(guest)
        screen = keep("windows")
        check_picture(screen, 20, 10)
        if colours(screen, 252, 12, 300, 200) != {b"\0\0\0", b"\xff\xff\xff"}:
            raise AssertionError("the plain terminal is not black on white")
        if len(colours(screen, 20, 280, 200, 100)) < 10:
            raise AssertionError("the smooth terminal has no smooth glyphs")
    with case("windows are moved"):
        move_windows(guest)
        check_picture(keep("moved windows"), 40, 30)
    with case("text scrolls"):
        lines = 40 if by_kernel else 300
        guest.start_terminal("scrolling", f"seq 1 {lines}", "-geometry 60x15+200+180")
        keep("scrolled text")
    if not by_kernel:
        with case("x11perf"):
            guest.run(f"x11perf -repeat 1 -time 1 -reps 20 {PERFORMANCE_TESTS} >/tmp/perf 2>&1", 180)
            keep("after x11perf")
        with case("another virtual terminal and back"):
            guest.run("chvt 2 && chvt 1")
            guest.run("xrefresh || xset q >/dev/null")
            keep("after a switch of terminals")
    with case("X ends and starts again"):
        guest.run("stop_x", 180)
        guest.start_x(size)
        guest.run("xsetroot -solid '#804020'")
        screen = keep("another empty screen")
        if colours(screen, 0, 0, screen.width, screen.height) != {b"\x80\x40\x20"}:
            raise AssertionError("the screen does not have the one colour that was asked for")
    return pictures
