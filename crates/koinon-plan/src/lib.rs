//! koinon-plan
