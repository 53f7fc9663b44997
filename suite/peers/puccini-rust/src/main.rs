//! `puccini-rust FILE`: loads, completes and compiles a TOSCA 2.0 file with the library
//! puccini-tosca.
//!
//! Exit code 0: accepted; 1: rejected, with the library's messages on standard error; 101: the
//! library panicked.

use std::process::ExitCode;

use compris::annotate::WithAnnotations;
use floria::Directory;
use floria::InMemoryStore;
use floria::ToStoreRef;
use kutil::std::error::ErrorReceiverToRef;
use kutil::std::error::Errors;
use puccini_tosca::dialect::tosca_2_0::Dialect;
use puccini_tosca::grammar::Catalog;
use puccini_tosca::grammar::CompilationContext;
use puccini_tosca::grammar::SourceID;
use puccini_tosca::grammar::ToscaError;
use read_url::UrlContext;

type Faults = Errors<ToscaError<WithAnnotations>>;

fn main() -> ExitCode {
    let Some(file) = std::env::args().nth(1) else {
        eprintln!("expected a file");
        return ExitCode::from(2);
    };
    match compile(&file) {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            eprintln!("{faults}");
            ExitCode::FAILURE
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

/// Returns all faults of a file. An error is a fault that ends the run.
fn compile(file: &str) -> Result<Faults, ToscaError<WithAnnotations>> {
    let mut faults = Faults::default();
    let urls = UrlContext::new();
    let source = SourceID::URL(file.into());
    let mut catalog = Catalog::default();
    catalog.add_dialect_ref(Dialect::default().into());
    catalog.add_source(Dialect::implicit_source::<WithAnnotations>());
    catalog.load_source_with_annotations::<WithAnnotations, _>(&source, &urls, &mut faults)?;
    catalog.complete_entities::<WithAnnotations, _>(&mut faults)?;
    if !faults.is_empty() {
        return Ok(faults);
    }
    let store = InMemoryStore::default();
    let directory = Directory::default();
    let mut context =
        CompilationContext::new(&source, &catalog, &directory, store.to_ref(), faults.to_ref());
    catalog.compile_service_template(&mut context)?;
    drop(context);
    Ok(faults)
}
