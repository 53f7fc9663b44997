//! TOSCA paths (csd07 10.3): from a node or relationship over the graph to a property, attribute or
//! artifact.

use std::rc::Rc;

use koinon_model::Value;

use super::scope::Scope;
use super::scope::SelfElement;
use super::scope::TypedValue;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::grammar::CapabilityDefinition;
use crate::grammar::Expr;
use crate::grammar::Function;
use crate::grammar::PropertyDefinitions;
use crate::program::Evaluated;
use crate::program::GraphRelationship;
use crate::program::Halt;
use crate::program::NodeNumber;
use crate::program::Program;

/// An element that a path has reached.
#[derive(Clone, Debug)]
pub(crate) enum PathPlace<'s, 'a> {
    Node(NodeNumber),
    /// A relationship under consideration, not yet in the graph.
    Tried(&'s GraphRelationship<'a>),
    Relationship(Rc<GraphRelationship<'a>>),
    Capability(NodeNumber, &'a CapabilityDefinition<'a>),
}

/// The end of a path.
pub(crate) struct PathEnd<'s, 'p, 'a> {
    /// All elements it leads to: several if it has `ALL`.
    pub(crate) places: Vec<PathPlace<'s, 'a>>,
    /// Whether it has `ALL`.
    pub(crate) many: bool,
    pub(crate) name: &'p Expr<'a>,
    pub(crate) rest: &'p [Expr<'a>],
}

/// The index in a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathIndex {
    At(u64),
    All,
}

impl<'s, 'a> PathPlace<'s, 'a> {
    fn relationship(&self) -> Option<&GraphRelationship<'a>> {
        match self {
            Self::Tried(one) => Some(one),
            Self::Relationship(one) => Some(one),
            Self::Node(_) | Self::Capability(..) => None,
        }
    }
}

