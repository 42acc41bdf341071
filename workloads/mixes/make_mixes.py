"""Makes the mixes of this folder from public traces of requests: python workloads/mixes/make_mixes.py FOLDER

FOLDER holds one CSV a trace, with a header, then time, prompt tokens and output tokens in each line:

azure_2023_code.csv          https://github.com/Azure/AzurePublicDataset, commit b469a113,
                             data/AzureLLMInferenceTrace_code.csv, as it is (CC-BY-4.0)
azure_2023_conversation.csv  the same, data/AzureLLMInferenceTrace_conv.csv, as it is (CC-BY-4.0)
mooncake_conversation.csv    https://github.com/kvcache-ai/Mooncake, commit 3b5a5941,
                             FAST25-release/traces/conversation_trace.jsonl (Apache-2.0), its members timestamp, input_length and
                             output_length as columns timestamp_ms, input_tokens, output_tokens; hash_ids left out

Each request is counted in a bin of two lengths, named by their upper edges. Edges are powers of two, the halves between (64, 96, 128,
192, ..) and the trace's own quantiles, whose sizes the suite `standard` asks. Shares are millionths by the largest remainder, so that they add up to a million. Quantiles are order
statistics of the lengths themselves: the least length that so many requests do not exceed. Python's standard library only.
"""

import csv
import hashlib
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
MILLION = 1_000_000
PERCENT = (25, 50, 75, 90, 99)

AZURE = {
    "repository": "https://github.com/Azure/AzurePublicDataset",
    "commit": "b469a113",
    "licence": "CC-BY-4.0",
}
SPLITWISE = (
    "Azure LLM inference dataset 2023, Microsoft, CC BY 4.0, published with Patel et al., Splitwise: Efficient "
    "Generative LLM Inference Using Phase Splitting, ISCA 2024; lengths counted in bins"
)
TRACES = (
    {
        "file": "azure_2023_code.csv",
        "sha256": "54e9a6d2a4bd06ba1e060304b900abbc74cbea53de96506e60fe5bb4f2277fb6",
        "name": "azure-2023-code",
        "description": "code completion: about an hour of a production service in November 2023",
        "source": {**AZURE, "path": "data/AzureLLMInferenceTrace_code.csv", "attribution": SPLITWISE},
    },
    {
        "file": "azure_2023_conversation.csv",
        "sha256": "2f1e5b666d4e3055fdbba98598ce2ec307767b9064e03e2fa46676dbcc7d0bf8",
        "name": "azure-2023-conversation",
        "description": "conversation: about an hour of a production service in November 2023",
        "source": {**AZURE, "path": "data/AzureLLMInferenceTrace_conv.csv", "attribution": SPLITWISE},
    },
    {
        "file": "mooncake_conversation.csv",
        "sha256": "ff9bdd6dea28f5b7883d855f180994864a2fb180a37758103d77298e8483e7de",
        "name": "mooncake-conversation",
        "description": "conversation with long contexts: about an hour of the service Kimi",
        "source": {
            "repository": "https://github.com/kvcache-ai/Mooncake",
            "path": "FAST25-release/traces/conversation_trace.jsonl",
            "commit": "3b5a5941",
            "licence": "Apache-2.0",
            "attribution": "Mooncake traces, Moonshot AI, Apache-2.0, published with Qin et al., Mooncake: Trading More "
            "Storage for Less Computation, FAST 2025; lengths counted in bins",
        },
    },
)


def main(folder):
    for trace in TRACES:
        path = folder / trace["file"]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        print(digest, path.name)
        if digest != trace["sha256"]:
            sys.exit(f"{path} is another file: SHA-256 {trace['sha256']} expected")
        lengths = read(path)
        (HERE / f"{trace['name']}.toml").write_text(mix(trace, lengths), encoding="ascii")


def read(path):
    with path.open(newline="", encoding="ascii") as file:
        rows = list(csv.reader(file))[1:]
    lengths = [(int(prompt), int(output)) for _, prompt, output in rows]
    if any(prompt < 1 or output < 1 for prompt, output in lengths):
        sys.exit(f"{path} has a request without prompt or output")
    return lengths


def mix(trace, lengths):
    prompts, outputs = (quantiles(of) for of in zip(*lengths))
    bins = shares(Counter((upper_edge(prompt, prompts), upper_edge(output, outputs)) for prompt, output in lengths))
    lines = [
        f"# Made by make_mixes.py from {trace['file']}.",
        "format = 1",
        text("name", trace["name"]),
        'version = "1.0.0"',
        text("description", trace["description"]),
        'basis = "trace"',
        "request = [",
        *(
            f'    {{ task = "generation", prompt_tokens = {prompt}, output_tokens = {output}, share_ppm = {share} }},'
            for (prompt, output), share in bins
        ),
        "]",
        "",
        "[source]",
        *(text(member, trace["source"][member]) for member in ("repository", "path", "commit", "licence", "attribution")),
        f"rows = {len(lengths)}",
        text("sha256", trace["sha256"]),
        "",
        "[quantiles]",
        f"prompt_tokens = {table(prompts)}",
        f"output_tokens = {table(outputs)}",
    ]
    return "\n".join(lines) + "\n"


def text(member, value):
    return f'{member} = "{value}"'


def upper_edge(length, quantiles):
    """The least of 1, 2, 3, 4, 6, 8, 12, 16, .. and the quantiles that is not below the length."""
    power = 1 << (length - 1).bit_length()
    three_quarters = power * 3 // 4
    edge = three_quarters if power >= 4 and length <= three_quarters else power
    return min([edge, *(quantile for quantile in quantiles.values() if quantile >= length)])


def shares(counts):
    """Millionths of each bin, rounded down, then one more for the largest remainders; ties by bin."""
    total = sum(counts.values())
    parts = {bin: divmod(count * MILLION, total) for bin, count in sorted(counts.items())}
    missing = MILLION - sum(share for share, _ in parts.values())
    raised = set(sorted(parts, key=lambda bin: (-parts[bin][1], bin))[:missing])
    return [(bin, share + (bin in raised)) for bin, (share, _) in parts.items()]


def quantiles(lengths):
    ordered = sorted(lengths)
    return {percent: ordered[-(-percent * len(ordered) // 100) - 1] for percent in PERCENT}


def table(at):
    return "{ " + ", ".join(f"p{percent} = {length}" for percent, length in at.items()) + " }"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
