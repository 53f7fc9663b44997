//! The parts that all Koinon programs share: `koinon`, `koinon-bench` and `koinon-lsp`.
//!
//! In: the arguments of a program, files, errors of the libraries. Out: text and JSON on the
//! terminal, exit codes, templates read from disk. Left out on purpose: commands, and rules of the
//! subjects they are about.
//!
//! | module | owns |
//! |---|---|
//! | `ui` | data to stdout, messages to stderr, stages with their time |
//! | `error` | the kinds of failure, their exit codes, how an error is printed |
//! | `hints` | the next step to suggest for each error of the chain |
//! | `program` | the runtime, the log, and the end of a program |
//! | `files` | templates and inputs on disk, the only implementation of `Files` for them |
//! | `keystore` | encrypted keystores and files with secrets |
//! | `weaving` | the built-in weaving rules, and plans made with them |

mod error;
mod files;
mod hints;
mod keystore;
mod program;
mod ui;
mod weaving;

pub use error::CommandError;
pub use error::FailureKind;
pub use error::Outcome;
pub use files::DialectArg;
pub use files::LocalInput;
pub use files::REPRESENTATION_LIMITS;
pub use files::ResolveArgs;
pub use files::TemplateArgs;
pub use files::TemplateFiles;
pub use files::local_inputs;
pub use files::open_archive;
pub use files::read_representation;
pub use keystore::new_keystore;
pub use keystore::open_keystore;
pub use keystore::write_secret;
pub use program::block_on;
pub use program::exit_code;
pub use program::start_log;
pub use ui::Stage;
pub use ui::StageDone;
pub use ui::Tone;
pub use ui::Ui;
pub use ui::paint;
pub use ui::plain;
pub use ui::seconds;
pub use ui::thousands;
pub use weaving::plan_from_nothing;
pub use weaving::weaving_rules;
pub use weaving::write_with_plan;
