//! Tools that the tests of several crates share: a chain to test on, actors with keys, a service
//! made step by step.
//!
//! In: the back-end to run on. Out: the client's own types, so that tests call what users call.
//! Left out on purpose: tools for the tests of one crate.

mod actor;
mod net;
mod racing;
mod service;

pub use actor::Actor;
pub use net::{Backend, TestNet};
pub use service::{TestService, content};

use std::time::Duration;
use std::time::Instant;

/// Calls `probe` again and again until it returns a value, and returns the value.
///
/// # Panics
/// If `probe` still returns errors after the time `within`; `what` names what was awaited.
pub fn wait_until<T>(
    within: Duration,
    what: &str,
    mut probe: impl FnMut() -> Result<T, String>,
) -> T {
    /// Short beside the start of a process, long beside the cost of a probe.
    const PAUSE: Duration = Duration::from_millis(5);
    let deadline = Instant::now() + within;
    loop {
        match probe() {
            Ok(found) => return found,
            Err(last) if Instant::now() > deadline => {
                panic!("waited {} s until {what}, but {last}", within.as_secs())
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}
