//! The worker of the sharding network: a small HTTP server that says how it is and proves that it can work.
//!
//! `GET /health` answers with who the worker is. `POST /puzzle` with `{"challenge": 32 bytes in hex, "bits": n}` finds a
//! nonce (see [`puzzle`]) and answers with it: a validator sends such challenges and times the answers.

pub mod puzzle;
mod server;

pub use server::{Identity, ServeError, router, serve};
