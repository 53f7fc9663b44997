//! Interfaces, operations and artifacts of nodes and relationships, as representations have them.

use std::collections::BTreeMap;
use std::sync::Arc;

use koinon_model::Value;
use koinon_model::representation as model;
use koinon_model::representation::AttributePath;
use koinon_model::representation::Term;

use super::builder::RepresentationBuilder;
use crate::code::Code;
use crate::diag::Fault;
use crate::evaluate::Scope;
use crate::evaluate::SelfElement;
use crate::evaluate::effective;
use crate::evaluate::written;
use crate::grammar::ArtifactDefinition;
use crate::grammar::ArtifactReference;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::ImplementationDefinition;
use crate::grammar::InterfaceAssignment;
use crate::grammar::InterfaceDefinition;
use crate::grammar::NamedMap;
use crate::grammar::OperationAssignment;
use crate::grammar::OperationDefinition;
use crate::grammar::TypeId;
use crate::keynames::TypeKind;
use crate::program::Halt;

/// Artifacts of a node's type, and of its template.
type Artifacts<'s, 'a> =
    (&'s BTreeMap<&'a str, Arc<ArtifactDefinition<'a>>>, &'s NamedMap<'a, ArtifactDefinition<'a>>);

/// The two kinds of operations in an interface.
#[derive(Clone, Copy, Debug)]
enum OperationKind {
    Operation,
    Notification,
}

/// A template's assignments to an operation: to the operation, and to all of its interface.
#[derive(Clone, Copy)]
struct AssignedOperation<'s, 'a> {
    interface: Option<&'s InterfaceAssignment<'a>>,
    operation: Option<&'s OperationAssignment<'a>>,
}

