#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes the file system of a small Debian 12 desktop for guests: X.Org with the qxl driver, a few X
# programs, the SPICE agent and udev. chroot.sh runs this, as root; the log goes to standard output.
#   desktop.sh FOLDER MIRROR
# Makes FOLDER/root.cpio, the start of an initial RAM disk: the programs named below with the libraries
# and data that they need, and nothing else. Whoever boots it appends /init, busybox and modules.
set -eu

folder=$1 mirror=$2
tree=$folder/tree

packages="xserver-xorg-core xserver-xorg-video-qxl xserver-xorg-input-evdev x11-xkb-utils
    xterm x11-apps x11-utils x11-xserver-utils feh xclip xdotool twm fonts-dejavu-core
    spice-vdagent udev"

inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$tree" "$@"
}

mkdir -p "$folder"
rm -rf --one-file-system "$tree"
mkdir -p "$folder/debs"
debootstrap --variant=minbase --arch=amd64 --cache-dir="$folder/debs" \
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg bookworm "$tree" "$mirror"
cp /etc/resolv.conf "$tree/etc/resolv.conf"
printf 'exit 101\n' >"$tree/usr/sbin/policy-rc.d" && chmod 755 "$tree/usr/sbin/policy-rc.d"
# shellcheck disable=SC2086
inside apt-get -q -y --no-install-recommends install $packages

# What goes into the guest, by path. GL is left out: its renderer is larger than all of this.
cat >"$tree/contents" <<'END'
/usr/lib/xorg/Xorg
/usr/lib/xorg/modules
/usr/lib/xorg/protocol.txt
/usr/bin/xkbcomp
/usr/share/X11
/usr/bin/xterm
/usr/bin/twm
/etc/X11/twm
/usr/bin/feh
/usr/share/feh
/usr/lib/x86_64-linux-gnu/imlib2/loaders/pnm.so
/usr/bin/xwd
/usr/bin/x11perf
/usr/bin/xlogo
/usr/bin/xeyes
/usr/bin/xsetroot
/usr/bin/xset
/usr/bin/xrefresh
/usr/bin/xrandr
/usr/bin/xwininfo
/usr/bin/xprop
/usr/bin/xclip
/usr/bin/xdotool
/usr/share/fonts/truetype/dejavu
/etc/fonts
/usr/share/fontconfig
/usr/sbin/spice-vdagentd
/usr/bin/spice-vdagent
/usr/share/glib-2.0/schemas
/usr/lib/systemd/systemd-udevd
/usr/bin/udevadm
/usr/lib/udev
/etc/udev
/etc/passwd
/etc/group
/etc/nsswitch.conf
/bin
/lib
/lib64
/sbin
END
cat >"$tree/pack" <<'END'
set -eu
cd /
xargs -I{} find {} \( -name libglamoregl.so -o -name libglx.so -o -name hwdb.bin -o -name hwdb.d \
    -o -name en_US.UTF-8 \) -prune -o -print <contents >listed
# Everything that is a program or a library needs others; each with the links that lead to it.
while read -r path; do
    [ -f "$path" ] && [ "$(head -c 4 "$path" | tail -c 3)" = ELF ] && ldd "$path" 2>/dev/null || true
done <listed | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | sort -u |
    while read -r library; do
        while :; do
            library=$(readlink -f "${library%/*}")/${library##*/}
            echo "$library"
            target=$(readlink "$library") || break
            case $target in
            /*) library=$target ;;
            *) library=${library%/*}/$target ;;
            esac
        done
    done >>listed
# A folder must come before what is in it.
sort -u listed | awk '{
    n = split(substr($0, 2), part, "/"); path = ""
    for (i = 1; i <= n; i++) { path = path "/" part[i]; if (!seen[path]++) print "." path }
}'
END
inside sh /pack >"$folder/files"
(cd "$tree" && cpio --quiet -o -H newc <"$folder/files") >"$folder/root.cpio.part"
mv "$folder/root.cpio.part" "$folder/root.cpio"
rm -rf --one-file-system "$tree" "$folder/debs"
