//! The sequence of actions that rules give one element in one pass.

use std::sync::Arc;

use koinon_model::representation::Artifact;
use koinon_model::representation::Interface;
use koinon_model::representation::Term;

use super::points::Pass;
use crate::class::ElementClass;
use crate::classify::ElementVersions;
use crate::flat::FlatElement;
use crate::flat::FlatGraph;
use crate::plan::Action;
use crate::plan::Call;
use crate::plan::PlannedFile;
use crate::plan::StepReason;
use crate::rules::ANY_TYPE;
use crate::rules::ArtifactRule;
use crate::rules::CallTerms;
use crate::rules::Lifecycle;
use crate::rules::RuleAction;
use crate::rules::Rules;
use crate::rules::RulesByType;
use crate::rules::SequenceEntry;

/// The graphs of one pass.
#[derive(Clone, Copy)]
pub(super) struct PassGraphs<'a, 'r> {
    pub(super) rules: &'r Rules,
    pub(super) pass: Pass,
    /// The graph the pass goes through.
    pub(super) current: &'a FlatGraph<'a>,
    /// The other version of it.
    pub(super) other: &'a FlatGraph<'a>,
}

/// Both versions of an element as a pass sees them, and the operators of its ends. A node's ends
/// are the node itself, an element with one version has it twice.
#[derive(Clone, Copy)]
pub(super) struct PassElement<'a> {
    pub(super) current: FlatElement<'a>,
    pub(super) other: FlatElement<'a>,
    pub(super) source: Option<&'a Arc<str>>,
    pub(super) target: Option<&'a Arc<str>>,
}

/// The actions of one element in one pass.
pub(super) struct ElementSequence<'a, 'r> {
    pub(super) reason: StepReason,
    pub(super) lifecycle: &'r Lifecycle,
    pub(super) entries: &'r [SequenceEntry],
    /// Its current version has the operations that are called.
    pub(super) element: PassElement<'a>,
    /// The version whose operations undo.
    pub(super) undone_by: FlatElement<'a>,
    /// The element's state before.
    pub(super) state: Option<Arc<str>>,
}

/// An interface of an element, by its name there.
#[derive(Clone, Copy)]
pub(super) struct NamedInterface<'a> {
    name: &'a Arc<str>,
    interface: &'a Arc<Interface>,
}

impl<'a, 'r> PassGraphs<'a, 'r> {
    /// Returns where an element is in the other graph.
    pub(super) fn place_in_other<At: Copy>(&self, versions: &ElementVersions<At>) -> Option<At> {
        if self.pass == Pass::Delete { versions.new } else { versions.old }
    }

    /// Returns the sequence of an element; `None` if this pass does nothing with it.
    pub(super) fn sequence<At>(
        &self,
        versions: &ElementVersions<At>,
        lifecycle: &'r Lifecycle,
        element: PassElement<'a>,
    ) -> Option<ElementSequence<'a, 'r>> {
        let PassElement { current, other, .. } = element;
        let (entries, reason, undone_by) = match (self.pass, versions.class) {
            (Pass::Delete, ElementClass::Obsolete) => {
                (&lifecycle.delete, StepReason::Obsolete, current)
            }
            (Pass::Delete, _) if versions.replaced => {
                (&lifecycle.delete, StepReason::Replaced, current)
            }
            (Pass::Create, _) if versions.replaced => {
                (&lifecycle.create, StepReason::Replaced, current)
            }
            (Pass::Create, ElementClass::Novel) => (&lifecycle.create, StepReason::Novel, current),
            (Pass::Create, ElementClass::Modified) => {
                (&lifecycle.modify, StepReason::Modified, other)
            }
            (Pass::Delete | Pass::Create, _) => return None,
        };
        let initial = || lifecycle.initial.clone();
        let state = match reason {
            StepReason::Novel => initial(),
            // The state that deleting set, or the one before if deleting sets none.
            StepReason::Replaced if self.pass == Pass::Create => {
                last_state(&lifecycle.delete, lifecycle, &other)
                    .or_else(|| last_state(&lifecycle.create, lifecycle, &other))
                    .or_else(initial)
            }
            StepReason::Modified
            | StepReason::Obsolete
            | StepReason::Replaced
            | StepReason::Order => {
                last_state(&lifecycle.create, lifecycle, &undone_by).or_else(initial)
            }
        };
        Some(ElementSequence { reason, lifecycle, entries, element, undone_by, state })
    }
}

