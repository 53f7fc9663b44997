//! Interfaces, operations and artifacts of nodes and relationships, as representations have them.

use std::collections::BTreeMap;
use std::sync::Arc;

use koinon_model::Value;
use koinon_model::representation as model;
use koinon_model::representation::AttributePath;
use koinon_model::representation::Term;

use super::eval::Halt;
use super::eval::Own;
use super::eval::Scope;
use super::represent::Builder;
use super::value::effective;
use super::written::written;
use crate::code::Code;
use crate::diag::Fault;
use crate::grammar::Artifact;
use crate::grammar::ArtifactRef;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::Implementation;
use crate::grammar::Interface;
use crate::grammar::InterfaceValues;
use crate::grammar::Named;
use crate::grammar::Operation;
use crate::grammar::OperationValues;
use crate::grammar::Section;
use crate::grammar::TypeId;

/// Artifacts of a node's type, and its own.
type Artifacts<'s, 'a> = (&'s BTreeMap<&'a str, Arc<Artifact<'a>>>, &'s Named<'a, Artifact<'a>>);

impl<'p, 'a> Builder<'p, 'a> {
    pub(super) fn artifact(
        &self,
        artifact: &Artifact<'a>,
        scope: Scope<'_, 'a>,
        used: &mut Vec<TypeId>,
    ) -> Option<Arc<model::Artifact>> {
        let program = self.program;
        let id =
            artifact.artifact_type.and_then(|word| program.types.lookup(Section::Artifact, word));
        used.extend(id);
        let text = |expr: &Expr<'a>| match program.eval(expr, Scope { what: "file", ..scope }) {
            Ok(known) => Some(match known.value {
                Value::String(text) => text,
                value => value.to_json(),
            }),
            Err(Halt::RunTime(span)) => {
                let message = "where an artifact is must be known before the service runs";
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

    pub(super) fn interfaces(
        &self,
        definitions: &'p BTreeMap<&'a str, Arc<Interface<'a>>>,
        values: &Named<'a, InterfaceValues<'a>>,
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
                word.and_then(|word| self.program.types.lookup(Section::Interface, word))
            else {
                continue;
            };
            let operations = self.operations(interface, values, false, artifacts, scope, used);
            let notifications = self.operations(interface, values, true, artifacts, scope, used);
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

    /// Returns the operations of an interface that do something, or its notifications.
    fn operations(
        &self,
        interface: &'p Interface<'a>,
        values: Option<&InterfaceValues<'a>>,
        notifications: bool,
        artifacts: Option<Artifacts<'_, 'a>>,
        scope: Scope<'_, 'a>,
        used: &mut Vec<TypeId>,
    ) -> BTreeMap<Arc<str>, model::Operation> {
        let all = if notifications { &interface.notifications } else { &interface.operations };
        let mut made = BTreeMap::new();
        for (name, operation) in all {
            let own = values.and_then(|values| match notifications {
                true => values.notifications.get(name),
                false => values.operations.get(name),
            });
            let one = self.operation(interface, operation, (values, own), artifacts, scope, used);
            made.extend(one.map(|one| (self.name(name), one)));
        }
        made
    }

    /// Makes an operation; one without implementation does nothing.
    fn operation(
        &self,
        interface: &Interface<'a>,
        operation: &Operation<'a>,
        (shared, own): (Option<&InterfaceValues<'a>>, Option<&OperationValues<'a>>),
        artifacts: Option<Artifacts<'_, 'a>>,
        scope: Scope<'_, 'a>,
        used: &mut Vec<TypeId>,
    ) -> Option<model::Operation> {
        let implementation = own
            .and_then(|own| own.implementation.as_ref())
            .or(operation.implementation.as_deref())?;
        let mut inputs: BTreeMap<Arc<str>, Term> = BTreeMap::new();
        // What is nearer to the call counts: the template's values, then those of the types.
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
        for (word, expr) in more.into_iter().flatten().flat_map(Named::iter) {
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

    fn implementation(
        &self,
        implementation: &Implementation<'a>,
        artifacts: Option<Artifacts<'_, 'a>>,
        scope: Scope<'_, 'a>,
        used: &mut Vec<TypeId>,
    ) -> model::Implementation {
        let mut find = |artifact: &ArtifactRef<'a>| match artifact {
            ArtifactRef::Inline(artifact) => self.artifact(artifact, scope, used),
            ArtifactRef::Named(word) => {
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

    /// Returns the attribute a mapping leads to.
    fn target(&self, mapping: &Expr<'a>, scope: Scope<'_, 'a>) -> Option<AttributePath> {
        let ExprKind::List(path) = &mapping.kind else { return None };
        let end = self.program.walk(Function::GetAttribute, path, mapping.span, scope).ok()?;
        let (element, capability) = self.place(end.places.first()?);
        let own = match scope.own {
            Own::Node(node) => Some(self.program.element(node)),
            Own::Relationship(one) => Some(self.id_of(one)),
            Own::Nothing => None,
        };
        Some(AttributePath {
            element: Some(element).filter(|element| Some(*element) != own),
            capability,
            attribute: end.name.as_str()?.into(),
            path: end.rest.iter().map(written).collect(),
        })
    }
}

/// Returns whether anything is done by an interface as it is defined.
fn is_implemented(interface: &Interface<'_>) -> bool {
    let mut all = interface.operations.values().chain(interface.notifications.values());
    all.any(|operation| operation.implementation.is_some())
}
