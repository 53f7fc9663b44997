//! koinon-tosca