/// Returns the state a sequence leaves an element in, if it sets any.
fn last_state(
    entries: &[SequenceEntry],
    lifecycle: &Lifecycle,
    of: &FlatElement<'_>,
) -> Option<Arc<str>> {
    let callable = of.callable(lifecycle);
    let mut done = entries.iter().rev().filter(|entry| entry.applies(&callable));
    done.find_map(|entry| match &entry.action {
        RuleAction::Set { state } => Some(Arc::clone(state)),
        RuleAction::Call { .. } => None,
    })
}

impl SequenceEntry {
    /// Returns whether the entry's conditions hold for an element with these interfaces.
    pub(super) fn applies(&self, interfaces: &[NamedInterface<'_>]) -> bool {
        let any = |names: &[Arc<str>]| names.iter().any(|name| find(interfaces, name).is_some());
        (self.only_if.is_empty() || any(&self.only_if)) && !any(&self.unless)
    }
}

impl<'a> FlatElement<'a> {
    /// Returns the interfaces that rules call.
    pub(super) fn callable(&self, lifecycle: &Lifecycle) -> Vec<NamedInterface<'a>> {
        let is_called = |interface: &Interface| {
            let found = &interface.interface_type;
            lifecycle
                .interfaces
                .iter()
                .any(|wanted| &**wanted == ANY_TYPE || self.graph.is_a(found, wanted))
        };
        self.interfaces
            .iter()
            .filter(|(_, interface)| is_called(interface))
            .map(|(name, interface)| NamedInterface { name, interface })
            .collect()
    }

    pub(super) fn has_same_interfaces(&self, other: &Self) -> bool {
        std::ptr::eq(self.interfaces, other.interfaces)
    }
}

/// Finds the interface whose operation has an implementation, or a workflow of the substituting
/// service.
pub(super) fn find<'a>(
    interfaces: &[NamedInterface<'a>],
    operation: &str,
) -> Option<NamedInterface<'a>> {
    let implemented = |named: &&NamedInterface<'a>| {
        let operation = named.interface.operations.get(operation);
        operation.is_some_and(|found| found.implementation.is_some() || found.workflow.is_some())
    };
    interfaces.iter().find(implemented).copied()
}

/// Makes the call of an operation that [`find`] found.
pub(super) fn call(
    NamedInterface { name, interface }: NamedInterface<'_>,
    operation: &Arc<str>,
    terms: CallTerms,
    file: impl FnOnce(&Arc<Artifact>) -> PlannedFile,
) -> Action {
    let found = interface.operations.get(operation);
    let implementation = found.and_then(|operation| operation.implementation.as_ref());
    Action::Call(Box::new(Call {
        interface: Arc::clone(name),
        operation: Arc::clone(operation),
        artifact: implementation.and_then(|made| made.primary.as_ref()).map(file),
        defined: Arc::clone(interface),
        terms,
    }))
}

/// Adds the CID and size that rules find in an artifact's properties.
pub(super) fn planned_file(
    artifact: &Arc<Artifact>,
    of: &FlatElement<'_>,
    rules: &mut RulesByType<'_, ArtifactRule>,
) -> PlannedFile {
    let rule = rules.find(of.graph, &artifact.artifact_type);
    let property = |name: Option<&Arc<str>>| artifact.properties.get(name?).and_then(Term::known);
    let cid = rule.and_then(|rule| property(rule.cid.as_ref())?.as_str().map(Arc::from));
    let size = rule.and_then(|rule| property(rule.size.as_ref())?.as_u64());
    PlannedFile { artifact: Arc::clone(artifact), cid, size }
}
