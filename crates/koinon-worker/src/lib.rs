//! koinon-worker
