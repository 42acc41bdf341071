//! Keeps the pool's threads awake during a pass.
//!
//! A pass has hundreds of parallel parts of a few microseconds with serial ones between them. Left alone, an idle thread falls
//! asleep in the gaps, and waking it costs more than the part it is woken for.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rayon::Yield;

/// Looks for work so many times in vain before it offers the processor to others.
const PATIENCE: u32 = 1000;

/// Runs `pass` on a thread of the pool while the others look out for its parts.
pub fn with_crew<T: Send>(pass: impl FnOnce() -> T + Send) -> T {
    let flag = AtomicBool::new(false);
    let is_over = &flag;
    rayon::scope(|scope| {
        let leader = rayon::current_thread_index();
        scope.spawn_broadcast(move |_, context| {
            if Some(context.index()) != leader {
                look_out(is_over);
            }
        });
        // Also when the pass panics: the scope waits for its crew.
        let _end = EndOfPass(is_over);
        pass()
    })
}

struct EndOfPass<'a>(&'a AtomicBool);

impl Drop for EndOfPass<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn look_out(is_over: &AtomicBool) {
    let mut in_vain = 0;
    while !is_over.load(Ordering::Acquire) {
        match rayon::yield_now() {
            Some(Yield::Executed) => in_vain = 0,
            _ if in_vain < PATIENCE => {
                in_vain += 1;
                spin_loop();
            }
            _ => thread::yield_now(),
        }
    }
}