impl<'a> Program<'a> {
    pub(crate) fn get_property(
        &self,
        function: Function,
        path: &[Expr<'a>],
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<TypedValue, Halt> {
        let end = self.walk(function, path, span, scope)?;
        let Some(name) = end.name.as_str() else {
            return Err(self.path_fault(end.name.span, "expected the name of a property"));
        };
        let mut values = Vec::with_capacity(end.places.len());
        for place in &end.places {
            values.push(self.property_at(place, name, end.name.span, end.rest, scope)?);
        }
        Ok(match (end.many, values.pop()) {
            (false, Some(known)) => known,
            (_, last) => {
                values.extend(last);
                Value::List(values.into_iter().map(|known| known.value).collect()).into()
            }
        })
    }

    fn property_at(
        &self,
        place: &PathPlace<'_, 'a>,
        name: &str,
        span: Span,
        rest: &[Expr<'a>],
        scope: Scope<'_, 'a>,
    ) -> Result<TypedValue, Halt> {
        let definitions = self.properties_at(place);
        let Some(property) = definitions.get(name) else {
            let message = format!("there is no property `{name}` here");
            let fault = Fault::new(Code::Path, span, message);
            if self.attributes_at(place).contains_key(name) {
                let hint = "it is an attribute, which `$get_attribute` reads when the service runs";
                return Err(self.halt(fault.hint(hint)));
            }
            return Err(self.halt(self.faults.near(fault, name, definitions.keys().copied())));
        };
        let value: Evaluated = match place {
            PathPlace::Node(node) => self.property(*node, name),
            PathPlace::Capability(node, capability) => {
                self.capability_property(*node, capability, name)
            }
            PathPlace::Tried(one) => self.relationship_property(one, name),
            PathPlace::Relationship(one) => self.relationship_property(one, name),
        };
        let Some(value) = value? else {
            // A missing required value was reported already.
            if property.is_required() {
                return Err(Halt::Reported);
            }
            return Err(self.path_fault(span, format!("property `{name}` has no value")));
        };
        let of = self.types.shape(&property.schema).map(|shape| shape.id);
        self.follow_keys(TypedValue { value, of }, rest, scope)
    }

    fn properties_at(&self, place: &PathPlace<'_, 'a>) -> &'a PropertyDefinitions<'a> {
        match place {
            PathPlace::Node(node) => &self.graph.node(*node).def.properties,
            PathPlace::Capability(_, capability) => &capability.properties,
            PathPlace::Tried(one) => one.properties,
            PathPlace::Relationship(one) => one.properties,
        }
    }

    fn attributes_at(&self, place: &PathPlace<'_, 'a>) -> &'a PropertyDefinitions<'a> {
        match place {
            PathPlace::Node(node) => &self.graph.node(*node).def.attributes,
            PathPlace::Capability(_, capability) => &capability.attributes,
            PathPlace::Tried(one) => one.attributes,
            PathPlace::Relationship(one) => one.attributes,
        }
    }

    /// Checks that a path leads to an attribute. Every property is an attribute too (csd07 9.5).
    pub(crate) fn check_attribute(
        &self,
        function: Function,
        path: &[Expr<'a>],
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<(), Halt> {
        let end = self.walk(function, path, span, scope)?;
        let shown = end.name.as_str().unwrap_or_default();
        for place in &end.places {
            let (attributes, properties) = (self.attributes_at(place), self.properties_at(place));
            // The orchestrator defines `state`, `tosca_id` and `tosca_name` (Simple Profile 1.3,
            // 3.4.1 and 5.9.1).
            let implied = function == Function::GetAttribute1x
                && matches!(shown, "state" | "tosca_id" | "tosca_name");
            if !attributes.contains_key(shown) && !properties.contains_key(shown) && !implied {
                let message = format!("there is no attribute `{shown}` here");
                let fault = Fault::new(Code::Path, end.name.span, message);
                let names = attributes.keys().chain(properties.keys()).copied();
                return Err(self.halt(self.faults.near(fault, shown, names)));
            }
        }
        Ok(())
    }

    /// Returns the file of an artifact (csd07 10.2.1.4).
    pub(crate) fn get_artifact(
        &self,
        path: &[Expr<'a>],
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<TypedValue, Halt> {
        let end = self.walk(Function::GetArtifact, path, span, scope)?;
        let name = end.name.as_str().unwrap_or_default();
        let Some(PathPlace::Node(at)) = end.places.first() else {
            return Err(self.path_fault(span, "expected a path to a node"));
        };
        let node = self.graph.node(*at);
        if let Some(referenced) = &node.referenced {
            return match referenced.node.artifacts.get(name) {
                Some(artifact) => Ok(Value::string(&artifact.file).into()),
                None => Err(self.path_fault(end.name.span, format!("no artifact `{name}` here"))),
            };
        }
        let own = node.template.artifacts.get(name);
        let artifact = own.or_else(|| node.def.artifacts.get(name).map(|artifact| &**artifact));
        let Some(artifact) = artifact else {
            let message = format!("there is no artifact `{name}` here");
            let known = node.def.artifacts.keys().copied().chain(node.template.artifacts.names());
            let fault = Fault::new(Code::Path, end.name.span, message);
            return Err(self.halt(self.faults.near(fault, name, known)));
        };
        match &artifact.file {
            Some(file) => self.eval(file, Scope::node(*at, "file")),
            None => Err(Halt::Reported),
        }
    }

    /// Returns the unallocated amount of a capability's property (csd07 10.2.1.8).
    pub(crate) fn available_allocation(
        &self,
        path: &[Expr<'a>],
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<TypedValue, Halt> {
        let end = self.walk(Function::AvailableAllocation, path, span, scope)?;
        let name = end.name.as_str().unwrap_or_default();
        let Some(PathPlace::Capability(node, capability)) = end.places.first() else {
            return Err(self.path_fault(span, "expected a path to a capability"));
        };
        let Some(property) = capability.properties.get(name) else {
            let message = format!("there is no property `{name}` here");
            let fault = Fault::new(Code::Path, end.name.span, message);
            return Err(self.halt(self.faults.near(
                fault,
                name,
                capability.properties.keys().copied(),
            )));
        };
        let of = self.types.shape(&property.schema).map(|shape| shape.id);
        match self.remaining(*node, capability, name)? {
            Some((_, value)) => Ok(TypedValue { value, of }),
            None => Err(self.path_fault(end.name.span, format!("`{name}` has no value"))),
        }
    }

    fn path_fault(&self, span: Span, message: impl Into<String>) -> Halt {
        self.halt(Fault::new(Code::Path, span, message))
    }

    /// Follows a path up to the name it ends with.
    pub(crate) fn walk<'s, 'p>(
        &self,
        function: Function,
        path: &'p [Expr<'a>],
        span: Span,
        scope: Scope<'s, 'a>,
    ) -> Result<PathEnd<'s, 'p, 'a>, Halt> {
        let Some((first, mut rest)) = path.split_first() else { return Err(Halt::Reported) };
        let mut many = false;
        let mut places: Vec<PathPlace<'s, 'a>> = match first.as_str() {
            Some("SELF") => vec![match scope.own {
                SelfElement::Node(node) => PathPlace::Node(node),
                SelfElement::Relationship(relationship) => PathPlace::Tried(relationship),
                SelfElement::Nothing => return Err(self.report_outside("SELF", first.span, scope)),
            }],
            Some(name) => {
                let old = matches!(function, Function::GetProperty1x | Function::GetAttribute1x);
                if old && matches!(name, "SOURCE" | "TARGET" | "HOST") {
                    vec![self.start_at_keyword_1x(name, first.span, scope)?]
                } else {
                    let which;
                    (which, rest) = split_index(rest);
                    many = which == PathIndex::All;
                    self.start_at_template(name, which, first.span, scope)?
                }
            }
            None => {
                let message = "expected `SELF` or the name of a node or relationship template";
                return Err(self.path_fault(first.span, message));
            }
        };
        if matches!(function, Function::GetProperty1x | Function::GetAttribute1x) {
            (places, rest) = self.step_1x(places, rest, span)?;
        }
        // A path without a start leads nowhere.
        if places.is_empty() {
            return Err(Halt::Later);
        }
        loop {
            let Some((step, after)) = rest.split_first() else {
                return Err(self.path_fault(span, "expected a further name at the end of the path"));
            };
            let mut next = Vec::new();
            let last =
                !matches!(step.as_str(), Some("RELATIONSHIP" | "CAPABILITY" | "SOURCE" | "TARGET"))
                    || after.is_empty();
            if last {
                return Ok(PathEnd { places, many, name: step, rest: after });
            }
            let word = step.as_str().unwrap_or_default();
            let mut remaining = after;
            for place in &places {
                let (found, which, left) = self.step(place, word, step.span, after, scope)?;
                next.extend(found);
                many |= which == PathIndex::All;
                remaining = left;
            }
            if next.is_empty() {
                return Err(Halt::Later);
            }
            (places, rest) = (next, remaining);
        }
    }

    /// Charges steps for relationships that a path passes: each costs much less than an expression.
    fn spend_for_relationships(
        &self,
        all: &[Rc<GraphRelationship<'a>>],
        span: Span,
    ) -> Result<(), Halt> {
        self.spend(all.len() as u64 / 16, span)
    }

    /// Returns the nodes of a template, or the relationships that use a relationship template.
    fn start_at_template<'s>(
        &self,
        name: &str,
        which: PathIndex,
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<Vec<PathPlace<'s, 'a>>, Halt> {
        if let Some(position) = self.template.nodes.position(name) {
            let nodes = self.graph.of_template(position);
            let place = |at: NodeNumber| PathPlace::Node(at);
            return match which {
                PathIndex::All => Ok(nodes.map(place).collect()),
                PathIndex::At(at) => {
                    if let Some(at) = nodes.get(at) {
                        return Ok(vec![place(at)]);
                    }
                    let count = nodes.len();
                    // A template of an unknown type was reported already; a template without nodes
                    // has no value to read.
                    if count == 0 {
                        return Err(Halt::Later);
                    }
                    let message =
                        format!("expected an index below {count} for `{name}`, found {at}");
                    Err(self.path_fault(span, message))
                }
            };
        }
        if self.template.relationships.contains(name) {
            let all = self.graph.relationships();
            self.spend_for_relationships(&all, span)?;
            let all = all.into_iter().filter(|one| {
                one.assignment
                    .and_then(|one| one.relationship)
                    .is_some_and(|word| word.text == name)
            });
            return Ok(all.take(1).map(PathPlace::Relationship).collect());
        }
        // A type cannot name templates (csd07 11.4), but profiles of 1.x do.
        if scope.open {
            return Err(Halt::Later);
        }
        let fault = Fault::new(Code::Path, span, format!("there is no node template `{name}`"));
        Err(self.halt(self.faults.near(fault, name, self.template.nodes.names())))
    }

    /// Follows one step of a path from one element.
    fn step<'s, 'p>(
        &self,
        place: &PathPlace<'s, 'a>,
        word: &str,
        span: Span,
        rest: &'p [Expr<'a>],
        scope: Scope<'_, 'a>,
    ) -> Result<(Vec<PathPlace<'s, 'a>>, PathIndex, &'p [Expr<'a>]), Halt> {
        let only = |place| Ok((vec![place], PathIndex::At(0), rest));
        match (place, word) {
            (PathPlace::Node(node), "RELATIONSHIP") => {
                let Some((requirement, rest)) = rest.split_first() else {
                    let message = "expected a requirement after `RELATIONSHIP`";
                    return Err(self.path_fault(span, message));
                };
                let name = requirement.as_str().unwrap_or_default();
                let def = self.graph.node(*node).def;
                if def.requirement(name).is_none() {
                    let message = format!("there is no requirement `{name}` here");
                    let fault = Fault::new(Code::Path, requirement.span, message);
                    let known = def.requirements.iter().map(|one| one.name.text);
                    return Err(self.halt(self.faults.near(fault, name, known)));
                }
                let (which, rest) = split_index(rest);
                let all = self.graph.outgoing(*node, name);
                self.spend_for_relationships(&all, span)?;
                Ok((select_relationships(all, which), which, rest))
            }
            (PathPlace::Node(node), "CAPABILITY") => {
                let Some((capability, after)) = rest.split_first() else {
                    let message = "expected a capability after `CAPABILITY`";
                    return Err(self.path_fault(span, message));
                };
                let found = self.capability(*node, capability)?;
                Ok((vec![PathPlace::Capability(*node, found)], PathIndex::At(0), after))
            }
            (PathPlace::Capability(node, capability), "RELATIONSHIP") => {
                let (which, rest) = split_index(rest);
                let all = self.graph.incoming(*node, capability.name.text);
                self.spend_for_relationships(&all, span)?;
                Ok((select_relationships(all, which), which, rest))
            }
            (PathPlace::Tried(_) | PathPlace::Relationship(_), _) => {
                let Some(relationship) = place.relationship() else { return Err(Halt::Reported) };
                match word {
                    "SOURCE" => only(PathPlace::Node(relationship.source)),
                    "TARGET" => only(PathPlace::Node(relationship.target)),
                    "CAPABILITY" => match rest.split_first() {
                        // To another relationship of the same requirement.
                        Some((next, after)) if next.as_str() == Some("RELATIONSHIP") => {
                            let (which, rest) = split_index(after);
                            let name = relationship.definition.name.text;
                            let all = self.graph.outgoing(relationship.source, name);
                            self.spend_for_relationships(&all, span)?;
                            Ok((select_relationships(all, which), which, rest))
                        }
                        _ => only(PathPlace::Capability(
                            relationship.target,
                            relationship.capability,
                        )),
                    },
                    _ => {
                        let message =
                            format!("a path cannot continue from a relationship with `{word}`");
                        Err(self.path_fault(span, message))
                    }
                }
            }
            (PathPlace::Node(_) | PathPlace::Capability(..), _) => {
                let what = if matches!(place, PathPlace::Node(_)) { "node" } else { "capability" };
                if scope.open {
                    return Err(Halt::Later);
                }
                let message = format!("a path cannot continue from a {what} with `{word}`");
                Err(self.path_fault(span, message))
            }
        }
    }

    pub(crate) fn capability(
        &self,
        node: NodeNumber,
        expr: &Expr<'a>,
    ) -> Result<&'a CapabilityDefinition<'a>, Halt> {
        let name = expr.as_str().unwrap_or_default();
        let def = self.graph.node(node).def;
        if let Some(capability) = def.capabilities.get(name) {
            return Ok(capability);
        }
        let message = format!("there is no capability `{name}` here");
        let fault = Fault::new(Code::Path, expr.span, message);
        Err(self.halt(self.faults.near(fault, name, def.capabilities.keys().copied())))
    }

    /// TOSCA 1.x begins a path with `SOURCE`, `TARGET` or `HOST` in the place of `SELF`.
    fn start_at_keyword_1x<'s>(
        &self,
        word: &str,
        span: Span,
        scope: Scope<'s, 'a>,
    ) -> Result<PathPlace<'s, 'a>, Halt> {
        match (scope.own, word) {
            (SelfElement::Relationship(one), "SOURCE") => Ok(PathPlace::Node(one.source)),
            (SelfElement::Relationship(one), "TARGET") => Ok(PathPlace::Node(one.target)),
            (SelfElement::Node(node), "HOST") => {
                // The node at the end of the chain of requirements named `host`.
                let mut at = node;
                for _ in self.graph.numbers() {
                    match self.graph.outgoing(at, "host").first() {
                        Some(host) => at = host.target,
                        None => break,
                    }
                }
                if at == node { Err(Halt::Later) } else { Ok(PathPlace::Node(at)) }
            }
            _ => Err(self.report_outside(word, span, scope)),
        }
    }

    /// TOSCA 1.x names a requirement or capability between the node and the property.
    fn step_1x<'s, 'p>(
        &self,
        places: Vec<PathPlace<'s, 'a>>,
        rest: &'p [Expr<'a>],
        span: Span,
    ) -> Result<(Vec<PathPlace<'s, 'a>>, &'p [Expr<'a>]), Halt> {
        let [PathPlace::Node(node)] = places.as_slice() else { return Ok((places, rest)) };
        let [first, after @ ..] = rest else {
            return Err(self.path_fault(span, "expected a further name at the end of the path"));
        };
        let name = first.as_str().unwrap_or_default();
        let def = self.graph.node(*node).def;
        // A property of this name comes first, then a capability or requirement.
        let own = def.properties.contains_key(name) || def.attributes.contains_key(name);
        if own || after.is_empty() {
            return Ok((places, rest));
        }
        if let Some(capability) = def.capabilities.get(name) {
            return Ok((vec![PathPlace::Capability(*node, capability)], after));
        }
        if def.requirement(name).is_some() {
            let Some(relationship) = self.graph.outgoing(*node, name).into_iter().next() else {
                return Err(Halt::Later);
            };
            // The property belongs to the capability, or else to the target.
            let property = after.first().and_then(Expr::as_str).unwrap_or_default();
            let capability = relationship.capability;
            let known = capability.properties.contains_key(property)
                || capability.attributes.contains_key(property);
            let place = if known {
                PathPlace::Capability(relationship.target, capability)
            } else {
                PathPlace::Node(relationship.target)
            };
            return match place {
                PathPlace::Node(target) => self.step_1x(vec![PathPlace::Node(target)], after, span),
                place => Ok((vec![place], after)),
            };
        }
        Ok((places, rest))
    }
}

/// Splits an index or `ALL` off a path; the default is the first.
fn split_index<'p, 'a>(rest: &'p [Expr<'a>]) -> (PathIndex, &'p [Expr<'a>]) {
    match rest.split_first() {
        Some((next, after)) if next.as_str() == Some("ALL") => (PathIndex::All, after),
        Some((next, after)) => match next.as_u64() {
            Some(at) => (PathIndex::At(at), after),
            None => (PathIndex::At(0), rest),
        },
        None => (PathIndex::At(0), rest),
    }
}

fn select_relationships<'s, 'a>(
    all: Vec<Rc<GraphRelationship<'a>>>,
    which: PathIndex,
) -> Vec<PathPlace<'s, 'a>> {
    match which {
        PathIndex::All => all.into_iter().map(PathPlace::Relationship).collect(),
        PathIndex::At(at) => {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            all.into_iter().nth(at).map(PathPlace::Relationship).into_iter().collect()
        }
    }
}
