//! koinon-trust
