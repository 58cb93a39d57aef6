# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What a desktop guest can do beyond guest_init.sh, which reads this file.
export HOME=/root DISPLAY=:0 LC_ALL=C
mkdir -p /root /run /tmp /var/log /var/cache/fontconfig /dev/shm /dev/pts /dev/input
chmod 1777 /tmp /dev/shm
mount -t devpts devpts /dev/pts
ip link set lo up

# until_ok SECONDS COMMAND...: runs it again and again until it succeeds.
until_ok() {
    tries=$(($1 * 5))
    shift
    until "$@" >/tmp/tried 2>&1; do
        [ $((tries -= 1)) -gt 0 ] || { cat /tmp/tried && return 1; }
        sleep 0.2
    done
}

# start_udev: devices are named, and X hears of those that come.
start_udev() {
    /usr/lib/systemd/systemd-udevd --daemon && udevadm trigger --action=add && udevadm settle
}

# start_x SLOT DRIVER SIZE: X.Org on the card in that slot, without a blinking or saved screen. The
# qxl driver sets modes through the kernel's driver, or by itself where there is none.
start_x() {
    cat >/xorg.conf <<END
Section "ServerFlags"
    Option "BlankTime" "0"
    Option "StandbyTime" "0"
EndSection
Section "Device"
    Identifier "card"
    Driver "$2"
    BusID "PCI:0:$1:0"
    # Debian's driver takes no option for its default value: not even one head.
    Option "NumHeads" "1"
    Option "EnableSurfaces" "True"
    Option "EnableImageCache" "True"
    Option "EnableFallbackCache" "True"
EndSection
Section "Monitor"
    Identifier "monitor"
    HorizSync 30-80
    VertRefresh 50-75
EndSection
Section "Screen"
    Identifier "screen"
    Device "card"
    Monitor "monitor"
    DefaultDepth 24
    SubSection "Display"
        Depth 24
        Modes "$3"
    EndSubSection
EndSection
Section "InputClass"
    Identifier "everything"
    MatchDevicePath "/dev/input/event*"
    Driver "evdev"
EndSection
END
    /usr/lib/xorg/Xorg :0 vt1 -config /xorg.conf -noreset -nolisten tcp -s 0 -nocursor -logfile /tmp/X.log \
        >/tmp/X.out 2>&1 &
    until_ok 100 xset q || { grep -e '(EE)' -e 'atal' /tmp/X.log /tmp/X.out; return 1; }
}

# stop_x: ends X and waits for that.
stop_x() {
    kill "$(pidof Xorg)" && until_ok 60 eval '! pidof Xorg'
}

# start_window NAME COMMAND...: an X program, and waits until it has a window of that name.
start_window() {
    name=$1
    shift
    "$@" >"/tmp/$name.out" 2>&1 &
    until_ok 60 xwininfo -name "$name" || { cat "/tmp/$name.out" && return 1; }
}
