"""What the live page costs: a first look, a tick, fifty readers, five hundred neurons that move, an hour of news.

    python bench/page.py    # --quick: under two minutes; --json for programs; --minutes 60: a real network for an hour

Cost should grow with news, not with history. Where it says "real", a network of ten neurons on an embedded chain is
read; its history is made long by putting copies of its own events into the file (``page_made.Real.fatten``). Where it
says "made up", events are told at the follower's border and no ledger is read: five hundred neurons, each heard by
eight. The browser is headless Chromium by Playwright; without it those figures are left out, and that is said.

- First look: from opening the link of a ``klopf page`` that has just printed it, at 100,000 events, until a row of a
  neuron has been painted in the browser, which is asked itself; the median of five. And, only told, until the whole
  history has been read.
- Tick: bytes of news and seconds of processor of one real epoch, read from the file in three ticks, of a follower that
  was told 1,000,000 events before (made-up ones of the same ten neurons, at its border) beside one that was told 1,000.
  The file has as many events as the follower was told. The least of some epochs, in turn.
- Readers: processor time of the serving process with fifty that listen, beside none, with a piece of news a second.
- Frames: of the picture, while it finds its form; beside those of an empty page, which is the browser's own limit. On
  cores that others keep busy they tell of those: so also the processor time that a frame takes.
- Memory: the serving process after 3,600 pieces of news (an hour at one a second, told as fast as it goes) beside
  after a tenth of them.

Results of ``--quick`` on 2 cores, nothing else to do but one test at its beginning (153 s); the first look on 2 cores
that others kept busy (load 12), before whom it went: ``chrt -r 1 python bench/page.py --quick --only look``. In
brackets the whole ``--quick`` with all panels of finance, a load of 2 to 4:

======================================================  ========  ===========
what                                                    asked     measured
======================================================  ========  ===========
first look at 100,000 events, s                         1         0.31 (0.45)
a tick's bytes, 1,000,000 events beside 1,000           1.2       0.85 (0.85)
a tick's processor time, the same                       1.2       0.52 (0.96)
fifty readers, of one core                              0.2       0.00 (0.01)
a frame of 500 neurons, ms of the page's own process    40        17 (17)
frames a second of 500 neurons (an empty page 61)       25        55.5 (54.7)
memory, an hour's news beside six minutes'              1.05      1.04 (1.02)
======================================================  ========  ===========

The five looks took 0.27 to 0.42 s, with 0.15 s of processor in the server and 0.46 s in the browser; before the page's
files were in memory and a history was read behind whoever looks, 0.45 to 0.68 s and 0.5 to 1.1 s in the server. Where
it did not go before the others (load 6 to 10) a look took 1.1 to 1.9 s. The link takes 2.3 to 3 s more (Python loads).
Where others kept both cores busy (load 9) the picture had 11 frames a second, and a tick took 0.96 and 1.24 times the
processor time: the least of two epochs. Fewer bytes after more events: a share of all that was ever heard no longer
moves by a ten-thousandth. The page of a real network of ten that lived for
an hour by the clock on busy cores (1,686 epochs, ``--only life --minutes 60``), in a process of its own with one
reader, had 103.6 MB after six minutes and 104.8 at their end, 1.012 times (asked: 1.05); after each tenth 99.8, 103.0,
103.7, 104.1, 104.4, 104.5, 104.7, 104.7, 104.8, 104.8 and 104.8. Before the ledger's blocks in memory were bounded by
their bytes it was 101.3 and, after 42 epochs, 106.7.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from figures import Report, arguments
from page_made import Real

from klopf import ledger
from klopf.console.web._follow import Follower, _Piece
from klopf.console.web._reading import Reading

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HZ = os.sysconf("SC_CLK_TCK")
LOOKS = 5


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=0.0, help="also so long a real living network")
    parser.add_argument("--only", choices=("look", "life"), help="the first look, or the real network that lives")
    asked = parser.parse_args()
    with Report(asked.json) as report, tempfile.TemporaryDirectory() as folder:
        real = Real(Path(folder) / "ledger.sqlite", 10)
        try:
            if asked.only == "look":
                long(report, real, asked.quick)
            if asked.only == "life":
                living(report, real, asked.minutes or 60.0)
            if asked.only:
                return
            short(report, real, asked.quick, asked.minutes)
        finally:
            real.close()
        readers(report, 8.0 if asked.quick else 30.0)
        memory(report, 3_600)


# ---- a real ledger


def short(report: Report, real: Real, quick: bool, minutes: float) -> None:
    """The tick of a short history, the first look at a long one, and the tick of a longer one, in this order."""
    for _ in range(2):
        list(real.play())
    known = list(ledger.history(real.book))
    follower = Told(real, known, 1_000)
    ticks = 2 if quick else 5
    few = [follower.epoch() for _ in range(ticks)]
    follower.close()
    blocks = long(report, real, quick)
    told = real.fatten(blocks, 1_000_000)
    follower = Told(real, known, told)
    many = [follower.epoch() for _ in range(ticks)]
    follower.close()
    for at, what, unit in ((0, "bytes", "times"), (1, "processor time", "times")):
        least = [min(one[at] for one in found) for found in (few, many)]
        report.say(f"a tick's {what}, after 1,000 and after {told:,} events: {least[0]:.4g}, {least[1]:.4g}")
        report.figure(f"a tick's {what} at 1,000,000 events beside 1,000", least[1] / least[0], unit, at_most=1.2)
    if minutes:
        living(report, real, minutes)


def long(report: Report, real: Real, quick: bool) -> range:
    """The first look at a long history, which is in the blocks that are returned."""
    while real.epoch < 3:
        list(real.play())
    real.close()
    blocks = real.fill(2_000 if quick else 5_000)
    told = real.fatten(blocks, 100_000)
    real.open()
    list(real.play())
    first_look(report, real, told, 10 if quick else 200)
    return blocks


class Told(Follower):
    """Was told ``count`` events at its border: those that are ``known`` first, then their first epoch again and again,
    in later epochs each time. What it reads afterwards is later still."""

    def __init__(self, real: Real, known: list[Any], count: int) -> None:
        super().__init__(real.source)
        self.real, self.shift, told = real, 0, 0
        again = [e for e in known if getattr(e, "epoch", 0) == 1]
        self._tell(known)
        told = len(known)
        while told < count:
            self.shift += 1
            self._tell([replace(e, epoch=e.epoch + self.shift) for e in again])
            told += len(again)
        self._looks, self.behind = 2, False
        self.history.height = real.book.rpc.height()
        self.history.hash = real.book.rpc.block_hash(self.history.height)
        gc.collect()

    def _tell(self, events: list[Any]) -> None:
        self._publish(self._take([_Piece(self.history, events, 0, "")]))

    def _piece(self, book: ledger.Ledger, reading: Reading, until: int) -> list[_Piece]:
        return [
            piece._replace(
                events=[replace(e, epoch=e.epoch + self.shift) if hasattr(e, "epoch") else e for e in piece.events]
            )
            for piece in super()._piece(book, reading, until)
        ]

    def epoch(self) -> tuple[float, float]:
        """Bytes of news and seconds of this thread in one epoch."""
        size, spent = 0, 0.0
        for _ in self.real.play():
            began, version = time.thread_time(), self.version
            while self.tick() or self.behind:
                pass
            spent += time.thread_time() - began
            while (piece := self.news.after(self.life, version)) is not None:
                version = piece.version
                size += len(piece.said or "")
        return float(size), spent


SEEN = """(() => { const watch = new MutationObserver(() => {
  if (!document.querySelector("#view-neurons tbody tr")) return;
  watch.disconnect();
  requestAnimationFrame(() => {  // before this frame is painted: what is posted here comes behind that
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { window.seenAt = performance.timeOrigin + performance.now(); };
    port2.postMessage(0);
  });
}); watch.observe(document, { childList: true, subtree: true }); })()"""


def first_look(report: Report, real: Real, told: int, patience: float) -> None:
    """Of processes that have just begun, one after another, in a browser that is open already."""
    command = shown(real)
    looks = list[tuple[float, float, float, float]]()
    with browser(report, "first look") as chromium:
        if chromium is None:
            return
        for turn in range(LOOKS):
            page = chromium.new_page()
            page.add_init_script(SEEN)
            began = time.monotonic()
            with serving(command) as (process, link):
                printed, wall = time.monotonic(), time.time()
                before = {pid: _ticks(pid) for pid in descendants(os.getpid())}
                page.goto(link, wait_until="commit")
                page.wait_for_selector("#view-neurons tbody tr", timeout=60_000)
                used = {pid: (_ticks(pid) - before.get(pid, 0)) / HZ for pid in descendants(os.getpid())}
                while not (seen := page.evaluate("window.seenAt")):
                    page.wait_for_timeout(10)
                mine = used.pop(process.pid)
                looks.append((seen / 1000 - wall, printed - began + seen / 1000 - wall, mine, sum(used.values())))
                if turn == 0:
                    history(report, page, patience)
            page.close()
    took, whole, mine, theirs = (statistics.median(one) for one in zip(*looks, strict=True))
    each = ", ".join(f"{look[0]:.2f}" for look in looks)
    report.say(f"{told:,} events, {LOOKS} looks: {each} s, at a load of {os.getloadavg()[0]:.1f}")
    report.say(f"of processor {mine:.2f} s in the server, {theirs:.2f} s in the browser")
    report.figure("first look at 100,000 events", took, "s", at_most=1.0)
    report.figure("from the command to a first look", whole, "s")


def history(report: Report, page: Any, patience: float) -> None:
    seen = time.monotonic()
    while not page.inner_text("#where").endswith(" live") and time.monotonic() - seen < patience:
        page.wait_for_timeout(250)
    whole, spent = page.inner_text("#where").endswith(" live"), time.monotonic() - seen
    report.say(f"its history: {'read' if whole else 'not read yet'} {spent:.0f} s later; {page.inner_text('#alarms')}")
    if whole:
        report.figure("from a first look to the whole history", spent, "s")


def living(report: Report, real: Real, minutes: float) -> None:
    """A real network that lives here: what a ``klopf page`` that shows it to one reader has, in a process of its own,
    after a tenth of the time and at its end."""
    until, sizes = time.monotonic() + 60 * minutes, list[tuple[float, int]]()
    with serving(shown(real)) as (process, link), listening(link):
        while (now := time.monotonic()) < until:
            for _ in real.play():
                pass
            sizes.append((now, resident(process.pid)))
    early = [size for at, size in sizes if at <= until - 54 * minutes][-1]
    report.say(
        f"a real network for {minutes:g} minutes, {len(sizes)} epochs: {early / 1e6:.1f} to {sizes[-1][1] / 1e6:.1f} MB"
    )
    report.say("each tenth: " + ", ".join(f"{size / 1e6:.1f}" for _, size in sizes[:: max(1, len(sizes) // 10)]))
    report.figure(f"memory after {minutes:g} minutes of a real network", sizes[-1][1] / early, "times", at_most=1.05)


# ---- made up


def readers(report: Report, seconds: float) -> None:
    """What fifty cost, and the frames of a picture of five hundred."""
    with serving([sys.executable, str(HERE / "page_made.py"), "500", "1.0"]) as (process, link):
        time.sleep(2)
        alone = spent(process.pid, seconds)
        heard = asyncio.run(listened(link, 50, seconds, process.pid))
        report.say(
            f"of one core: {alone:.1%} with no reader, {heard[0]:.1%} with fifty, who got {heard[1] / 1e6:.1f} MB"
        )
        report.figure("one core for fifty readers", heard[0] - alone, "", at_most=0.2)
        frames(report, link)


@contextlib.contextmanager
def listening(link: str) -> Iterator[None]:
    """Somebody has the page open, and reads what is new."""
    from threading import Thread

    port = int(link.split(":")[2].split("/")[0])
    opened = socket.create_connection(("127.0.0.1", port))
    opened.sendall(asking(link))
    reads = Thread(target=lambda: [None for _ in iter(lambda: opened.recv(1 << 20), b"")], daemon=True)
    reads.start()
    try:
        yield
    finally:
        opened.shutdown(socket.SHUT_RDWR)
        reads.join()
        opened.close()


def asking(link: str) -> bytes:
    """What a reader sends who wants all news."""
    port, token = link.split(":")[2].split("/")[0], link.rpartition("=")[2]
    return f"GET /api/news HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: klopf-{port}={token}\r\n\r\n".encode()


async def listened(link: str, count: int, seconds: float, pid: int) -> tuple[float, int]:
    """The part of a core that the process took while so many listened, and what they got."""
    port = int(link.split(":")[2].split("/")[0])
    got = [0] * count

    async def reads(at: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(asking(link))
        try:
            while piece := await reader.read(1 << 20):
                got[at] += len(piece)
        finally:
            writer.close()

    reading = [asyncio.create_task(reads(at)) for at in range(count)]
    await asyncio.sleep(2)
    before = sum(got)
    part = await asyncio.to_thread(spent, pid, seconds)
    bytes_ = sum(got) - before
    assert min(got) > 0, "somebody got nothing"
    for one in reading:
        one.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    return part, bytes_


FRAMES = """(seconds) => new Promise((done) => {
  let count = 0, began = performance.now();
  window.klopfPicture?.d3ReheatSimulation();
  const next = (now) => {
    count += 1;
    now - began < 1000 * seconds ? requestAnimationFrame(next) : done(count / (now - began) * 1000);
  };
  requestAnimationFrame(next);
})"""


def frames(report: Report, link: str) -> None:
    with browser(report, "frames") as chromium:
        if chromium is None:
            return
        empty = chromium.new_page()
        most = empty.evaluate(FRAMES, 3)
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(link)
        page.goto(link.split("?")[0] + "#/network")
        while not page.evaluate("window.klopfPicture?.graphData().nodes.length >= 500"):
            page.wait_for_timeout(100)
        page.wait_for_timeout(1_000)
        before = {pid: _ticks(pid) for pid in descendants(os.getpid())}
        many = page.evaluate(FRAMES, 4)
        took = max(_ticks(pid) - ticks for pid, ticks in before.items()) / HZ / (4 * many)
        report.figure("a frame's processor time in the page's own process", 1000 * took, "ms", at_most=40)
        report.say(f"frames a second: {many:.1f} with 500 neurons that move, {most:.1f} of an empty page")
        report.figure("frames a second of 500 neurons that move", many, "1/s", at_least=25)
        report.figure("beside those of an empty page", many / most, "")


def memory(report: Report, pieces: int) -> None:
    """As fast as they come; one reader listens, as in life."""
    with serving([sys.executable, str(HERE / "page_made.py"), "50", "0"]) as (process, _):
        early, out = 0, process.stdout
        assert out is not None
        for line in out:
            count = int(line)
            if count == pieces // 10 // 100 * 100:
                early = resident(process.pid)
            if count >= pieces:
                break
        late = resident(process.pid)
    report.say(
        f"resident after {pieces // 10:,} and {pieces:,} pieces of news: {early / 1e6:.1f} and {late / 1e6:.1f} MB"
    )
    report.figure("memory after an hour's news beside six minutes'", late / early, "times", at_most=1.05)


# ---- processes


def shown(real: Real) -> list[str]:
    """The command that shows a real network."""
    klopf = str(Path(sys.executable).with_name("klopf"))
    return [klopf, "page", "--rpc", real.where, "--network", real.deployment.directory, "--no-browser"]


@contextlib.contextmanager
def serving(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves a page, and its link, which is the first that it prints."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def browser(report: Report, what: str) -> Iterator[Any]:
    """Headless Chromium; None where there is none, and that is said."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    if sync_playwright is None or CHROMIUM is None:
        report.say(f"no Playwright or no Chromium here: {what} is left out")
        yield None
        return
    with sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


def spent(pid: int, seconds: float) -> float:
    """The part of a core that a process takes in so many seconds."""
    before, began = _ticks(pid), time.monotonic()
    time.sleep(seconds)
    return (_ticks(pid) - before) / HZ / (time.monotonic() - began)


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def descendants(pid: int) -> list[int]:
    """Those whom a process began, and those whom they did."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def resident(pid: int) -> int:
    """Bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
