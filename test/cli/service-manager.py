"""What a service manager does around a runtime. Arguments: a mode, then the mode's own.

pidfd SOCKET           receives a pidfd at a stream socket and prints its message and PID
notify SOCKET          receives one datagram and prints it
activate COUNT CMD...  becomes CMD with COUNT files as activated descriptors
"""

import array
import os
import socket
import sys
import tempfile

mode, *rest = sys.argv[1:]

if mode == "pidfd":
    server = socket.socket(socket.AF_UNIX)
    server.bind(rest[0])
    server.listen(1)
    print("ready", flush=True)
    connection, _ = server.accept()
    numbers = array.array("i")
    message, ancillary, _, _ = connection.recvmsg(256, socket.CMSG_SPACE(numbers.itemsize))
    numbers.frombytes(ancillary[0][2][: numbers.itemsize])
    with open(f"/proc/self/fdinfo/{numbers[0]}") as info:
        pid = [line.split()[1] for line in info if line.startswith("Pid:")][0]
    print(message.decode(), pid)
elif mode == "notify":
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(rest[0])
    server.settimeout(20)
    print("ready", flush=True)
    sys.stdout.write(server.recv(4096).decode())
elif mode == "activate":
    count = int(rest[0])
    files = [tempfile.TemporaryFile() for _ in range(count + 8)][8:]
    for index, file in enumerate(files):
        file.write(f"file {index}".encode())
        file.seek(0)
        os.dup2(file.fileno(), 3 + index, inheritable=True)
    os.environ.update(LISTEN_FDS=str(count), LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="a:b")
    os.execvp(rest[1], rest[1:])
