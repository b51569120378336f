#!/usr/bin/env python3
"""What both ends of a connection meet under a cut, second by second.

    meet.py [--send BYTES] [--close] [--datagrams N] [--revert-after S] [--end-after S] [--sum] WHAT NETSPLIT APPLY TAKES

Makes two network namespaces with a cable between them: a node, which listens on port 9000, and a peer. One connection
is open before the cut ("open"), another is tried after it ("new"), and with --datagrams UDP follows TCP. The kernel
itself is asked how often it sent something again (TCP_INFO); with --sum that is told once, at the end. Needs root, and
netsplit in PATH; leaves nothing behind.
"""

import argparse
import ctypes
import errno
import os
import socket
import struct
import subprocess
import sys
import time

NODE, PEER, PORT = "meet-node", "meet-peer", 9000
ADDRESS = {NODE: "10.77.0.1", PEER: "10.77.0.2"}
LIBC = ctypes.CDLL(None, use_errno=True)


def ip(line):
    subprocess.run(["ip", *line.split()], check=True)


def enter(namespace):
    """Sockets that this thread makes from now on belong to the namespace."""
    with open(f"/run/netns/{namespace}") as file:
        if LIBC.setns(file.fileno(), 0x40000000):  # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), "setns: this needs root")


def cable():
    for namespace in (NODE, PEER):
        ip(f"netns add {namespace}")
        ip(f"-n {namespace} link set lo up")
    ip(f"-n {NODE} link add eth0 type veth peer name eth0 netns {PEER}")
    for namespace, address in ADDRESS.items():
        ip(f"-n {namespace} addr add {address}/24 dev eth0")
        ip(f"-n {namespace} link set eth0 up")


class Talk:
    """Writes down what happened, and when: seconds from the cut on. A lane for each of those that it happened to."""

    def __init__(self):
        self.zero, self.lanes = time.monotonic(), {name: [] for name in ("cut", "open", "node", "new", "udp")}

    def now(self):
        return time.monotonic() - self.zero

    def __call__(self, who, what):
        self.lanes[who].append(f"{self.now():6.1f} s  {what}")

    def show(self):
        for name, lines in self.lanes.items():
            for number, line in enumerate(lines):
                print(f"{'' if number else name:<4}  {line}")


class End:
    """A TCP socket that is looked at again and again."""

    def __init__(self, name, sock, say, resends, silent):
        self.name, self.sock, self.say, self.resends = name, sock, say, resends
        self.silent, self.again, self.dead = silent, self.total(), False
        self.received, self.tampered = 0, False
        sock.setblocking(False)

    def total(self):
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        return struct.unpack_from("I", info, 100)[0]  # tcpi_total_retrans

    def fail(self, error):
        self.dead = True
        self.say(self.name, errno.errorcode.get(error.errno, str(error)))

    def look(self):
        if self.dead:
            return b""
        total = self.total()
        if total > self.again and not self.silent:
            self.say(self.name, f"{self.resends} ({total})")
        self.again = total
        try:
            data = self.sock.recv(1 << 20)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError as error:
            # A connection that is being made has nothing to read yet.
            if error.errno != errno.ENOTCONN:
                self.fail(error)
            return b""
        if not data:
            self.dead = True
            self.say(self.name, "the other end closed it")
        self.received += len(data)
        self.tampered |= any(data)
        return data


def datagrams(count, say):
    enter(NODE)
    to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    to.bind((ADDRESS[NODE], PORT))
    enter(PEER)
    by = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    by.connect((ADDRESS[NODE], PORT))
    got, said = [], None
    for number in range(count):
        try:
            by.send(bytes([number]) * 8)
        except OSError as error:
            said = said or errno.errorcode[error.errno]
        time.sleep(0.02)
    to.settimeout(0.5)
    try:
        while True:
            data = to.recv(100)
            got.append(str(data[-1]) + ("" if len(set(data)) == 1 else "!"))
    except TimeoutError:
        pass
    say("udp", f"{count} datagrams sent, numbered from 0" + (f"; send: {said}" if said else ""))
    say("udp", f"arrived, ! for a changed one: {' '.join(got) or 'none'}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--send", type=int, default=1)
    parser.add_argument("--datagrams", type=int, default=0)
    parser.add_argument("--revert-after", type=float, default=0)
    parser.add_argument("--end-after", type=float, default=3)
    parser.add_argument("--close", action="store_true", help="the peer closes the open connection")
    parser.add_argument("--sum", action="store_true")
    args, cut = parser.parse_known_args()

    cable()
    enter(NODE)
    listener = socket.create_server((ADDRESS[NODE], PORT))
    enter(PEER)
    peer = socket.create_connection((ADDRESS[NODE], PORT))
    node, _ = listener.accept()
    listener.setblocking(False)
    apply = ["netsplit", "apply", "--on", f"netns:{NODE}", "--for", "5m", *cut]
    applied = subprocess.run(apply, capture_output=True, text=True)
    if applied.returncode:
        sys.exit(applied.stderr)

    say = Talk()
    say("cut", "in force")
    for line in applied.stderr.splitlines():
        if "closed" in line:
            say("cut", line.split(": ")[1])
    opened = End("open", peer, say, "sent again by the peer", args.sum)
    ends = [opened, End("node", node, say, "sent again by the node", args.sum)]
    new = socket.socket()
    new = End("new", new, say, "SYN sent again", args.sum)
    ends.append(new)
    new.sock.connect_ex((ADDRESS[NODE], PORT))
    todo = bytes(args.send)
    try:
        todo = todo[peer.send(todo):]
        say("open", f"the peer sends {args.send:,} byte{'s' if args.send > 1 else ''}")
    except OSError as error:
        opened.fail(error)
    if args.close:
        peer.shutdown(socket.SHUT_WR)
        say("open", "the peer closes it")
    echo, connected, complete, reverted = bytearray(), False, False, False
    accepted = []
    while say.now() < args.end_after:
        for end in list(ends):
            data = end.look()
            if end.name == "node":
                echo += data
        if todo and not opened.dead:
            try:
                todo = todo[peer.send(todo):]
            except BlockingIOError:
                pass
            except OSError as error:
                opened.fail(error)
        if echo and not ends[1].dead:
            try:
                del echo[:node.send(echo)]
            except BlockingIOError:
                pass
            except OSError as error:
                ends[1].fail(error)
        if not complete and opened.received >= args.send:
            complete = True
            say("open", "all of it came back" + (", changed" if opened.tampered else ""))
        if not connected and not new.dead:
            state = new.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
            if state == 1:
                connected = True
                say("new", "connected")
        try:
            accepted.append(listener.accept()[0])
            say("node", "accepts the new one")
        except BlockingIOError:
            pass
        if args.revert_after and not reverted and say.now() >= args.revert_after:
            reverted = True
            subprocess.run(["netsplit", "revert", applied.stdout.strip()], check=True, capture_output=True)
            say("cut", "reverted")
        time.sleep(0.005)
    if args.datagrams:
        datagrams(args.datagrams, say)
    if not complete and not opened.dead:
        say("open", f"waits, with {opened.received:,} bytes back")
    if not connected and not new.dead:
        say("new", "still tries to connect")
    for end in ends:
        if args.sum and end.again:
            say(end.name, f"{end.resends}: {end.again} segments")
    if not reverted:
        subprocess.run(["netsplit", "revert", applied.stdout.strip()], check=True, capture_output=True)
    say.show()


try:
    main()
finally:
    for each in (NODE, PEER):
        if os.path.exists(f"/run/netns/{each}"):
            ip(f"netns del {each}")
