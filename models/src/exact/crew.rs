//! Keeps the pool's threads awake during a pass.
//!
//! A pass has hundreds of parallel parts of a few microseconds with serial ones between them. Left alone, an idle thread falls
//! asleep in the gaps, and waking it costs more than the part it is woken for.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::Yield;

/// Looks for work so many times in vain, for a millisecond or two, before it gives up on the pass. So a thread that came to look
/// out while others wait for what lies below it on its stack holds them up no longer than that.
const PATIENCE: u32 = 10_000;

/// Whether a pass has its crew. One at a time: a second one would look out for the first's parts.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Runs `pass` on a thread of the pool while the others look out for its parts; where another pass has them, they come when
/// they are woken.
pub fn with_crew<T: Send>(pass: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| {
        if rayon::current_num_threads() == 1 || IS_TAKEN.swap(true, Ordering::Acquire) {
            return pass();
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let (leader, seen) = (rayon::current_thread_index(), Arc::clone(&is_over));
        rayon::spawn_broadcast(move |context| {
            if Some(context.index()) != leader {
                look_out(&seen);
            }
        });
        // Also when the pass panics.
        let _end = EndOfPass(is_over);
        pass()
    })
}

struct EndOfPass(Arc<AtomicBool>);

impl Drop for EndOfPass {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
        IS_TAKEN.store(false, Ordering::Release);
    }
}

fn look_out(is_over: &AtomicBool) {
    let mut in_vain = 0;
    while in_vain < PATIENCE && !is_over.load(Ordering::Acquire) {
        if let Some(Yield::Executed) = rayon::yield_now() {
            in_vain = 0;
        } else {
            in_vain += 1;
            spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use rayon::prelude::*;

    use super::*;

    fn pass() -> u64 {
        with_crew(|| {
            (0..200_u64).map(|part| (0..64_u64).into_par_iter().map(|x| x ^ part).sum::<u64>()).sum()
        })
    }

    #[test]
    fn passes_at_the_same_time_do_not_hold_each_other_up_for_ever() {
        let expected: u64 = (0..200).map(|part| (0..64).map(|x| x ^ part).sum::<u64>()).sum();
        for threads in [1, 2, 4] {
            let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
            let (sender, results) = channel();
            for _ in 0..4 {
                let (pool, sender) = (Arc::clone(&pool), sender.clone());
                thread::spawn(move || {
                    for _ in 0..20 {
                        sender.send(pool.install(pass)).unwrap();
                    }
                });
            }
            for _ in 0..80 {
                assert_eq!(results.recv_timeout(Duration::from_secs(60)), Ok(expected), "{threads} threads");
            }
        }
    }

    #[test]
    fn a_pass_that_panics_leaves_the_pool_usable() {
        assert!(catch_unwind(|| with_crew(|| panic!("on purpose"))).is_err());
        assert!(pass() > 0);
    }
}