impl<'p, 'a> RepresentationBuilder<'p, 'a> {
    pub(crate) fn artifact(
        &self,
        artifact: &ArtifactDefinition<'a>,
        scope: Scope<'_, 'a>,
        used: &mut Vec<TypeId>,
    ) -> Option<Arc<model::Artifact>> {
        let program = self.program;
        let id =
            artifact.artifact_type.and_then(|word| program.types.lookup(TypeKind::Artifact, word));
        used.extend(id);
        let text = |expr: &Expr<'a>| match program.eval(expr, Scope { what: "file", ..scope }) {
            Ok(known) => Some(match known.value {
                Value::String(text) => text,
                value => value.to_json(),
            }),
            Err(Halt::RunTime(span)) => {
                let message = "the location of an artifact must be known before the service runs";
                program.faults.push(Fault::new(Code::RunTimeOnly, span, message));
                None
            }
            Err(_) => None,
        };
        let checksum = artifact.checksum.as_ref().and_then(text);
        let algorithm = artifact.checksum_algorithm.map_or("", |word| word.text);
        let mut properties = BTreeMap::new();
        if let Some(def) = id.map(|id| program.types.def(id)) {
            for (name, property) in &def.properties {
                let Some(expr) = effective(property, &artifact.properties) else { continue };
                let scope = Scope { what: name, ..scope };
                let value = program.typed(expr, &property.schema, scope);
                properties
                    .extend(self.term(value, expr, scope).map(|term| (Arc::from(*name), term)));
            }
        }
        Some(Arc::new(model::Artifact {
            artifact_type: id.map_or_else(|| "".into(), |id| self.type_name(id)),
            file: artifact.file.as_ref().and_then(text).unwrap_or_default().into(),
            repository: artifact.repository.map(|word| word.text.into()),
            version: artifact.version.map(|word| word.text.into()),
            checksum: checksum.map(|checksum| (algorithm.into(), checksum.into())),
            properties,
        }))
    }

    pub(crate) fn interfaces(
        &self,
        definitions: &'p BTreeMap<&'a str, Arc<InterfaceDefinition<'a>>>,
        values: &NamedMap<'a, InterfaceAssignment<'a>>,
        artifacts: Option<Artifacts<'_, 'a>>,
        scope: Scope<'_, 'a>,
        used: &mut Vec<TypeId>,
    ) -> model::Interfaces {
        let mut all = model::Interfaces::new();
        for (name, interface) in definitions {
            let values = values.get(name);
            if values.is_none() && !is_implemented(interface) {
                continue;
            }
            let word = interface.interface_type;
            let Some(id) =
                word.and_then(|word| self.program.types.lookup(TypeKind::Interface, word))
            else {
                continue;
            };
            let operations = self.operations(
                interface,
                values,
                OperationKind::Operation,
                artifacts,
                scope,
                used,
            );
            let notifications = self.operations(
                interface,
                values,
                OperationKind::Notification,
                artifacts,
                scope,
                used,
            );
            if operations.is_empty() && notifications.is_empty() {
                continue;
            }
            used.push(id);
            let interface_type = self.type_name(id);
            let made = Arc::new(model::Interface { interface_type, operations, notifications });
            all.insert(self.name(name), made);
        }
        all
    }

    /// Returns the implemented operations of an interface, or its notifications.
    fn operations(
        &self,
        interface: &'p InterfaceDefinition<'a>,
        values: Option<&InterfaceAssignment<'a>>,
        kind: OperationKind,
        artifacts: Option<Artifacts<'_, 'a>>,
        scope: Scope<'_, 'a>,
        used: &mut Vec<TypeId>,
    ) -> BTreeMap<Arc<str>, model::Operation> {
        let all = match kind {
            OperationKind::Operation => &interface.operations,
            OperationKind::Notification => &interface.notifications,
        };
        let mut made = BTreeMap::new();
        for (name, operation) in all {
            let own = values.and_then(|values| match kind {
                OperationKind::Operation => values.operations.get(name),
                OperationKind::Notification => values.notifications.get(name),
            });
            let assigned = AssignedOperation { interface: values, operation: own };
            let one = self.operation(interface, operation, assigned, artifacts, scope, used);
            made.extend(one.map(|one| (self.name(name), one)));
        }
        made
    }

    /// Makes an operation; `None` if it has no implementation.
    fn operation(
        &self,
        interface: &InterfaceDefinition<'a>,
        operation: &OperationDefinition<'a>,
        assigned: AssignedOperation<'_, 'a>,
        artifacts: Option<Artifacts<'_, 'a>>,
        scope: Scope<'_, 'a>,
        used: &mut Vec<TypeId>,
    ) -> Option<model::Operation> {
        let AssignedOperation { interface: shared, operation: own } = assigned;
        let implementation = own
            .and_then(|own| own.implementation.as_ref())
            .or(operation.implementation.as_deref())?;
        let mut inputs: BTreeMap<Arc<str>, Term> = BTreeMap::new();
        // Values of the template come before values of the types.
        for known in [&interface.inputs, &operation.inputs] {
            for (name, input) in known {
                let given = own.and_then(|own| own.inputs.get(name));
                let given = given.or_else(|| shared.and_then(|shared| shared.inputs.get(name)));
                let expr = input.value.as_ref().or(given).or(input.default.as_ref());
                let Some(expr) = expr else { continue };
                let scope = Scope { what: name, ..scope };
                let value = self.program.typed(expr, &input.schema, scope);
                inputs.extend(self.term(value, expr, scope).map(|term| (Arc::from(*name), term)));
            }
        }
        let more = [shared.map(|shared| &shared.inputs), own.map(|own| &own.inputs)];
        for (word, expr) in more.into_iter().flatten().flat_map(NamedMap::iter) {
            let declared = interface.inputs.contains_key(word.text)
                || operation.inputs.contains_key(word.text);
            if !declared {
                let scope = Scope { what: word.text, ..scope };
                let value = self.program.eval(expr, scope).map(|known| known.value);
                inputs.extend(self.term(value, expr, scope).map(|term| (word.text.into(), term)));
            }
        }
        let mut outputs = BTreeMap::new();
        for (name, output) in &operation.outputs {
            let mapping = output.mapping.as_ref();
            outputs.extend(
                mapping.and_then(|expr| Some((Arc::from(*name), self.target(expr, scope)?))),
            );
        }
        for (word, expr) in own.into_iter().flat_map(|own| own.outputs.iter()) {
            outputs.extend(self.target(expr, scope).map(|path| (word.text.into(), path)));
        }
        let implementation = Some(self.implementation(implementation, artifacts, scope, used));
        Some(model::Operation { inputs, outputs, implementation, workflow: None })
    }

    pub(crate) fn implementation(
        &self,
        implementation: &ImplementationDefinition<'a>,
        artifacts: Option<Artifacts<'_, 'a>>,
        scope: Scope<'_, 'a>,
        used: &mut Vec<TypeId>,
    ) -> model::Implementation {
        let mut find = |artifact: &ArtifactReference<'a>| match artifact {
            ArtifactReference::Inline(artifact) => self.artifact(artifact, scope, used),
            ArtifactReference::Named(word) => {
                let own = artifacts.and_then(|(_, own)| own.get(word.text));
                let inherited =
                    artifacts.and_then(|(types, _)| types.get(word.text).map(|one| &**one));
                match own.or(inherited) {
                    Some(artifact) => self.artifact(artifact, scope, used),
                    // A path to a file.
                    None => Some(Arc::new(model::Artifact {
                        artifact_type: "".into(),
                        file: word.text.into(),
                        repository: None,
                        version: None,
                        checksum: None,
                        properties: BTreeMap::new(),
                    })),
                }
            }
        };
        let timeout = implementation.timeout.as_ref();
        let timeout = timeout.and_then(|expr| self.program.eval(expr, scope).ok());
        model::Implementation {
            primary: implementation.primary.as_ref().and_then(&mut find),
            dependencies: implementation.dependencies.iter().filter_map(&mut find).collect(),
            timeout: timeout.and_then(|known| known.value.as_u64()),
            host: None,
        }
    }

    /// Returns the attribute at the end of an output mapping.
    pub(crate) fn target(&self, mapping: &Expr<'a>, scope: Scope<'_, 'a>) -> Option<AttributePath> {
        let ExprKind::List(path) = &mapping.kind else { return None };
        let end = self.program.walk(Function::GetAttribute, path, mapping.span, scope).ok()?;
        let (element, capability) = self.place(end.places.first()?);
        let own = match scope.own {
            SelfElement::Node(node) => Some(self.program.element(node)),
            SelfElement::Relationship(one) => Some(self.id_of(one)),
            SelfElement::Nothing => None,
        };
        Some(AttributePath {
            element: Some(element).filter(|element| Some(*element) != own),
            capability,
            attribute: end.name.as_str()?.into(),
            path: end.rest.iter().map(written).collect(),
        })
    }
}

/// Returns whether a definition of an interface implements any operation.
fn is_implemented(interface: &InterfaceDefinition<'_>) -> bool {
    let mut all = interface.operations.values().chain(interface.notifications.values());
    all.any(|operation| operation.implementation.is_some())
}
