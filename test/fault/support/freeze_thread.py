"""Stops one thread of a process, the one that computes, as a kernel that never ends would: ptrace, until standard input closes."""

import ctypes
import os
import sys
import time

PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
WALL = 0x40000000


def processor_time(pid: int) -> dict[int, int]:
    times = {}
    for name in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{name}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        times[int(name)] = int(fields[11]) + int(fields[12])
    return times


def busiest(pid: int) -> int:
    before = processor_time(pid)
    time.sleep(0.4)
    after = processor_time(pid)
    return max(after, key=lambda tid: after[tid] - before.get(tid, 0))


def main() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    tid = busiest(int(sys.argv[1]))
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if libc.ptrace(request, tid, None, None) != 0:
            print(f"refused: {os.strerror(ctypes.get_errno())}", flush=True)
            return
    os.waitpid(tid, WALL)
    print(f"stopped {tid}", flush=True)
    sys.stdin.read()


main()
