//! The repository's own rules. Each finding names a file, a line and what to do.
//!
//! Rules read text: comments and strings are blanked where only code counts, and nothing is
//! expanded. That finds mistakes, not what is hidden on purpose. Beside the
//! repository, each rule is tested on text that breaks it.

#![allow(clippy::unwrap_used, reason = "a test that cannot read the repository must fail")]

mod circles;
mod code;
mod documents;
mod repository;
mod structure;
mod text;
mod workspace;
