"""A program that runs one network once per line of its standard input.

Between its turns a peer is stopped (SIGSTOP), so that only one computes at a
time, whatever its threads do while they wait.
"""
import os
import signal
import subprocess
import time

# Each library chooses how its threads wait, unless a race sets it; the shell's
# settings are not passed on.
DROPPED = ("OMP_", "GOMP_", "KMP_", "OPENBLAS_", "MKL_", "DNNL_", "ONEDNN_")

LONG = 4.0  # seconds of a run


class Peer:
    def __init__(self, name, precision, command, env=None, note=""):
        self.name = name
        self.precision = precision
        self.command = [str(word) for word in command]
        self.env = env or {}
        self.note = note
        self.process = None
        self.seconds = []
        self.once = 0.0  # about how long a run takes
        self.failure = None

    def start(self):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(DROPPED)}
        self.process = subprocess.Popen(
            self.command, env={**env, **self.env}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        try:
            if self._read() != "ready":
                raise RuntimeError("it did not print ready")
            self.run(1)  # the first run converts the weights
            if self.seconds[0] < LONG:
                self.run(1)
            self.once = self.seconds[-1]
            self.seconds = []
            self._signal(signal.SIGSTOP)
        except (RuntimeError, OSError, ValueError) as cause:
            self.failure = str(cause)
            self.stop()

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            rows = self.process.stderr.read().strip().splitlines()
            raise RuntimeError(rows[-1] if rows else "it ended")
        return line.strip()

    def _signal(self, number):
        self.process.send_signal(number)

    def run(self, count):
        for _ in range(count):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            self.seconds.append(float(self._read()))

    def turn(self, seconds):
        """Continue, run once to warm the caches (if a run is so short that
        they matter), then run for that many seconds, at least once."""
        self._signal(signal.SIGCONT)
        end = time.monotonic() + seconds
        if self.once < LONG / 4:
            self.run(1)
            self.once = self.seconds.pop()
        self.run(1)
        while time.monotonic() + self.once < end:
            self.run(1)
        self._signal(signal.SIGSTOP)

    def stop(self):
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout,
                     self.process.stderr):
            try:
                pipe.close()
            except OSError:
                pass
        self.process = None


def race(peers, rounds, seconds, say=print):
    """Run all peers in turns, A B C A B C; times go to peer.seconds."""
    try:
        for peer in peers:
            peer.start()
            say(f"  {peer.name:28} {peer.failure or 'ready'}")
        running = [p for p in peers if p.failure is None]
        for _ in range(rounds):
            for peer in running:
                peer.turn(seconds)
    finally:
        for peer in peers:
            peer.stop()
