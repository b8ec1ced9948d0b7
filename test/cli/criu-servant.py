#!/usr/bin/python3
"""Does what criu does, without its work: a dump ends the process; a restore, which only a servant makes (`criu
--no-default-config swrk 3`), starts a sibling of its own that runs the file $0.script, on a new terminal whose master it
gives away where the images are those of a container with one. What it is told goes to the file $0.log."""

import array
import ctypes
import fcntl
import json
import os
import platform
import pty
import signal
import socket
import sys
import termios


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at : at + value], at + value
        found[key >> 3] = value
    return found


if sys.argv[1] in ("dump", "pre-dump"):
    with open(sys.argv[0] + ".log", "w") as log:
        log.write("\n".join(sys.argv[1:]) + "\n")
    if sys.argv[1] == "dump" and "--leave-running" not in sys.argv:
        os.kill(int(sys.argv[3]), signal.SIGKILL)
    sys.exit(0)

assert sys.argv[1:] == ["--no-default-config", "swrk", "3"], sys.argv
peer = socket.socket(fileno=3)
request = fields(peer.recv(65536))
options = fields(request[2])
assert options[1] == 4 and os.path.isdir("/proc/self/fd/4"), "images_dir_fd"
assert options[50] == 1, "orphan_pts_master"
with open(options[51]) as file:
    lines = file.read()
with open(sys.argv[0] + ".log", "w") as log:
    log.write(lines)
with open(sys.argv[0] + ".descriptors", "w") as log:
    for number in (5, 6):
        try:
            log.write(os.readlink(f"/proc/self/fd/{number}") + "\n")
        except FileNotFoundError:
            pass
setting = {}
for line in lines.splitlines():
    name, _, value = line.partition(" ")
    setting[name] = value.strip('"')
kind = request[1]


def answer(number, *rest):
    return bytes([1 << 3, number, 2 << 3, 1, *rest])


def number(value):
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


def sibling():
    """fork(), but the child is the parent's."""
    call = {"x86_64": 56, "aarch64": 220}[platform.machine()]
    clone_parent = 0x8000
    return ctypes.CDLL(None, use_errno=True).syscall(call, clone_parent | signal.SIGCHLD, 0, 0, 0, 0)


def tell(script, descriptors=(), pid=0):
    notify = bytes([1 << 3 | 2, len(script)]) + script.encode() + bytes([2 << 3]) + number(pid)
    message = answer(6, 5 << 3 | 2, len(notify)) + notify
    rights = array.array("i", descriptors)
    peer.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if descriptors else [])
    assert fields(peer.recv(4096)) == {1: 6, 3: 1}


if os.path.exists(sys.argv[0] + ".hang"):
    os.remove(sys.argv[0] + ".hang")
    while True:
        signal.pause()
if os.path.exists(sys.argv[0] + ".fail"):
    with open(os.path.join(setting["work-dir"], setting["log-file"]), "w") as log:
        log.write("(00.1) Error (criu/util.c:1): rlimit: Can't setup RLIMIT_NOFILE for self: no\n")
        log.write("Error: ipv4: Address already assigned.\n(00.2)      1: Error (criu/x.c:2): no luck\n")
    peer.send(bytes([1 << 3, kind, 2 << 3, 0]))
    sys.exit(1)
tell("pre-dump" if kind == 1 else "pre-restore")
if kind == 1:
    os.kill(options[2], signal.SIGKILL)
else:
    assert options[26] == 1, "rst_sibling"
    with open("/proc/self/mountinfo") as mounts:
        assert f" {setting['root']} " in mounts.read(), "no mount at the root"
    with open("/proc/self/fd/4/descriptors.json") as file:
        on_terminal = json.load(file)[0].startswith("/dev/pts/")
    master, slave = pty.openpty()
    ready, go = os.pipe()
    child = sibling()
    if child == 0:
        os.close(go)
        # criu takes what it has made away when it fails.
        if os.read(ready, 1) == b"":
            os._exit(9)
        if on_terminal:
            os.setsid()
            for stream in range(3):
                os.dup2(slave, stream)
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        os.closerange(3, 64)
        os.execv("/bin/sh", ["sh", sys.argv[0] + ".script"])
    os.close(slave)
    tell("setup-namespaces", pid=child)
    if on_terminal:
        tell("orphan-pts-master", [master])
    tell("post-restore", pid=child)
    os.write(go, b".")
peer.send(answer(kind))
# It ends when nobody is left to ask.
assert peer.recv(1) == b""
