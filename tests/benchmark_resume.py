"""Whether a long run survives being killed, and how much memory it takes.

    python tests/benchmark_resume.py --model runs/embedded/model

First a run of 20,000 reports is killed 20 times at random moments and begun again each time: its
folder must hold the bytes of a run that nobody killed (the commit of the checkout is among them:
leave it alone meanwhile). Then 1,000,000 short reports, and 100,000 empty ones: the memory of the
process must stay flat, within 5 % of what it was when a fifth of the shards were in. Exit status 1
where one of these fails. `--predict` passes further arguments on.
"""

import argparse
import json
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from annotation.bundled import CORPUS, HOME
from annotation.formats import read_records
from annotation.ledger import Ledger

SHARDS_OF_KILLED_RUN = 50
FLAT = 1.05
SETTLED = 0.2
"""The share of the shards after which the memory must not grow any more."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What all runs share."""

    model: Path
    folder: Path
    further: list[str]

    def start(self, source: Path, output: Path, *more: str) -> subprocess.Popen[bytes]:
        """A run in a process of its own."""
        command = [sys.executable, "-m", "inference", "predict", "--model", str(self.model)]
        command += [str(source), "--output", f"{output}/", *more, *self.further]
        with (self.folder / "said").open("ab") as said:
            return subprocess.Popen(command, cwd=HOME, stderr=said)

    def check(self, status: int) -> None:
        """End here where a run failed, with what it said."""
        if status != 0:
            raise SystemExit((self.folder / "said").read_text("utf-8")[-2_000:])


def main() -> int:
    """Run all, print, and say whether all is as it must be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a model folder")
    parser.add_argument("--killed-reports", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--reports", type=int, default=1_000_000, help="short ones; 0: none")
    parser.add_argument("--blank", type=int, default=100_000, help="empty ones; 0: none")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--predict", default="", help="further arguments of predict, in one string")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        further = shlex.split(arguments.predict)
        benchmark = Benchmark(arguments.model.resolve(), Path(name), further)
        fine = True
        if arguments.kills:
            draw = random.Random(arguments.seed)
            fine &= survives(benchmark, arguments.killed_reports, arguments.kills, draw)
        if arguments.reports:
            texts = islice(cycle(sentences()), arguments.reports)
            fine &= stays_flat(benchmark, "short", texts)
        if arguments.blank:
            fine &= stays_flat(benchmark, "empty", islice(cycle([""]), arguments.blank))
    return 0 if fine else 1


def survives(benchmark: Benchmark, reports: int, kills: int, draw: random.Random) -> bool:
    """Whether a run that is killed so often holds what one that is not holds."""
    whole, killed = benchmark.folder / "whole", benchmark.folder / "killed"
    source = write(benchmark.folder / "killed.jsonl", islice(cycle(sentences(3)), reports))
    shard_bytes = f"--shard-bytes={source.stat().st_size // SHARDS_OF_KILLED_RUN}"
    started = time.perf_counter()
    process = benchmark.start(source, whole, shard_bytes)
    while process.poll() is None and not parts(whole):
        time.sleep(0.005)
    before_first = time.perf_counter() - started
    benchmark.check(process.wait())
    seconds = time.perf_counter() - started
    shards = parts(whole)
    shard_seconds = (seconds - before_first) / shards
    done, same = 0, True
    at: list[int] = []
    # Moments of the whole run, its start included: a shard to wait for, and a while behind it.
    targets = sorted(draw.randrange(max(1, shards - 1)) for _ in range(kills))
    while done < kills:
        if parts(killed) == shards:
            # It came to its end between two stops: the next ones are of another run.
            same &= ends_alike(benchmark, source, killed, whole, shard_bytes)
        before = parts(killed)
        # Where the last stop lay behind this moment: in the start, or behind the next shard.
        awaited = min(max(targets[done], before + draw.randrange(2)), shards - 1)
        process = benchmark.start(source, killed, shard_bytes)
        while process.poll() is None and parts(killed) < awaited:
            time.sleep(0.002)
        while_behind = shard_seconds if parts(killed) > before else before_first
        time.sleep(draw.random() * while_behind)
        if process.poll() is None:
            done += 1
            process.kill()
            at.append(parts(killed))
        elif process.returncode:
            benchmark.check(process.returncode)
        process.wait()
    same &= ends_alike(benchmark, source, killed, whole, shard_bytes)
    print(f"{reports} reports in {shards} shards, {seconds:.0f} s without a stop")
    print(f"killed {done} times, with so many shards in: {', '.join(map(str, at))}")
    print(f"the folder of the killed run {'is the same' if same else 'DIFFERS'}")
    shutil.rmtree(whole)
    return same


def ends_alike(
    benchmark: Benchmark, source: Path, killed: Path, whole: Path, shard_bytes: str
) -> bool:
    """Let a killed run end, and say whether its folder is the same; then it is removed."""
    benchmark.check(benchmark.start(source, killed, shard_bytes).wait())
    one, other = contents(whole), contents(killed)
    differing = sorted(name for name in one | other if one.get(name) != other.get(name))
    if differing:
        print(f"not the same: {', '.join(differing)}")
    shutil.rmtree(killed)
    return not differing


def stays_flat(benchmark: Benchmark, kind: str, texts: Iterator[str]) -> bool:
    """Whether a run's memory stays what it was once it has settled."""
    source = write(benchmark.folder / f"{kind}.jsonl", texts)
    output = benchmark.folder / kind
    started = time.perf_counter()
    process = benchmark.start(source, output)
    samples: list[tuple[int, int]] = []
    while process.poll() is None:
        samples.append((parts(output), resident_kilobytes(process.pid)))
        time.sleep(0.05)
    benchmark.check(process.wait())
    seconds = time.perf_counter() - started
    manifest = json.loads((output / "manifest.json").read_text("utf-8"))
    shards = len(manifest["shards"])
    early = [kilobytes for done, kilobytes in samples if 0 < done <= SETTLED * shards]
    if not early:
        print(f"{kind}: the run was too short to tell whether its memory stays flat")
        return False
    settled = max(early)
    highest = max(kilobytes for done, kilobytes in samples if done)
    flat = highest <= FLAT * settled
    predicted = manifest["predicted"]
    print(f"{predicted} {kind} reports in {shards} shards, {predicted / seconds:.0f} a second")
    print(
        f"memory: {settled / 1024:.0f} MiB while the first fifth was made, "
        f"{highest / 1024:.0f} MiB at most: {'flat' if flat else 'NOT FLAT'}"
    )
    shutil.rmtree(output)
    source.unlink()
    return flat


def sentences(count: int = 1) -> list[str]:
    """Stretches of the bundled corpus, of so many sentences each."""
    with Ledger() as ledger:
        texts = [report.text for report in ledger.sort(read_records([HOME / CORPUS]))]
    found = [part.strip() for text in texts for part in text.split(".") if part.strip()]
    return [". ".join(found[i : i + count]) for i in range(0, len(found), count)]


def write(path: Path, texts: Iterator[str]) -> Path:
    """Reports of these texts, with ids of their own."""
    with path.open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            line = json.dumps({"id": f"r{number}", "text": text}, ensure_ascii=False)
            file.write(f"{line}\n")
    return path


def parts(folder: Path) -> int:
    """How many shards are there."""
    return sum(1 for _ in folder.glob("part-*.jsonl"))


def contents(folder: Path) -> dict[str, bytes]:
    """All files, by their names."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def resident_kilobytes(process_id: int) -> int:
    """What a process has in memory; 0 once it has ended."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text("ascii")
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(found[0]) if found else 0


if __name__ == "__main__":
    sys.exit(main())
