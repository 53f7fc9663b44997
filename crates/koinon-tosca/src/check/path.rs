//! TOSCA paths (csd07 10.3): from a node or relationship over the graph to a property, attribute or artifact.

use std::rc::Rc;

use koinon_model::Value;

use super::eval::Halt;
use super::eval::Known;
use super::eval::Own;
use super::eval::Scope;
use super::graph::Evaluated;
use super::graph::Relationship;
use super::program::Program;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::grammar::Capability;
use crate::grammar::Expr;
use crate::grammar::Function;
use crate::grammar::Properties;

/// A place on the way.
#[derive(Clone, Debug)]
pub(super) enum At<'s, 'a> {
    Node(u32),
    /// A relationship that is tried.
    Tried(&'s Relationship<'a>),
    Relationship(Rc<Relationship<'a>>),
    Capability(u32, &'a Capability<'a>),
}

/// Where a path ends.
pub(super) struct End<'s, 'p, 'a> {
    /// All places it leads to: several if it says `ALL`.
    pub(super) places: Vec<At<'s, 'a>>,
    /// Whether it says `ALL`.
    pub(super) many: bool,
    pub(super) name: &'p Expr<'a>,
    pub(super) rest: &'p [Expr<'a>],
}

/// Which of several is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    At(u64),
    All,
}

impl<'s, 'a> At<'s, 'a> {
    fn relationship(&self) -> Option<&Relationship<'a>> {
        match self {
            Self::Tried(one) => Some(one),
            Self::Relationship(one) => Some(one),
            Self::Node(_) | Self::Capability(..) => None,
        }
    }
}

