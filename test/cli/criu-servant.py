#!/usr/bin/python3
"""Does what criu does as a servant, `criu --no-default-config swrk 3`, without its work: a dump ends the process, a
restore starts another one on a new terminal, whose master it gives away. Its configuration goes to the file $0.log."""

import array
import os
import pty
import signal
import socket
import sys


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


assert sys.argv[1:] == ["--no-default-config", "swrk", "3"], sys.argv
peer = socket.socket(fileno=3)
request = fields(peer.recv(65536))
options = fields(request[2])
assert options[50] == 1, "orphan_pts_master"
with open(options[51]) as file:
    lines = file.read()
with open(sys.argv[0] + ".log", "w") as log:
    log.write(lines)
setting = {}
for line in lines.splitlines():
    name, _, value = line.partition(" ")
    setting[name] = value.strip('"')
kind = request[1]


def answer(number, *rest):
    return bytes([1 << 3, number, 2 << 3, 1, *rest])


def tell(script, descriptors=()):
    notify = bytes([1 << 3 | 2, len(script)]) + script.encode()
    message = answer(6, 5 << 3 | 2, len(notify)) + notify
    rights = array.array("i", descriptors)
    peer.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if descriptors else [])
    assert fields(peer.recv(4096)) == {1: 6, 3: 1}


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
    master, slave = pty.openpty()
    child = os.fork()
    if child == 0:
        for stream in range(3):
            os.dup2(slave, stream)
        os.closerange(3, 64)
        os.execv("/bin/sh", ["sh", "-c", "echo restored; exec sleep 100"])
    with open(setting["pidfile"], "w") as file:
        file.write(str(child))
    os.close(slave)
    tell("orphan-pts-master", [master])
peer.send(answer(kind))
# It ends when nobody is left to ask.
assert peer.recv(1) == b""
