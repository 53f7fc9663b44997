//! koinon-testkit
