//! koinon-chain
