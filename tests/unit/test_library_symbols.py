#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The symbols and symbol versions of libspice-server.so.1, server-abi.md section 1.1."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["SRCDIR"], "tests/support"))
from tap import Tap, skip_all

S = "spice_server_"
NODES = {
    "0.6.0": [S + name for name in """add_interface add_renderer char_device_recognized_subtypes
        char_device_wakeup destroy get_image_compression get_peer_info get_sock_info init kbd_leds
        migrate_end migrate_info migrate_start new playback_get_buffer playback_put_samples
        playback_start playback_stop record_get_samples record_start record_stop remove_interface
        set_addr set_agent_mouse set_channel_security set_image_compression set_jpeg_compression
        set_noauth set_playback_compression set_port set_streaming_video set_ticket set_tls
        set_zlib_glz_compression""".split()],
    "0.6.1": ["spice_get_current_compat_version", S + "set_compat_version"],
    "0.8.0": [S + "migrate_switch"],
    "0.8.1": [S + "set_agent_copypaste"],
    "0.8.2": [S + "set_sasl", S + "set_sasl_appname"] + ["spice_qxl_" + name for name in """wakeup
        oom start stop update_area add_memslot del_memslot reset_memslots destroy_surfaces
        destroy_primary_surface create_primary_surface reset_image_cache reset_cursor
        destroy_surface_wait loadvm_commands update_area_async add_memslot_async
        destroy_surfaces_async destroy_primary_surface_async create_primary_surface_async
        destroy_surface_async flush_surfaces_async""".split()],
    "0.8.3": [S + "migrate_connect"],
    "0.10.0": [S + name for name in """playback_set_mute playback_set_volume record_set_mute
        record_set_volume get_num_clients""".split()],
    "0.10.1": [S + "add_client", S + "add_ssl_client"],
    "0.10.2": [S + "set_name", S + "set_uuid", S + "set_listen_socket_fd"],
    "0.10.3": [S + "is_server_mouse"],
    "0.10.4": ["spice_qxl_monitors_config_async"],
    "0.11.2": [S + "vm_start", S + "vm_stop", S + "set_seamless_migration"],
    "0.11.4": [S + "set_exit_on_disconnect"],
    "0.12.2": [S + "port_event"],
    "0.12.3": ["spice_qxl_driver_unload"],
    "0.12.4": [S + "set_agent_file_xfer"],
    "0.12.5": [S + name for name in """get_best_playback_rate set_playback_rate
        get_best_record_rate set_record_rate""".split()],
    "0.12.6": ["spice_qxl_set_max_monitors"] + ["spice_replay_" + name for name in
                                                "free new next_cmd free_cmd".split()],
    "0.13.1": ["spice_qxl_gl_scanout", "spice_qxl_gl_draw_async"],
    "0.13.2": [S + "set_video_codecs"],
    "0.14.2": ["spice_qxl_set_device_info"],
    "0.14.3": [S + "get_video_codecs", S + "free_video_codecs"],
}
# Ours, which no other server has.
OWN = {"CASSIA_0.1": [S + "enable_features", S + "get_display_statistics", S + "get_migrate_outcome",
                      S + "get_supported_features"]}

library = os.path.join(os.environ["BUILDDIR"], "lib/libspice-server.so.1")
if not os.path.exists(library):
    skip_all("this build has no server library of its own (--with-spice-server=system)")

tap = Tap()


def symbols(path):
    """({function: node}, [what else is there])"""
    output = subprocess.run(["nm", "-D", "--defined-only", "--with-symbol-versions", path],
                            check=True, capture_output=True, text=True).stdout
    functions, rest = {}, []
    for line in output.splitlines():
        kind, name = line.split()[1:3]
        match = re.fullmatch(r"(\w+)@@SPICE_SERVER_([\w.]+)", name)
        if match and kind == "T":
            functions[match[1]] = match[2]
        elif kind != "A":
            rest.append(name)
    return functions, rest


exported, others = symbols(library)
# Debian 12's library, and 13's in the chroot that tests/guest/chroot.sh makes.
PEERS = {"12": "/usr/lib/x86_64-linux-gnu/libspice-server.so.1",
         "13": "/var/tmp/cassia-chroot/usr/lib/x86_64-linux-gnu/libspice-server.so.1"}

with tap.case("the table has 97 functions in 22 nodes"):
    assert len(NODES) == 22 and sum(map(len, NODES.values())) == 97

with tap.case("every function is in its node"):
    for node, names in (NODES | OWN).items():
        for name in names:
            assert exported.get(name) == node, (name, exported.get(name), node)

with tap.case("nothing else is exported"):
    known = {name for names in (NODES | OWN).values() for name in names}
    assert not set(exported) - known, set(exported) - known
    assert not others, others

with tap.case("all nodes exist, and the library has its name"):
    text = subprocess.run(["readelf", "-dV", library], check=True, capture_output=True,
                          text=True).stdout
    assert "[libspice-server.so.1]" in text
    found = set(re.findall(r"Name: SPICE_SERVER_([\w.]+)", text))
    assert found == set(NODES | OWN), found ^ set(NODES | OWN)

for release, path in PEERS.items():
    with tap.case(f"Debian {release}'s library has the same functions in the same nodes"):
        if not os.path.exists(path):
            raise Skip(f"{path} is not there")
        functions, _ = symbols(path)
        own = {name for names in OWN.values() for name in names}
        ours = {name: node for name, node in exported.items() if name not in own}
        assert functions == ours, set(functions.items()) ^ set(ours.items())

tap.finish()
