//! Requests of a trace: when they came, and how long they were.

use proofmark_workloads::{MixRequest, RequestKind, Suite};
use serde::Deserialize;

use super::capacity::routing::Request;
use super::csv_table::{self, TableFault};
use super::demand::Demand;

/// Requests that are taken of a trace.
const MAX_REQUESTS: usize = 2_000_000;

/// A line of a trace.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TraceLine {
    arrival_ms: f64,
    prompt_tokens: u32,
    output_tokens: u32,
}

/// A trace as it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Requests a second, on average.
    pub rate_per_s: f64,
    /// In the order of their arrival, the first at 0.
    pub requests: Vec<Request>,
}

/// Requests of generation from a CSV with columns `arrival_ms`, `prompt_tokens` and `output_tokens`, no line before the one before. Each is of the row with
/// the least work among those whose workload is no easier.
///
/// # Errors
/// When a line is of another form or out of order, or there are too few to have a rate.
pub fn trace(csv: &[u8], demand: &Demand, suite: &Suite) -> Result<Trace, TableFault> {
    let lines = csv_table::lines(csv, &["arrival_ms", "prompt_tokens", "output_tokens"], &[])?;
    let mut rows: Vec<usize> = (0..demand.rows.len()).collect();
    let workload = |row: usize| suite.workload(&demand.rows[row].workload);
    rows.sort_by_key(|row| workload(*row).map(|workload| workload.work(1).flops()));
    let mut requests: Vec<Request> = Vec::new();
    for line in lines {
        let (number, TraceLine { arrival_ms, prompt_tokens, output_tokens }) = line?;
        let fault = |fact: String| TableFault::at(number, fact);
        let arrival_s = arrival_ms / 1e3;
        if !arrival_s.is_finite() || requests.last().is_some_and(|last| arrival_s < last.arrival_s) {
            return Err(fault(format!("arrival_ms is {arrival_ms}, earlier than the line before")));
        }
        if requests.len() == MAX_REQUESTS {
            return Err(fault(format!("there are more than {MAX_REQUESTS} requests")));
        }
        let request =
            MixRequest { kind: RequestKind::Generation { prompt_tokens, output_tokens }, share_ppm: 1 };
        let serves =
            |row: &usize| workload(*row).is_some_and(|workload| request.is_no_harder_than(workload.shape));
        requests.push(Request { arrival_s, row: rows.iter().copied().find(serves) });
    }
    let (Some(first), Some(last)) = (requests.first(), requests.last()) else {
        return Err(TableFault::whole("there are no requests"));
    };
    let (from_s, elapsed_s) = (first.arrival_s, last.arrival_s - first.arrival_s);
    if elapsed_s <= 0.0 {
        return Err(TableFault::whole("all requests arrive at once, which is no rate"));
    }
    let rate_per_s = (requests.len() - 1) as f64 / elapsed_s;
    requests.iter_mut().for_each(|request| request.arrival_s -= from_s);
    Ok(Trace { rate_per_s, requests })
}

impl Trace {
    /// The same requests at another rate.
    #[must_use]
    pub fn at(mut self, rate_per_s: f64) -> Self {
        let factor = self.rate_per_s / rate_per_s;
        self.requests.iter_mut().for_each(|request| request.arrival_s *= factor);
        Self { rate_per_s, ..self }
    }
}

#[cfg(test)]
mod tests {
    use proofmark_workloads::embedded_suite;

    use super::*;

    fn read(csv: &str) -> Result<Trace, String> {
        let suite = embedded_suite("smoke").unwrap();
        trace(csv.as_bytes(), &Demand::of_suite(&suite), &suite).map_err(|fault| fault.to_string())
    }

    #[test]
    fn requests_are_of_the_least_row_that_stands_for_them_and_may_come_faster() {
        let csv = "arrival_ms,prompt_tokens,output_tokens\n500,16,8\n1500,100000,8\n2500,1,1\n";
        let found = read(csv).unwrap();
        let suite = embedded_suite("smoke").unwrap();
        let demand = Demand::of_suite(&suite);
        assert_eq!(found.rate_per_s, 1.0);
        assert_eq!(
            found.requests.iter().map(|request| request.arrival_s).collect::<Vec<_>>(),
            [0.0, 1.0, 2.0]
        );
        assert_eq!(found.requests[1].row, None);
        let least = |request: Request| demand.rows[request.row.unwrap()].workload.clone();
        assert!(least(found.requests[0]).starts_with("chat-15m"), "{}", least(found.requests[0]));
        assert_eq!(found.at(4.0).requests[2].arrival_s, 0.5);
    }

    #[test]
    fn what_is_no_trace_is_refused_with_its_line() {
        for (csv, expected) in [
            ("arrival,prompt_tokens,output_tokens\n", "line 1: columns are `arrival,"),
            ("arrival_ms,prompt_tokens,output_tokens\n5,1,1\n4,1,1\n", "line 3: arrival_ms is 4, earlier"),
            ("arrival_ms,prompt_tokens,output_tokens\nNaN,1,1\n", "line 2: arrival_ms is NaN"),
            ("arrival_ms,prompt_tokens,output_tokens\n1,-1,1\n", "line 2: "),
            ("arrival_ms,prompt_tokens,output_tokens\n", "there are no requests"),
            ("arrival_ms,prompt_tokens,output_tokens\n1,1,1\n1,1,1\n", "all requests arrive at once"),
        ] {
            let fault = read(csv).unwrap_err();
            assert!(fault.contains(expected), "{fault}");
        }
    }
}
