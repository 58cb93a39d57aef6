#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The first and only process of the test guest. The kernel's messages go to the first serial line; on
# the second one this shell reads a command a line, runs it, and says "@@exit STATUS" after it.
# guest.py is at the other end.
export PATH=/bin:/sbin
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys

# load_driver [NAME]: the driver (qxl) and all it needs, in the order in which they can be loaded.
load_driver() {
    while read -r module; do
        [ -d "/sys/module/$module" ] || insmod "/modules/$module.ko" || return 1
    done <"/modules/${1:-qxl}.order"
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

# port NAME: the device of the virtio-serial port of that name, once it is there.
port() {
    tries=0
    until [ $((tries += 1)) -gt 100 ]; do
        for entry in /sys/class/virtio-ports/*; do
            [ "$(cat "$entry/name" 2>/dev/null)" = "$1" ] && echo "/dev/${entry##*/}" && return 0
        done
        sleep 0.1
    done
    echo "no port $1" && return 1
}

[ -e /guest_desktop.sh ] && . /guest_desktop.sh
stty -F /dev/ttyS1 raw -echo
exec </dev/ttyS1 >/dev/ttyS1 2>&1
echo "@@ready $(uname -r)"
# A child that ends while ash reads makes it forget the half of the line that it has; a subshell has none.
while line=$(read -r line && printf '%s' "$line"); do
    eval "$line"
    echo "@@exit $?"
done
