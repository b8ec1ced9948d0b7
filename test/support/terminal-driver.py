"""Runs a program under a pseudo-terminal and is driven by JSON lines.

usage: terminal-driver.py ROWS COLUMNS PROGRAM [ARGUMENT...]
in:    {"write": BASE64} | {"resize": [ROWS, COLUMNS]} | {"signal": NUMBER}
out:   {"pid": NUMBER} first, then {"data": BASE64}, and {"exit": CODE, "signal": NUMBER} at the end
"""

import base64
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios


def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def resize(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def obey(line, terminal, child):
    order = json.loads(line)
    if "write" in order:
        data = base64.b64decode(order["write"])
        while data:
            data = data[os.write(terminal, data):]
    if "resize" in order:
        resize(terminal, *order["resize"])
    if "signal" in order:
        os.kill(child, order["signal"])


def main():
    rows, columns = int(sys.argv[1]), int(sys.argv[2])
    gate_read, gate_write = os.pipe()
    child, terminal = pty.fork()
    if child == 0:
        # The size must be right before the program asks for it.
        os.close(gate_write)
        os.read(gate_read, 1)
        os.close(gate_read)
        os.execvp(sys.argv[3], sys.argv[3:])
    os.close(gate_read)
    resize(terminal, rows, columns)
    os.close(gate_write)
    say(pid=child)
    orders = b""
    listening = [terminal, 0]
    while True:
        ready, _, _ = select.select(listening, [], [])
        if 0 in ready:
            chunk = os.read(0, 65536)
            if not chunk:
                # The test is gone: so is its terminal.
                os.kill(child, signal.SIGHUP)
                listening.remove(0)
            orders += chunk
            while b"\n" in orders:
                line, orders = orders.split(b"\n", 1)
                obey(line, terminal, child)
        if terminal in ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                data = b""
            if not data:
                break
            say(data=base64.b64encode(data).decode())
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        say(exit=128 + os.WTERMSIG(status), signal=os.WTERMSIG(status))
    else:
        say(exit=os.WEXITSTATUS(status), signal=0)


main()
