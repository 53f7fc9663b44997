//! A service template with everything it uses resolved, the values of its inputs, and its graph.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeMap;

use alloy_primitives::B256;
use koinon_model::Value;

use super::eval::Halt;
use super::eval::Scope;
use super::graph::Deep;
use super::graph::Graph;
use super::graph::MAX_NODES;
use super::nodes::Others;
use super::requirements::Resolver;
use super::substitute::Mapped;
use super::types::Types;
use crate::Options;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::grammar::Expr;
use crate::grammar::Properties;
use crate::grammar::Property;
use crate::grammar::Template;
use crate::grammar::TypeId;
use crate::hash::HashMap;

/// A service template with everything it uses resolved.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    pub(crate) template: &'a Template<'a>,
    pub(crate) types: &'a Types<'a>,
    /// Values of inputs that have one.
    pub(crate) inputs: BTreeMap<&'a str, Value>,
    pub(crate) graph: Graph<'a>,
    pub(crate) resolver: Resolver<'a>,
    pub(crate) faults: &'a Faults,
    /// The service's name: ids of nodes are made of it.
    pub(crate) name: String,
    /// What chance is drawn from, where a policy says that it decides.
    pub(crate) seed: Option<B256>,
    pub(super) mode: Inputs,
    pub(super) steps: Cell<u64>,
    /// Values that wait for each other at this moment.
    pub(super) depth: Cell<u32>,
    pub(super) deep: Deep<'a>,
    /// Nodes that may be made yet.
    pub(super) room: Cell<u64>,
    pub(super) around: &'a Around<'a>,
    /// What the service gets from the one it is nested in.
    pub(super) mapped: Mapped<'a>,
    /// How many services it is nested in.
    pub(super) nested: u32,
    /// The templates that stand for nodes.
    pub(super) substituted: RefCell<BTreeMap<u32, &'a Template<'a>>>,
    /// Why directives that come before `substitute` did not work, by node template.
    pub(super) passed: BTreeMap<&'a str, Vec<String>>,
    /// Whether the values a capability has by its definition are the same and in order for every node, by its address.
    pub(super) common: RefCell<HashMap<usize, bool>>,
    /// Node templates nothing comes of; faults only where all of a service must be there.
    pub(super) failed: RefCell<Vec<Fault>>,
}

/// What is around a service.
#[derive(Debug, Default)]
pub(crate) struct Around<'a> {
    /// Templates that may stand for nodes, in the order they are tried.
    pub(crate) substitutes: Vec<&'a Template<'a>>,
    /// Nodes of other services.
    pub(crate) others: Others<'a>,
}

/// What a program is made of besides its template.
#[derive(Debug)]
pub(crate) struct Setting<'s, 'a> {
    pub(crate) types: &'a Types<'a>,
    pub(crate) around: &'a Around<'a>,
    pub(crate) faults: &'a Faults,
    pub(crate) inputs: &'s BTreeMap<String, Value>,
    pub(crate) mapped: Mapped<'a>,
    pub(crate) nested: u32,
    pub(crate) mode: Inputs,
    pub(crate) seed: Option<B256>,
    pub(crate) steps: u64,
    pub(crate) room: u64,
}

impl<'s, 'a> Setting<'s, 'a> {
    /// The setting of a service that is nested in no other.
    pub(crate) fn new(
        (types, around): (&'a Types<'a>, &'a Around<'a>),
        options: &'s Options,
        mode: Inputs,
        faults: &'a Faults,
    ) -> Self {
        Self {
            types,
            around,
            faults,
            inputs: &options.inputs,
            mapped: Mapped::default(),
            nested: 0,
            mode,
            seed: options.seed,
            steps: options.budgets.steps,
            room: MAX_NODES,
        }
    }
}

/// Whether every required input must have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inputs {
    Complete,
    Partial,
}

impl<'a> Program<'a> {
    /// Binds a template's inputs and makes its graph.
    pub(crate) fn new(template: &'a Template<'a>, name: &str, setting: Setting<'_, 'a>) -> Self {
        let mut program = Self {
            template,
            types: setting.types,
            inputs: BTreeMap::new(),
            graph: Graph::default(),
            resolver: Resolver::default(),
            faults: setting.faults,
            name: name.to_owned(),
            seed: setting.seed,
            mode: setting.mode,
            steps: Cell::new(setting.steps),
            depth: Cell::new(0),
            deep: Deep::default(),
            room: Cell::new(setting.room),
            around: setting.around,
            mapped: setting.mapped,
            nested: setting.nested,
            substituted: RefCell::default(),
            passed: BTreeMap::new(),
            common: RefCell::default(),
            failed: RefCell::default(),
        };
        program.bind(setting.inputs);
        program.make_nodes();
        program
    }

