-- Coverage of a network from what `compare --export` wrote, and how much it loses without each machine. DuckDB.
with fails as (
    select workload, any_value(share) as share, product(1 - chance) as fails,
        product(1 - chance_low) as fails_low, product(1 - chance_high) as fails_high
    from 'chances.parquet' group by workload
),
coverage as (
    select 'coverage' as figure, sum(share * (1 - fails)) as value, sum(share * (1 - fails_low)) as low,
        sum(share * (1 - fails_high)) as high
    from fails
),
-- Zero where a machine that never fails would be divided by: the others' product is taken without it.
others as (
    select a.machine, a.workload, a.share, a.chance,
        (select product(1 - b.chance) from 'chances.parquet' b where b.workload = a.workload and b.machine <> a.machine) as fails
    from 'chances.parquet' a
)
select figure, value, low, high from coverage
union all
select machine, sum(share * chance * fails), null, null from others group by machine
order by 1;
