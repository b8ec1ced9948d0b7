"""Waits at a unix socket for a pty master, then prints what comes out of it. Arguments: socket, text to type."""

import array
import os
import socket
import sys

server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(1)
print("listening", flush=True)
connection, _ = server.accept()
descriptors = array.array("i")
_, ancillary, _, _ = connection.recvmsg(256, socket.CMSG_SPACE(descriptors.itemsize))
descriptors.frombytes(ancillary[0][2][: descriptors.itemsize])
master = descriptors[0]
os.write(master, sys.argv[2].encode())
while True:
    try:
        data = os.read(master, 4096)
    except OSError:  # EIO: the last slave is closed
        break
    if not data:
        break
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