impl<'a> Program<'a> {
    pub(super) fn get_property(
        &self,
        function: Function,
        path: &[Expr<'a>],
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<Known, Halt> {
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
        place: &At<'_, 'a>,
        name: &str,
        span: Span,
        rest: &[Expr<'a>],
        scope: Scope<'_, 'a>,
    ) -> Result<Known, Halt> {
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
            At::Node(node) => self.property(*node, name),
            At::Capability(node, capability) => self.capability_property(*node, capability, name),
            At::Tried(one) => self.relationship_property(one, name),
            At::Relationship(one) => self.relationship_property(one, name),
        };
        let Some(value) = value? else {
            // Its value may be one the author still owes: then that was told.
            if property.is_required() {
                return Err(Halt::Reported);
            }
            return Err(self.path_fault(span, format!("property `{name}` has no value")));
        };
        let of = self.types.shape(&property.schema).map(|shape| shape.id);
        self.nested(Known { value, of }, rest, scope)
    }

    pub(super) fn properties_at(&self, place: &At<'_, 'a>) -> &'a Properties<'a> {
        match place {
            At::Node(node) => &self.graph.node(*node).def.properties,
            At::Capability(_, capability) => &capability.properties,
            At::Tried(one) => one.properties,
            At::Relationship(one) => one.properties,
        }
    }

    pub(super) fn attributes_at(&self, place: &At<'_, 'a>) -> &'a Properties<'a> {
        match place {
            At::Node(node) => &self.graph.node(*node).def.attributes,
            At::Capability(_, capability) => &capability.attributes,
            At::Tried(one) => one.attributes,
            At::Relationship(one) => one.attributes,
        }
    }

    /// Checks that a path leads to an attribute. Every property is one as well (csd07 9.5).
    pub(super) fn check_attribute(
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
            // `state` and its like are the orchestrator's own (Simple Profile 1.3, 3.4.1 and 5.9.1).
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

    /// Returns where an artifact is (csd07 10.2.1.4).
    pub(super) fn get_artifact(
        &self,
        path: &[Expr<'a>],
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<Known, Halt> {
        let end = self.walk(Function::GetArtifact, path, span, scope)?;
        let name = end.name.as_str().unwrap_or_default();
        let Some(At::Node(at)) = end.places.first() else {
            return Err(self.path_fault(span, "expected a path to a node"));
        };
        let node = self.graph.node(*at);
        if let Some(elsewhere) = &node.elsewhere {
            return match elsewhere.node.artifacts.get(name) {
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

    /// Returns what is left of a capability's property (csd07 10.2.1.8).
    pub(super) fn available_allocation(
        &self,
        path: &[Expr<'a>],
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<Known, Halt> {
        let end = self.walk(Function::AvailableAllocation, path, span, scope)?;
        let name = end.name.as_str().unwrap_or_default();
        let Some(At::Capability(node, capability)) = end.places.first() else {
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
            Some((_, value)) => Ok(Known { value, of }),
            None => Err(self.path_fault(end.name.span, format!("`{name}` has no value"))),
        }
    }

    fn path_fault(&self, span: Span, message: impl Into<String>) -> Halt {
        self.halt(Fault::new(Code::Path, span, message))
    }

    /// Follows a path up to the name it ends with.
    pub(super) fn walk<'s, 'p>(
        &self,
        function: Function,
        path: &'p [Expr<'a>],
        span: Span,
        scope: Scope<'s, 'a>,
    ) -> Result<End<'s, 'p, 'a>, Halt> {
        let Some((first, mut rest)) = path.split_first() else { return Err(Halt::Reported) };
        let mut many = false;
        let mut places: Vec<At<'s, 'a>> = match first.as_str() {
            Some("SELF") => vec![match scope.own {
                Own::Node(node) => At::Node(node),
                Own::Relationship(relationship) => At::Tried(relationship),
                Own::Nothing => return Err(self.outside("SELF", first.span, scope)),
            }],
            Some(name) => {
                let old = matches!(function, Function::GetProperty1x | Function::GetAttribute1x);
                if old && matches!(name, "SOURCE" | "TARGET" | "HOST") {
                    vec![self.keyword(name, first.span, scope)?]
                } else {
                    let which;
                    (which, rest) = index(rest);
                    many = which == Which::All;
                    self.named(name, which, first.span, scope)?
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
        // What begins at nothing that is there can lead nowhere.
        if places.is_empty() {
            return Err(Halt::Later);
        }
        loop {
            let Some((step, after)) = rest.split_first() else {
                return Err(self.path_fault(span, "the path ends before the name it leads to"));
            };
            let mut next = Vec::new();
            let last =
                !matches!(step.as_str(), Some("RELATIONSHIP" | "CAPABILITY" | "SOURCE" | "TARGET"))
                    || after.is_empty();
            if last {
                return Ok(End { places, many, name: step, rest: after });
            }
            let word = step.as_str().unwrap_or_default();
            let mut remaining = after;
            for place in &places {
                let (found, which, left) = self.step(place, word, step.span, after, scope)?;
                next.extend(found);
                many |= which == Which::All;
                remaining = left;
            }
            if next.is_empty() {
                return Err(Halt::Later);
            }
            (places, rest) = (next, remaining);
        }
    }

    /// Takes steps for relationships that a path passes by: one is much less work than an expression.
    fn passed_by(&self, all: &[Rc<Relationship<'a>>], span: Span) -> Result<(), Halt> {
        self.spend(all.len() as u64 / 16, span)
    }

    /// Returns the nodes of a template, or the relationships that use a relationship template.
    fn named<'s>(
        &self,
        name: &str,
        which: Which,
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<Vec<At<'s, 'a>>, Halt> {
        if let Some(position) = self.template.nodes.position(name) {
            let nodes = self.graph.of_template(position);
            let place = |at: u32| At::Node(at);
            return match which {
                Which::All => Ok(nodes.map(place).collect()),
                Which::At(at) => {
                    let count = u64::from(nodes.end - nodes.start);
                    if at < count {
                        let at = nodes.start + u32::try_from(at).unwrap_or(u32::MAX);
                        return Ok(vec![place(at)]);
                    }
                    // A template of an unknown type was told already; one without nodes has none to ask.
                    if count == 0 {
                        return Err(Halt::Later);
                    }
                    let message = format!("`{name}` has {count} nodes and none at {at}");
                    Err(self.path_fault(span, message))
                }
            };
        }
        if self.template.relationships.contains(name) {
            let all = self.graph.relationships();
            self.passed_by(&all, span)?;
            let all = all.into_iter().filter(|one| {
                one.assignment
                    .and_then(|one| one.relationship)
                    .is_some_and(|word| word.text == name)
            });
            return Ok(all.take(1).map(At::Relationship).collect());
        }
        // A type names no templates (csd07 11.4), but 1.x profiles do.
        if scope.open {
            return Err(Halt::Later);
        }
        let fault = Fault::new(Code::Path, span, format!("there is no node template `{name}`"));
        Err(self.halt(self.faults.near(fault, name, self.template.nodes.names())))
    }

    /// Makes one step from one place.
    fn step<'s, 'p>(
        &self,
        place: &At<'s, 'a>,
        word: &str,
        span: Span,
        rest: &'p [Expr<'a>],
        scope: Scope<'_, 'a>,
    ) -> Result<(Vec<At<'s, 'a>>, Which, &'p [Expr<'a>]), Halt> {
        let only = |place| Ok((vec![place], Which::At(0), rest));
        match (place, word) {
            (At::Node(node), "RELATIONSHIP") => {
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
                let (which, rest) = index(rest);
                let all = self.graph.outgoing(*node, name);
                self.passed_by(&all, span)?;
                Ok((pick(all, which), which, rest))
            }
            (At::Node(node), "CAPABILITY") => {
                let Some((capability, after)) = rest.split_first() else {
                    let message = "expected a capability after `CAPABILITY`";
                    return Err(self.path_fault(span, message));
                };
                let found = self.capability(*node, capability)?;
                Ok((vec![At::Capability(*node, found)], Which::At(0), after))
            }
            (At::Capability(node, capability), "RELATIONSHIP") => {
                let (which, rest) = index(rest);
                let all = self.graph.incoming(*node, capability.name.text);
                self.passed_by(&all, span)?;
                Ok((pick(all, which), which, rest))
            }
            (At::Tried(_) | At::Relationship(_), _) => {
                let Some(relationship) = place.relationship() else { return Err(Halt::Reported) };
                match word {
                    "SOURCE" => only(At::Node(relationship.source)),
                    "TARGET" => only(At::Node(relationship.target)),
                    "CAPABILITY" => match rest.split_first() {
                        // To another relationship of the same requirement.
                        Some((next, after)) if next.as_str() == Some("RELATIONSHIP") => {
                            let (which, rest) = index(after);
                            let name = relationship.definition.name.text;
                            let all = self.graph.outgoing(relationship.source, name);
                            self.passed_by(&all, span)?;
                            Ok((pick(all, which), which, rest))
                        }
                        _ => only(At::Capability(relationship.target, relationship.capability)),
                    },
                    _ => {
                        let message = format!("`{word}` does not lead on from a relationship");
                        Err(self.path_fault(span, message))
                    }
                }
            }
            (At::Node(_) | At::Capability(..), _) => {
                let what = if matches!(place, At::Node(_)) { "node" } else { "capability" };
                if scope.open {
                    return Err(Halt::Later);
                }
                let message = format!("`{word}` does not lead on from a {what}");
                Err(self.path_fault(span, message))
            }
        }
    }

    fn capability(&self, node: u32, expr: &Expr<'a>) -> Result<&'a Capability<'a>, Halt> {
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
    fn keyword<'s>(
        &self,
        word: &str,
        span: Span,
        scope: Scope<'s, 'a>,
    ) -> Result<At<'s, 'a>, Halt> {
        match (scope.own, word) {
            (Own::Relationship(one), "SOURCE") => Ok(At::Node(one.source)),
            (Own::Relationship(one), "TARGET") => Ok(At::Node(one.target)),
            (Own::Node(node), "HOST") => {
                // The node at the end of the chain of requirements named `host`.
                let mut at = node;
                for _ in 0..self.graph.len() {
                    match self.graph.outgoing(at, "host").first() {
                        Some(host) => at = host.target,
                        None => break,
                    }
                }
                if at == node { Err(Halt::Later) } else { Ok(At::Node(at)) }
            }
            _ => Err(self.outside(word, span, scope)),
        }
    }

    /// TOSCA 1.x names a requirement or capability between the node and the property.
    fn step_1x<'s, 'p>(
        &self,
        places: Vec<At<'s, 'a>>,
        rest: &'p [Expr<'a>],
        span: Span,
    ) -> Result<(Vec<At<'s, 'a>>, &'p [Expr<'a>]), Halt> {
        let [At::Node(node)] = places.as_slice() else { return Ok((places, rest)) };
        let [first, after @ ..] = rest else {
            return Err(self.path_fault(span, "the path ends before the name it leads to"));
        };
        let name = first.as_str().unwrap_or_default();
        let def = self.graph.node(*node).def;
        // A property of this name wins: only where there is none is it a capability or requirement.
        let own = def.properties.contains_key(name) || def.attributes.contains_key(name);
        if own || after.is_empty() {
            return Ok((places, rest));
        }
        if let Some(capability) = def.capabilities.get(name) {
            return Ok((vec![At::Capability(*node, capability)], after));
        }
        if def.requirement(name).is_some() {
            let Some(relationship) = self.graph.outgoing(*node, name).into_iter().next() else {
                return Err(Halt::Later);
            };
            // The property is the capability's, or else the target's.
            let property = after.first().and_then(Expr::as_str).unwrap_or_default();
            let capability = relationship.capability;
            let known = capability.properties.contains_key(property)
                || capability.attributes.contains_key(property);
            let place = if known {
                At::Capability(relationship.target, capability)
            } else {
                At::Node(relationship.target)
            };
            return match place {
                At::Node(target) => self.step_1x(vec![At::Node(target)], after, span),
                place => Ok((vec![place], after)),
            };
        }
        Ok((places, rest))
    }
}

/// Reads an index, or `ALL`; the first if there is none.
fn index<'p, 'a>(rest: &'p [Expr<'a>]) -> (Which, &'p [Expr<'a>]) {
    match rest.split_first() {
        Some((next, after)) if next.as_str() == Some("ALL") => (Which::All, after),
        Some((next, after)) => match next.as_u64() {
            Some(at) => (Which::At(at), after),
            None => (Which::At(0), rest),
        },
        None => (Which::At(0), rest),
    }
}

fn pick<'s, 'a>(all: Vec<Rc<Relationship<'a>>>, which: Which) -> Vec<At<'s, 'a>> {
    match which {
        Which::All => all.into_iter().map(At::Relationship).collect(),
        Which::At(at) => {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            all.into_iter().nth(at).map(At::Relationship).into_iter().collect()
        }
    }
}
