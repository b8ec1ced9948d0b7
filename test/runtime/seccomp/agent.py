"""A seccomp agent. Arguments: socket, number of containers to expect.

Prints "listening", then one line of JSON for each ContainerProcessState that it is sent. It answers every notification of
mkdir and mkdirat with ENOMEDIUM, and lets any other call happen.
"""

import array
import fcntl
import json
import os
import select
import socket
import struct
import sys

RECV, SEND = 0xC0502100, 0xC0182101
CONTINUE = 1
ENOMEDIUM = 123
MKDIR = {"x86_64": (83, 258), "aarch64": (34, 34)}[os.uname().machine]

server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(8)
print("listening", flush=True)
waiting = int(sys.argv[2])
poll = select.poll()
poll.register(server.fileno(), select.POLLIN)
listeners = set()
while waiting > 0 or listeners:
    for fd, events in poll.poll():
        if fd == server.fileno():
            connection, _ = server.accept()
            text = b""
            while True:
                data, descriptors, _, _ = socket.recv_fds(connection, 65536, 1)
                for listener in descriptors:
                    listeners.add(listener)
                    poll.register(listener, select.POLLIN)
                text += data
                if not data:
                    break
            waiting -= 1
            print(json.dumps(json.loads(text)), flush=True)
            connection.close()
        elif events & select.POLLIN:
            request = bytearray(80)
            try:
                fcntl.ioctl(fd, RECV, request)
            except FileNotFoundError:  # ENOENT: the process has died meanwhile
                continue
            ident, _, _, call = struct.unpack_from("=QIIi", request)
            denied = call in MKDIR
            answer = struct.pack("=QqiI", ident, 0, -ENOMEDIUM if denied else 0, 0 if denied else CONTINUE)
            try:
                fcntl.ioctl(fd, SEND, answer)
            except FileNotFoundError:
                continue
        else:
            poll.unregister(fd)
            listeners.discard(fd)
            os.close(fd)
