//! What a run may spend: every bound on hostile input, in one place.

/// The bounds of a run. Reaching one is an error that names it; nothing is cut off in silence.
///
/// The defaults let a service of 100,000 node templates pass, a file of 25 MB, and stop what only an attack needs.
/// Change one by `Budgets { steps: 1_000, ..Budgets::default() }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Bytes of all YAML files together; 64 MiB: twice the largest service there is a figure for.
    pub bytes: usize,
    /// Levels of nested lists and maps, aliases followed; 64: what `koinon_model::Limits` lets a value have, and what a
    /// recursive reader's stack bears.
    pub depth: usize,
    /// YAML nodes of all files, each alias counted as often as it is used; 20,000,000. A node is some 56 bytes and its
    /// text, so all of them are a little over 1 GiB, which is what the bytes allowed can make at worst: a node takes
    /// two bytes at least, `,x`. A file of 25 MB as people write them has two million, 120 MiB.
    pub nodes: u64,
    /// Uses of aliases in all files; 20,000. They are never expanded, but each is a place a reader comes through.
    pub aliases: u32,
    /// Files read, the root and all imports; 256.
    pub files: usize,
    /// Bytes of an archive as it is given, packed; 256 MiB, since it is held in memory.
    pub archive_bytes: usize,
    /// Bytes of one member of an archive, unpacked; 256 MiB: artifacts are larger than definitions.
    pub member_bytes: usize,
    /// Bytes of all members of an archive, unpacked; of a tar file with its headers. 512 MiB, since they are held in
    /// memory.
    pub unpacked_bytes: usize,
    /// Members of an archive, directories and extended headers counted; 20,000.
    pub members: usize,
    /// How many times its packed size a member or an archive may have unpacked, once it is over 1 MiB; 200. DEFLATE
    /// reaches 1032 at most, and definitions written by a program about 50.
    pub ratio: u64,
    /// Steps of evaluating expressions and of resolving; 20,000,000: some seconds. A fifth of them are for everybody,
    /// and 40 for each YAML node: no small file takes seconds.
    pub steps: u64,
}

impl Budgets {
    /// Returns the steps that files of so many YAML nodes may take.
    pub(crate) fn steps_for(&self, nodes: usize) -> u64 {
        self.steps.min((self.steps / 5).saturating_add(40 * nodes as u64))
    }
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            depth: 64,
            nodes: 20_000_000,
            aliases: 20_000,
            files: 256,
            archive_bytes: 256 << 20,
            member_bytes: 256 << 20,
            unpacked_bytes: 512 << 20,
            members: 20_000,
            ratio: 200,
            steps: 20_000_000,
        }
    }
}
