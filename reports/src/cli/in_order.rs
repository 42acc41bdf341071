//! Work on all cores, its results in the order of what they are of.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// So many items a thread are begun before the first of them is done, so that a slow one stops nobody for long.
const AHEAD: usize = 8;

/// Works on `items` with as many threads as there are processors, and hands the results to `take` one after another, in the order
/// of the items. Memory is bounded by a few items a thread, however many there are.
///
/// # Errors
/// The first of `take`'s, which ends the work.
pub(super) fn in_order<T: Send, R: Send, E>(
    items: impl Iterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let ahead = threads * AHEAD;
    let (jobs, queue) = sync_channel::<(T, SyncSender<R>)>(ahead);
    let (work, queue) = (&work, &Mutex::new(queue));
    // Moved in, so that the queue ends before the threads are waited for.
    thread::scope(move |scope| {
        for _ in 0..threads {
            scope.spawn(move || {
                while let Some((item, answer)) = next(queue) {
                    // Nobody waits for it once `take` has failed.
                    let _ = answer.send(work(item));
                }
            });
        }
        let mut begun: VecDeque<Receiver<R>> = VecDeque::new();
        for item in items {
            if begun.len() == ahead {
                take_first(&mut begun, &mut take)?;
            }
            let (answer, result) = sync_channel(1);
            begun.push_back(result);
            if jobs.send((item, answer)).is_err() {
                break;
            }
        }
        while !begun.is_empty() {
            take_first(&mut begun, &mut take)?;
        }
        Ok(())
    })
}

fn next<J>(queue: &Mutex<Receiver<J>>) -> Option<J> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn take_first<R, E>(
    begun: &mut VecDeque<Receiver<R>>,
    take: &mut impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    // A thread that has panicked answers nothing; its panic goes on when all threads have ended.
    match begun.pop_front().map(|result| result.recv()) {
        Some(Ok(result)) => take(result),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_order_whichever_is_done_first() {
        let slow_at_times = |item: u64| {
            if item.is_multiple_of(7) {
                thread::sleep(Duration::from_millis(3));
            }
            item * item
        };
        let mut squares = Vec::new();
        let taken: Result<(), ()> = in_order(0..500, slow_at_times, |square| {
            squares.push(square);
            Ok(())
        });
        assert_eq!(taken, Ok(()));
        assert_eq!(squares, (0..500).map(|item| item * item).collect::<Vec<u64>>());
    }

    #[test]
    fn no_more_is_begun_than_a_few_items_a_thread() {
        let (begun, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let most = 2 * AHEAD * thread::available_parallelism().unwrap().get();
        let result: Result<(), ()> = in_order(
            (0..2000).inspect(|_| {
                let ahead = begun.fetch_add(1, Ordering::Relaxed) - taken.load(Ordering::Relaxed);
                assert!(ahead <= most, "{ahead}");
            }),
            |item: u32| item,
            |_| {
                taken.fetch_add(1, Ordering::Relaxed);
                Ok(())
            },
        );
        assert_eq!((result, taken.into_inner()), (Ok(()), 2000));
    }

    #[test]
    fn the_first_failure_ends_the_work() {
        let fail_at_ten = |item: u32| if item == 10 { Err(item) } else { Ok(()) };
        assert_eq!(in_order(0.., |item| item, fail_at_ten), Err(10));
    }
}
