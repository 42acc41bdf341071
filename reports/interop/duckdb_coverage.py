"""DuckDB and `compare` say the same of a network: duckdb_coverage.py FOLDER COMPARISON, what `compare --export FOLDER --output json` wrote."""

import json
import os
import sys
from pathlib import Path

import duckdb

CLOSE = 1e-12


def main() -> None:
    folder, comparison = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    query = Path(__file__).with_name("coverage.sql").read_text()
    os.chdir(folder)
    rows = {figure: figures for figure, *figures in duckdb.sql(query).fetchall()}
    for end, actual in zip(["value", "low", "high"], rows.pop("coverage")):
        expected = comparison["coverage"][end]
        assert abs(actual - expected) <= CLOSE, (end, actual, expected)

    # An operator with one machine of its own loses with it what the machine adds.
    machines = duckdb.sql("select operator, any_value(machine), count(*), min(part) from 'machines.parquet' group by operator").fetchall()
    single = {operator: machine for operator, machine, count, part in machines if count == 1 and part == 1}
    marginal = dict(duckdb.sql("select operator, marginal from 'operators.parquet'").fetchall())
    expected = {row["operator"]: row["marginal"]["value"] for row in comparison["operators"]}
    assert marginal == expected
    assert single
    for operator, machine in single.items():
        [actual, _, _] = rows[machine]
        assert abs(actual - expected[operator]) <= CLOSE, (operator, actual, expected[operator])
    print(f"DuckDB agrees on coverage and on {len(single)} of {len(expected)} operators' marginals")


main()
