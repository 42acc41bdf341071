"""Results as Markdown."""

from statistics import geometric_mean
from typing import Any

from foreign_load import MAX_QUIET
from rounds import Ratio, Row

LINEAR_PEERS = ["candle", "torch", "torch packed"]
ATTENTIONS = ["transformers sdpa", "transformers eager"]


def facts(facts: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (
        f"{facts['cpu']}, {facts['threads']} threads; exact on {facts['exact_isa']}, "
        f"torch on {facts['torch_isa']}\n"
        f"{versions}\n"
        f"reads {facts['read_gigabytes_per_s']:.1f} GB/s from memory\n"
    )


def foreign_load(processors: float) -> str:
    verdict = "" if processors <= MAX_QUIET else ": too many for figures; run again on a quiet machine"
    return f"other processes kept {processors:.2f} processors busy during the run{verdict}"


def linear(precision: str, rows: list[Row]) -> str:
    head = ["linear " + precision + ": m, n, k", "exact ms"] + [f"{peer} ms" for peer in LINEAR_PEERS]
    head += [f"{peer} / exact" for peer in LINEAR_PEERS]
    body = []
    for row in rows:
        times = [milliseconds(row.median_ms(engine)) for engine in ["exact", *LINEAR_PEERS]]
        body.append([row.name, *times, *(spread(row.ratio(peer)) for peer in LINEAR_PEERS)])
    means = [mean([row.ratio(peer) for row in rows]) for peer in LINEAR_PEERS]
    body.append(["geometric mean", "", *("" for _ in LINEAR_PEERS), *means])
    return table(head, body) + refusals(rows)


def share_of_bandwidth(rows: list[Row]) -> str:
    """How much of the read bandwidth, measured in the same round, the weights of single-row products take."""
    body = []
    for row in rows:
        ratio, read_ms = row.ratio("read"), row.median_ms("read")
        if ratio is None or read_ms is None:
            continue
        weight_bytes = row.sizes["weight_bytes"]
        share = f"{ratio.median:.0%} ({ratio.least:.0%} to {ratio.most:.0%})"
        body.append([row.name, f"{weight_bytes / 2**20:.0f}", f"{weight_bytes / (read_ms * 1e6):.1f}", share])
    return table(["single row: m, n, k", "weights MiB", "memory reads GB/s", "share of exact"], body)


def models(precision: str, rows: list[Row]) -> str:
    name = f"SmolLM2-135M shape, {precision}"
    head = [name, "exact ms", "candle-transformers ms", "transformers ms", "faster peer", "faster peer / exact"]
    body = []
    for row in rows:
        transformers = row.fastest(ATTENTIONS)
        peer = row.fastest(["candle-transformers", *ATTENTIONS])
        times = [milliseconds(row.median_ms(engine)) for engine in ["exact", "candle-transformers"]]
        times.append(milliseconds(row.median_ms(transformers)) if transformers else "–")
        body.append([row.name, *times, peer or "–", spread(row.ratio(peer))])
    return table(head, body) + refusals(rows)


def table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *body]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def milliseconds(ms: float | None) -> str:
    return "–" if ms is None else f"{ms:.3g}" if ms < 100 else f"{ms:.0f}"


def spread(ratio: Ratio | None) -> str:
    return "–" if ratio is None else f"{ratio.median:.2f} ({ratio.least:.2f} to {ratio.most:.2f})"


def mean(ratios: list[Ratio | None]) -> str:
    medians = [ratio.median for ratio in ratios if ratio]
    return f"{geometric_mean(medians):.2f}" if medians else "–"


def refusals(rows: list[Row]) -> str:
    """Why cells are empty, each reason once."""
    reasons = {f"{engine}: {reason}" for row in rows for engine, reason in row.refusals.items()}
    return "".join(f"\n{reason}\n" for reason in sorted(reasons))
