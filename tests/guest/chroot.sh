#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes what the guest tests need and the host does not have, once, in a cache folder:
#   - a Debian 13 tree with QEMU 11.1 from trixie-backports: the vfio-user client, and with its own
#     QXL card and SPICE server the reference,
#   - the Linux kernels that the tests boot, with the modules that their guests need,
#   - the file system of a desktop guest (desktop.sh).
# Nothing is installed on the host. Making it needs root, or sudo; using it does not. Running it again
# does nothing; after an interruption it goes on where it stopped; two at a time wait for each other.
# Prints the folder.
#   CASSIA_CHROOT  the folder        (default /var/tmp/cassia-chroot)
#   CASSIA_MIRROR  a Debian mirror   (default http://deb.debian.org/debian)
# Layout: the tree itself; /kernels/{bookworm,trixie}/{vmlinuz,lib/modules/VERSION}; /desktop/root.cpio;
# .ready, made last.
# Exit: 0 ready, 1 something failed (the log's end is on stderr), 77 the mirror cannot be reached.
set -eu

root=${CASSIA_CHROOT:-/var/tmp/cassia-chroot}
mirror=${CASSIA_MIRROR:-http://deb.debian.org/debian}
# Raised when this script makes something that an older cache lacks.
layout=3
log=$root.log
stage="start"

fail() {
    echo "chroot.sh: $*" >&2
    exit 1
}

case $root in
/*) ;;
*) fail "CASSIA_CHROOT must be an absolute path, not '$root'" ;;
esac

ready() { [ "$(cat "$root/.ready" 2>/dev/null)" = "$layout" ]; }

if ready; then
    echo "$root"
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "debootstrap needs root; run $0 as root once"
    exec sudo env CASSIA_CHROOT="$root" CASSIA_MIRROR="$mirror" "$0"
fi
for tool in debootstrap dpkg-deb flock tar cpio; do
    command -v "$tool" >/dev/null || fail "$tool is missing; setup/install-packages check installs it"
done

mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
flock 9
if ready; then # somebody else made it while we waited
    echo "$root"
    exit 0
fi

finish() {
    status=$?
    [ $status -eq 0 ] && return
    # Without a mirror nothing can be made here, and that is the machine's doing, not the test's.
    if grep -q -e 'Temporary failure resolving' -e 'Could not connect' -e 'Failed getting release file' \
        -e 'Unable to connect' -e 'Could not resolve' "$log" 2>/dev/null; then
        status=77
    fi
    echo "chroot.sh: failed at: $stage; the end of $log:" >&2
    tail -n 15 "$log" >&2
    exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM
: >"$log"

inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive \
        chroot "$root" "$@" >>"$log" 2>&1
}

install() { # install APT-OPTION-OR-PACKAGE...; what an interrupted run left half installed first
    inside dpkg --configure -a
    inside apt-get -q -y --no-install-recommends install "$@"
    inside apt-get clean
}

# Each stage leaves a stamp in the tree when it is complete.
done_before() { [ -e "$root/var/lib/cassia/$1" ]; }
stamp() { mkdir -p "$root/var/lib/cassia" && touch "$root/var/lib/cassia/$1"; }

stage="debootstrap of trixie from $mirror"
if ! done_before bootstrap; then
    # debootstrap cannot resume; its downloads are kept beside the tree for the next attempt.
    rm -rf --one-file-system "$root"
    mkdir -p "$root" "$root.debs"
    debootstrap --variant=minbase --arch=amd64 --cache-dir="$root.debs" \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg trixie "$root" "$mirror" >>"$log" 2>&1
    stamp bootstrap
    rm -rf "$root.debs"
fi

stage="installation of QEMU from trixie-backports"
if ! done_before qemu; then
    printf 'deb %s %s main\n' "$mirror" trixie "$mirror" trixie-backports "$mirror" bookworm \
        >"$root/etc/apt/sources.list"
    # bookworm is there for its kernel, which is downloaded and never installed.
    printf 'Package: *\nPin: release n=bookworm\nPin-Priority: 1\n' >"$root/etc/apt/preferences"
    printf 'exit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod 755 "$root/usr/sbin/policy-rc.d"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    inside apt-get -q update
    install -t trixie-backports qemu-system-x86 qemu-utils
    install kmod
    stamp qemu
fi

stage="installation of QEMU's own QXL and SPICE"
if ! done_before spice; then
    # The reference that the tests compare with, and what our library's users need beside it.
    install -t trixie-backports qemu-system-modules-spice
    install libjansson4 liblz4-1 libpng16-16t64 libssl3t64 libjpeg62-turbo libopus0 libsasl2-2 \
        libxxhash0
    stamp spice
fi

# kernel SUITE: the newest image of that suite, unpacked under /kernels/SUITE.
kernel() {
    suite=$1
    stage="the kernel of $suite"
    ! done_before "kernel-$suite-$layout" || return 0
    inside apt-get -q update # an older tree knows of kernels that mirrors no longer have
    dir=$root/kernels/$suite.new
    rm -rf "$dir"
    mkdir -p "$dir/package"
    meta=$(chroot "$root" apt-cache madison linux-image-amd64 |
        awk -F'|' -v suite="$suite/main" '$3 ~ " " suite " " { gsub(" ", "", $2); print $2; exit }')
    [ -n "$meta" ] || { echo "no linux-image-amd64 in $suite" >>"$log"; exit 1; }
    image=$(chroot "$root" apt-cache show "linux-image-amd64=$meta" |
        sed -n 's/^Depends: *\(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
    inside sh -c "cd /kernels/$suite.new/package && apt-get -q -o APT::Sandbox::User=root download $image"
    # Only what the drivers of graphics, virtio and input, software RDMA and vsock can depend on; the
    # other modules would be ten times as much.
    dpkg-deb --fsys-tarfile "$dir"/package/*.deb | tar -x -C "$dir/package" --wildcards \
        './boot/vmlinuz-*' './*lib/modules/*/modules.*' './*lib/modules/*/kernel/drivers/gpu/*' \
        './*lib/modules/*/kernel/drivers/video/*' './*lib/modules/*/kernel/drivers/i2c/*' \
        './*lib/modules/*/kernel/drivers/media/cec/*' './*lib/modules/*/kernel/lib/*' \
        './*lib/modules/*/kernel/drivers/virtio/*' './*lib/modules/*/kernel/drivers/char/virtio_*' \
        './*lib/modules/*/kernel/drivers/input/*' './*lib/modules/*/kernel/drivers/firmware/*' \
        './*lib/modules/*/kernel/fs/configfs/*' './*lib/modules/*/kernel/drivers/infiniband/core/*' \
        './*lib/modules/*/kernel/drivers/infiniband/sw/*' \
        './*lib/modules/*/kernel/drivers/net/dummy.ko*' './*lib/modules/*/kernel/crypto/*' \
        './*lib/modules/*/kernel/net/ipv[46]/*udp_tunnel.ko*' \
        './*lib/modules/*/kernel/net/vmw_vsock/*' \
        >>"$log" 2>&1 || true # a pattern without a match is an error for tar; what matters is checked next
    mv "$dir"/package/boot/vmlinuz-* "$dir/vmlinuz"
    mkdir -p "$dir/lib"
    mv "$(find "$dir/package" -path '*lib/modules' -type d)" "$dir/lib/modules"
    version=$(ls "$dir/lib/modules")
    inside depmod -b "/kernels/$suite.new" "$version"
    for module in qxl rdma_rxe vsock_loopback; do
        grep -q "/$module\.ko" "$dir/lib/modules/$version/modules.dep" ||
            { echo "$image has no module $module" >>"$log"; exit 1; }
    done
    rm -rf "$dir/package" "$root/kernels/$suite"
    mv "$dir" "$root/kernels/$suite"
    stamp "kernel-$suite-$layout"
}
kernel bookworm
kernel trixie

stage="the desktop guest"
if ! done_before desktop-2; then
    "$(dirname "$0")/desktop.sh" "$root/desktop" "$mirror" >>"$log" 2>&1
    stamp desktop-2
fi

stage="last check"
inside qemu-system-x86_64 -device vfio-user-pci,help
echo "$layout" >"$root/.ready"
echo "$root"
