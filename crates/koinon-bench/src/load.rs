//! Load by many clients, each doing one operation after the other, and its figures.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Stage;
use serde::Serialize;
use tokio::task::JoinSet;

/// The figures of a load. Times are in seconds, rates per second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Load {
    pub(crate) successes: usize,
    pub(crate) failures: usize,
    pub(crate) send_rate: f64,
    pub(crate) throughput: f64,
    pub(crate) min_latency: f64,
    pub(crate) avg_latency: f64,
    pub(crate) p99_latency: f64,
    pub(crate) max_latency: f64,
    pub(crate) seconds: f64,
    /// The error of the first operation that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_failure: Option<String>,
}

/// One operation; times are since the load began.
#[derive(Clone, Copy, Debug)]
struct TimedOperation {
    sent: Duration,
    took: Duration,
    good: bool,
}

/// Runs `count` operations by `clients` clients. `operation` gets the numbers of its client and of
/// itself.
pub(crate) async fn run_load<F, R>(
    stage: &Stage,
    clients: usize,
    count: usize,
    operation: F,
) -> Outcome<Load>
where
    F: Fn(usize, usize) -> R + Clone + Send + 'static,
    R: Future<Output = Outcome> + Send,
{
    let started = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for client in 0..clients {
        let (next, operation) = (Arc::clone(&next), operation.clone());
        tasks.spawn(async move {
            let mut done = Vec::new();
            let mut failure = None;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return (done, failure);
                }
                let sent = started.elapsed();
                let outcome = operation(client, number).await;
                done.push(TimedOperation {
                    sent,
                    took: started.elapsed() - sent,
                    good: outcome.is_ok(),
                });
                if let Err(error) = outcome {
                    failure.get_or_insert(error);
                }
            }
        });
    }
    let mut done = Vec::with_capacity(count);
    let mut failure: Option<CommandError> = None;
    let mut look = tokio::time::interval(Duration::from_millis(500));
    while !tasks.is_empty() {
        // Cancel safe: neither arm loses anything when it is dropped.
        tokio::select! {
            Some(joined) = tasks.join_next() => {
                let (some, failed) = joined.context("a client of the benchmark panicked")?;
                done.extend(some);
                failure = failure.or(failed);
            }
            _ = look.tick() => stage.note(&format!("{} of {count}", next.load(Ordering::Relaxed).min(count))),
        }
    }
    Ok(figures(&done, failure.map(|error| error.render().trim_end().to_owned())))
}

fn figures(done: &[TimedOperation], first_failure: Option<String>) -> Load {
    let mut good: Vec<f64> =
        done.iter().filter(|one| one.good).map(|one| one.took.as_secs_f64()).collect();
    good.sort_by(f64::total_cmp);
    // All figures of no operations are zero.
    let last_sent = done.iter().map(|one| one.sent).max().unwrap_or_default().as_secs_f64();
    let end = done.iter().map(|one| one.sent + one.took).max().unwrap_or_default().as_secs_f64();
    let at = |index: usize| good.get(index).copied().unwrap_or_default();
    Load {
        successes: good.len(),
        failures: done.len() - good.len(),
        send_rate: rate(done.len().saturating_sub(1), last_sent),
        throughput: rate(good.len(), end),
        min_latency: at(0),
        avg_latency: if good.is_empty() {
            0.0
        } else {
            good.iter().sum::<f64>() / good.len() as f64
        },
        p99_latency: at((good.len() * 99 / 100).min(good.len().saturating_sub(1))),
        max_latency: at(good.len().saturating_sub(1)),
        seconds: end,
        first_failure,
    }
}

fn rate(count: usize, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_has_rates_and_latencies() {
        let one = |sent, took, good| TimedOperation {
            sent: Duration::from_secs(sent),
            took: Duration::from_secs(took),
            good,
        };
        let found = figures(&[one(0, 1, true), one(1, 3, true), one(2, 9, false)], None);
        let expected = Load {
            successes: 2,
            failures: 1,
            send_rate: 1.0,
            throughput: 2.0 / 11.0,
            min_latency: 1.0,
            avg_latency: 2.0,
            p99_latency: 3.0,
            max_latency: 3.0,
            seconds: 11.0,
            first_failure: None,
        };
        assert_eq!(found, expected);
        assert_eq!(figures(&[], None).throughput, 0.0);
    }
}
