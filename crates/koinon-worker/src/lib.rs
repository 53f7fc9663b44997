//! The worker of the sharding network: a small HTTP server that reports its health and solves
//! puzzles.
//!
//! `GET /health` answers with the worker's identity. `POST /puzzle` with `{"challenge": 32 bytes in
//! hex, "bits": n}` answers with a nonce (see [`puzzle`]): a validator sends challenges and times
//! the answers.

pub mod puzzle;
mod server;

pub use server::{Identity, ServeError, router, serve};
