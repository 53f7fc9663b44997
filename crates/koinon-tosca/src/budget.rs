//! The limits of a run: every bound on hostile input, in one place.

/// The limits of a run. An input over a limit gives an error that names the limit; nothing is
/// truncated.
///
/// The defaults accept a service of 100,000 node templates, a file of 25 MB, and stop what only an
/// attack needs. Change a limit with `Budgets { steps: 1_000, ..Budgets::default() }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Bytes of all YAML files together; 64 MiB: twice the largest service that was measured.
    pub bytes: usize,
    /// Levels of nested lists and maps, with aliases followed; 64: the limit of
    /// `koinon_model::JsonLimits` for a value, and small enough for the stack of a recursive
    /// reader.
    pub depth: usize,
    /// YAML nodes of all files, where each use of an alias counts; 20,000,000. A node has some 56
    /// bytes and its text, so all nodes have a little over 1 GiB. That is the worst case of the
    /// limit on bytes, since a node has two bytes at least, `,x`. A typical file of 25 MB has two
    /// million nodes, 120 MiB.
    pub nodes: u64,
    /// Uses of aliases in all files; 20,000. Aliases are never expanded, but readers follow each
    /// use.
    pub aliases: u32,
    /// Files that are read: the root and all imports; 256.
    pub files: usize,
    /// Packed bytes of an archive; 256 MiB, since it is held in memory.
    pub archive_bytes: usize,
    /// Unpacked bytes of a member of an archive; 256 MiB: artifacts are larger than definitions.
    pub member_bytes: usize,
    /// Unpacked bytes of all members of an archive, for a tar file with its headers; 512 MiB, since
    /// they are held in memory.
    pub unpacked_bytes: usize,
    /// Members of an archive, with directories and extended headers; 20,000.
    pub members: usize,
    /// The ratio of unpacked to packed bytes of a member or an archive over 1 MiB; 200. DEFLATE
    /// reaches at most 1032, and definitions written by a program about 50.
    pub ratio: u64,
    /// Steps of evaluating expressions and of resolving; 20,000,000: some seconds. A run has a
    /// fifth of them, and 40 more for each YAML node, so a small file never needs seconds.
    pub steps: u64,
}

impl Budgets {
    /// Returns the limit on steps for files with this number of YAML nodes.
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
