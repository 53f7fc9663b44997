//! koinon-model
