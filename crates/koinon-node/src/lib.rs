//! koinon-node
