#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The first and only process of the test guest. The kernel's messages go to the first serial line; on
# the second one this shell reads a command a line, runs it, and says "@@exit STATUS" after it.
# guestlib.py is at the other end.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys

# The driver and all it needs, in the order in which they can be loaded.
load_driver() {
    while read -r module; do
        [ -d "/sys/module/$module" ] || insmod "/modules/$module.ko" || return 1
    done </modules/order
}

# The text console holds the driver in use; it must let go first.
unbind_console() {
    for console in /sys/class/vtconsole/*; do
        case $(cat "$console/name") in
        *"frame buffer"*) echo 0 >"$console/bind" || return 1 ;;
        esac
    done
}

bind_console() {
    for console in /sys/class/vtconsole/*; do
        case $(cat "$console/name") in
        *"frame buffer"*) echo 1 >"$console/bind" || return 1 ;;
        esac
    done
}

unload_driver() {
    unbind_console && rmmod qxl
}

stty -F /dev/ttyS1 raw -echo
exec </dev/ttyS1 >/dev/ttyS1 2>&1
echo "@@ready $(uname -r)"
while read -r line; do
    eval "$line"
    echo "@@exit $?"
done
