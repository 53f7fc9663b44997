//! The graph as a representation: canonical, the same bytes on every machine.
//!
//! In: a program whose requirements are resolved, and the sources. Out:
//! [`Representation`](koinon_model::representation::Representation), with those of nested
//! services.
//!
//! | file | subject |
//! |---|---|
//! | `builder` | the representation, section by section |
//! | `elements` | nodes and relationships with their properties and attributes |
//! | `terms` | values: known, or expressions for run time |
//! | `operations` | interfaces, operations and artifacts |
//! | `references` | nodes of other services |
//! | `nested` | services that stand for nodes |
//! | `mappings` | values and targets that a nested service gets |
//! | `workflows` | triggers and workflows |
//! | `ids` | ids of elements, made by another thread |
//! | `lines` | lines and columns of origins |

mod builder;
mod elements;
mod ids;
mod lines;
mod mappings;
mod nested;
mod operations;
mod references;
mod terms;
mod workflows;

use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;

use koinon_model::Digest;
use koinon_model::representation as model;
use koinon_model::representation::Representation;
use koinon_model::sha256;

use self::builder::RepresentationBuilder;
use self::ids::ElementIds;
use self::ids::UnnamedElements;
use self::lines::LineIndex;
use crate::diag::Sources;
use crate::program::Program;

/// The fewest hashes that are worth starting a thread.
const MIN_IDS_FOR_THREAD: usize = 1000;

/// Evaluates the values of a resolved program by `evaluate`, and makes its representation. Problems
/// are kept as faults.
///
/// Ids need only the graph. A second thread computes them, and then digests of the sources, while
/// this thread evaluates.
pub(crate) fn represent(
    program: &Program<'_>,
    sources: &Sources,
    evaluate: impl FnOnce(),
) -> Representation {
    let unnamed = &UnnamedElements::of(program);
    let hash = |named: SyncSender<ElementIds>| {
        // The receiver exists unless its thread has panicked.
        drop(named.send(unnamed.name()));
        // The representation needs the starts of lines next.
        sources.iter().for_each(|source| _ = source.lines());
        let texts = sources.iter().map(|source| source.text().as_bytes());
        texts.map(sha256).collect::<Vec<Digest>>()
    };
    std::thread::scope(|scope| {
        // If no thread can be started, this thread does all the work.
        let spawn = || {
            let (named, ids) = sync_channel(1);
            let hash = move || hash(named);
            Some((std::thread::Builder::new().spawn_scoped(scope, hash).ok()?, ids))
        };
        let other = (unnamed.len() >= MIN_IDS_FOR_THREAD).then(spawn).flatten();
        evaluate();
        let (digests, ids) = match other {
            Some((other, ids)) => (Err(other), ids),
            None => {
                let (named, ids) = sync_channel(1);
                (Ok(hash(named)), ids)
            }
        };
        let ids = || ids.recv().expect("BUG: the other thread sends the ids, or reports its panic");
        let mut result =
            RepresentationBuilder::new(program, &LineIndex::of(sources)).representation(ids);
        let digests = digests.unwrap_or_else(|other| {
            other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        let paths = sources.iter().map(|source| source.name().into());
        let sources = paths.zip(digests).map(|(path, digest)| model::SourceFile { path, digest });
        put_sources(&mut result, &sources.collect::<Vec<_>>());
        result
    })
}

/// Sets the sources of a representation and of those nested in it.
fn put_sources(representation: &mut Representation, sources: &[model::SourceFile]) {
    representation.sources = sources.to_vec();
    for inner in representation.substitutions.values_mut() {
        put_sources(inner, sources);
    }
}
