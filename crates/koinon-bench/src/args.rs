//! The arguments of the measurements on a chain.

use std::path::PathBuf;

use clap::Args;
use clap::ValueEnum;

// The arguments of the measurements on a chain. No doc comment: clap would print it.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// Subject to measure
    #[arg(value_enum, default_value_t = BenchSubject::All)]
    pub(crate) subject: BenchSubject,

    /// Measure less, within seconds
    #[arg(long)]
    pub(crate) quick: bool,

    /// Seed of the random documents, picks and stakes
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,

    /// Concurrent creates. The default is the paper's: its throughput times its average latency
    /// (45.4 x 6.95). Concurrent reads are at most 32
    #[arg(long, default_value_t = 316, value_name = "N", value_parser = clients)]
    pub(crate) clients: usize,

    /// Numbers of operators to deal to; without them 100, 1000 and 5000, with --rpc-url 100
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub(crate) operators: Vec<u32>,

    /// Measure this chain instead of an embedded one
    // Not from the environment: it spends money.
    #[arg(long, value_name = "URL", requires = "keystore", requires = "chain_id")]
    pub(crate) rpc_url: Option<String>,

    /// Id of that chain, which a node must not choose
    #[arg(long, value_name = "ID", requires = "rpc_url")]
    pub(crate) chain_id: Option<u64>,

    /// Encrypted keystore of the account that pays on that chain
    #[arg(long, env = "KOINON_KEYSTORE", value_name = "FILE", requires = "password_file")]
    pub(crate) keystore: Option<PathBuf>,

    /// File that holds the keystore's password
    #[arg(long, env = "KOINON_PASSWORD_FILE", value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// The subjects of a benchmark on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchSubject {
    /// Table IV: import and export of infrastructures by size
    Import,
    /// Table V: creates and reads of single objects
    Reads,
    /// The deal of 5,000 slots
    Deal,
    /// All subjects
    All,
}

/// Reads a number of clients. The limit is that of nodes, which keep few waiting transactions of an
/// account, and there are 32 accounts.
fn clients(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=500) => Ok(number),
        Ok(_) | Err(_) => Err("expected a number from 1 to 500".to_owned()),
    }
}
