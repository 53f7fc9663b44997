//! koinon-evm