    /// Resolves the requirements, tracing those of a template, of one name if there is one.
    pub(crate) fn resolve(&mut self, traced: Option<(String, Option<String>)>) {
        self.resolver.traced = traced;
        self.resolve_requirements();
    }

    /// Gives every input its value: the one given, or its default.
    fn bind(&mut self, given: &BTreeMap<String, Value>) {
        for name in given.keys().filter(|name| !self.template.inputs.contains_key(name.as_str())) {
            let message = format!("the service has no input `{name}`");
            let fault = Fault::new(Code::UnknownInput, self.template.span, message);
            self.faults.push(self.faults.near(fault, name, self.template.inputs.keys().copied()));
        }
        let mut values = BTreeMap::new();
        for (name, input) in &self.template.inputs {
            self.check_parameter(input);
            let scope = Scope::of(name);
            let value = match (given.get(*name), &input.default) {
                (Some(value), default) => {
                    if let Some(default) = default {
                        self.checked_default(default, input);
                    }
                    self.typed(&Expr::lift(value.clone(), input.name.span), &input.schema, scope)
                        .ok()
                }
                (None, Some(default)) => self.checked_default(default, input),
                (None, None) => None,
            };
            values.extend(value.map(|value| (*name, value)));
        }
        self.inputs = values;
    }

    fn checked_default(&self, default: &Expr<'a>, input: &Property<'a>) -> Option<Value> {
        match self.typed(default, &input.schema, Scope::of(input.name.text)) {
            Ok(value) => Some(value),
            Err(Halt::Reported | Halt::Deep) => None,
            Err(Halt::Input | Halt::RunTime(_) | Halt::Later) => {
                let message = "the default of an input cannot depend on other values";
                self.faults.push(Fault::new(Code::Definition, default.span, message));
                None
            }
        }
    }

    /// Returns whether whatever is not known by now never will be.
    pub(crate) fn is_complete(&self) -> bool {
        self.mode == Inputs::Complete
    }

    /// Makes a fault for every required input without value, unless that may be.
    pub(crate) fn check_complete(&self, given: &BTreeMap<String, Value>) {
        if !self.is_complete() {
            return;
        }
        for (name, input) in &self.template.inputs {
            let has = input.default.is_some() || given.contains_key(*name);
            if !has && input.is_required() {
                let message = format!("input `{name}` has no value");
                let fault = Fault::new(Code::MissingInput, input.name.span, message);
                let hint = format!(
                    "give it with `--input {name}=VALUE`, or in a file with `--inputs FILE`"
                );
                self.faults.push(fault.hint(hint));
            }
        }
    }

    /// Returns whether a type is, or derives from, one of Koinon's profile.
    pub(crate) fn is_koinon(&self, id: TypeId, ancestor: &str) -> bool {
        let section = self.types.def(id).section;
        self.types.koinon(section, ancestor).is_some_and(|known| self.types.derives(id, known))
    }

    /// Returns whether a template gives a property its value.
    pub(crate) fn has_value(&self, template: &str, name: &str) -> bool {
        self.template.nodes.get(template).is_some_and(|node| node.properties.contains(name))
    }

    /// Allows more steps of evaluation, for work whose size is known and bounded.
    pub(crate) fn allow(&self, steps: u64) {
        self.steps.set(self.steps.get().saturating_add(steps));
    }

    /// Returns where a node's property is given its value, or where the node is named.
    pub(crate) fn property_span(&self, template: &str, name: &str) -> Span {
        let Some(node) = self.template.nodes.get(template) else { return self.template.span };
        node.properties.get(name).map_or(node.name.span, |expr| expr.span)
    }

    /// Checks a parameter's schema.
    pub(super) fn check_parameter(&self, parameter: &Property<'a>) {
        super::definitions::check_schema(
            self.types,
            &parameter.schema,
            parameter.name,
            self.faults,
        );
        self.check_clauses(&parameter.schema);
    }

    /// Checks parameters and their defaults.
    pub(super) fn check_parameters(&self, parameters: &Properties<'a>, scope: Scope<'_, 'a>) {
        for (name, parameter) in parameters {
            self.check_parameter(parameter);
            for expr in [&parameter.default, &parameter.value].into_iter().flatten() {
                drop(self.typed(expr, &parameter.schema, Scope { what: name, ..scope }));
            }
        }
    }
}
