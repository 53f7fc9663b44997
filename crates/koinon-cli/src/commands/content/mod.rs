//! `koinon diff`, `export` and `import`: the content of a service beside documents.

pub(crate) mod diff;
pub(crate) mod export;
pub(crate) mod import;
