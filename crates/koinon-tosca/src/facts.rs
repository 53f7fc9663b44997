//! Program to service: the facts for contracts and agents, derived from Koinon's types.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use alloy_primitives::Address;
use alloy_primitives::B256;
use koinon_model::Ban;
use koinon_model::Governance;
use koinon_model::Module;
use koinon_model::Name;
use koinon_model::OperatorTemplate;
use koinon_model::Permission;
use koinon_model::Service;
use koinon_model::SetTemplate;
use koinon_model::UpdateMode;
use koinon_model::Value;
use koinon_model::keccak256;

use crate::builtin::Base;
use crate::canonical::bind_parameters;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::evaluate::Scope;
use crate::evaluate::effective;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::NodeTemplate;
use crate::grammar::PolicyDefinition;
use crate::instance::check_worker;
use crate::keynames::TypeKind;
use crate::profiles::KOINON_PROFILE;
use crate::program::Halt;
use crate::program::Program;

/// Derives the service's facts and reports faults. Facts that depend on an input without a value
/// are left out, so the result is complete only if all required inputs have values and there are no
/// faults.
pub(crate) fn derive(program: &Program<'_>, mut document: Value) -> Service {
    let clean = program.faults.is_empty();
    let name = match program.template.name {
        Some(name) if !name.text.is_empty() => name.text.to_owned(),
        _ => {
            let message = "the service has no name";
            let fault = Fault::new(Code::ServiceName, program.template.span, message);
            program.faults.push(fault.hint("give it one with `metadata: {template_name: ...}`"));
            String::new()
        }
    };
    let inputs = program.inputs.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let parameters = program.parameters();
    bind_parameters(&mut document, &parameters);
    Service {
        document,
        name,
        inputs: inputs.collect(),
        parameters,
        operators: program.operators(),
        sets: program.sets(clean),
        bans: program.bans(),
        permissions: program.permissions(),
        governance: program.governance(),
    }
}

/// The group of a worker's nodes.
#[derive(Clone, Debug)]
struct Membership<'a> {
    /// The group's node template.
    group: &'a NodeTemplate<'a>,
    /// The input with the number of groups, if the group's count is only `$get_input`.
    groups: Option<String>,
    /// The input with the places per group, if the group's property is only `$get_input`.
    size: Option<String>,
}

/// Returns whether a service has nodes or policies of Koinon's types.
pub(crate) fn is_koinon(program: &Program<'_>) -> bool {
    let types = program.types;
    let nodes = program
        .template
        .nodes
        .values()
        .filter_map(|node| types.lookup(TypeKind::Node, node.node_type));
    let policies = program
        .template
        .policies
        .values()
        .filter_map(|policy| types.lookup(TypeKind::Policy, policy.policy_type))
        // This policy applies to the requirements of any service.
        .filter(|id| !program.is_koinon(*id, "RandomCandidates"));
    let mut all = nodes.chain(policies);
    all.any(|id| {
        types.def(id).chain.iter().any(|id| types.def(*id).profile == Some(KOINON_PROFILE))
    })
}

impl<'a> Program<'a> {
    /// Returns the node templates of a type of Koinon's profile, with their positions.
    fn nodes_of(&self, ancestor: &str) -> impl Iterator<Item = (usize, &'a NodeTemplate<'a>)> {
        let ancestor = self.types.koinon(TypeKind::Node, ancestor);
        self.template.nodes.values().enumerate().filter(move |(_, node)| {
            let id = self.types.lookup(TypeKind::Node, node.node_type);
            id.zip(ancestor).is_some_and(|(id, ancestor)| self.types.derives(id, ancestor))
        })
    }

    fn membership(&self, worker: &NodeTemplate<'a>) -> Option<Membership<'a>> {
        let ancestor = self.types.koinon(TypeKind::Node, "Group")?;
        worker.requirements.iter().find_map(|requirement| {
            let group = self.template.nodes.get(requirement.node.as_ref()?.name.text)?;
            let id = self.types.lookup(TypeKind::Node, group.node_type)?;
            if !self.types.derives(id, ancestor) {
                return None;
            }
            let plain =
                |expr: Option<&Expr<'_>>| expr.and_then(Expr::plain_input).map(str::to_owned);
            Some(Membership {
                group,
                groups: plain(group.count.as_deref()),
                size: plain(group.properties.get("workers")),
            })
        })
    }

    fn fault(&self, code: Code, span: Span, message: impl Into<String>) {
        self.faults.push(Fault::new(code, span, message));
    }

    /// Returns the integer inputs.
    fn parameters(&self) -> BTreeMap<Name, i64> {
        let mut parameters = BTreeMap::new();
        for (input, definition) in &self.template.inputs {
            if !self.is_integer(input) {
                continue;
            }
            match input.parse::<Name>() {
                Ok(name) => {
                    let value = self.inputs.get(input).and_then(Value::as_i64);
                    parameters.extend(value.map(|value| (name, value)));
                }
                Err(error) => self.fault(
                    Code::Parameter,
                    definition.name.span,
                    format!("an integer input needs the name of a parameter: {error}"),
                ),
            }
        }
        parameters
    }

    fn is_integer(&self, input: &str) -> bool {
        let definition = self.template.inputs.get(input);
        let shape = definition.and_then(|input| self.types.shape(&input.schema));
        shape.is_some_and(|shape| shape.base == Base::Integer)
    }

    fn operators(&self) -> BTreeMap<String, OperatorTemplate> {
        let mut operators = BTreeMap::new();
        let mut names: BTreeMap<String, Span> = BTreeMap::new();
        for (position, node) in self.nodes_of("Operator") {
            let template = node.name.text;
            if self.count(node).is_ok_and(|count| count != 1) {
                self.fault(
                    Code::NotSupported,
                    node.name.span,
                    "an operator with a count is not supported yet",
                );
            }
            let Some(own) = self.graph.of_template(position).next() else { continue };
            let value = |name: &str| self.property(own, name).ok().flatten();
            let Some(Value::String(name)) = value("name") else { continue };
            let span = self.property_span(template, "name");
            if let Some(first) = names.insert(name.clone(), span) {
                let fault = Fault::new(
                    Code::OperatorName,
                    span,
                    format!("two operators are named `{name}`"),
                );
                self.faults.push(fault.related(first, "the other operator"));
            }
            let stake = value("stake").and_then(|stake| stake.as_u64()).unwrap_or(0);
            let certificate = value("certificate").and_then(|pem| pem.as_str().map(str::to_owned));
            operators.insert(template.to_owned(), OperatorTemplate { name, stake, certificate });
        }
        operators
    }

    /// Returns the node sets. Checks that nodes can be made if the program is `clean`, which means
    /// that every value fits its type.
    fn sets(&self, clean: bool) -> Vec<SetTemplate> {
        let mut sets = Vec::new();
        for (_, node) in self.nodes_of("Worker") {
            sets.extend(self.set(node));
            if clean {
                check_worker(self, node);
            }
        }
        sets
    }

    fn set(&self, node: &NodeTemplate<'a>) -> Option<SetTemplate> {
        let (template, word) = (node.name.text, node.name);
        let Some(membership) = self.membership(node) else {
            let message = format!("worker `{template}` is not a member of a group");
            self.fault(Code::NodeSet, word.span, message);
            return None;
        };
        let parameter = |input: &Option<String>, what: &str, span: Span| {
            let integer = input.as_deref().filter(|input| self.is_integer(input));
            if integer.is_none() {
                let message = format!(
                    "{what} of `{}` must be `$get_input` of an integer input",
                    membership.group.name.text
                );
                let fault = Fault::new(Code::NodeSet, span, message);
                self.faults.push(
                    fault.hint("contracts count slots by parameters, which are the integer inputs"),
                );
            }
            integer?.parse::<Name>().ok()
        };
        let group = membership.group;
        let count = group.count.as_ref().map_or(group.name.span, |count| count.span);
        let groups = parameter(&membership.groups, "the count", count);
        let workers = self.property_span(membership.group.name.text, "workers");
        let size = parameter(&membership.size, "`workers`", workers);
        let (groups, size) = (groups?, size?);
        let name = match template.parse::<Name>() {
            Ok(name) => name,
            Err(error) => {
                self.fault(
                    Code::NodeSet,
                    word.span,
                    format!("a worker needs the name of a node set: {error}"),
                );
                return None;
            }
        };
        let set = SetTemplate { name, groups, size };
        self.check_set(node, &set);
        Some(set)
    }

    /// Checks that the worker's count fills its groups exactly.
    fn check_set(&self, node: &NodeTemplate<'a>, set: &SetTemplate) {
        let value = |name: &Name| self.inputs.get(name.as_str()).and_then(Value::as_u64);
        let number = |name: &Name| value(name).and_then(|number| u32::try_from(number).ok());
        let (Some(groups), Some(size)) = (number(&set.groups), number(&set.size)) else {
            for name in [&set.groups, &set.size] {
                if let (Some(_), None) = (self.inputs.get(name.as_str()), number(name)) {
                    let span = self
                        .template
                        .inputs
                        .get(name.as_str())
                        .map_or(self.template.span, |input| input.name.span);
                    self.fault(
                        Code::Parameter,
                        span,
                        format!("`{name}` must be a natural number of 32 bits"),
                    );
                }
            }
            return;
        };
        let Ok(count) = self.count(node) else { return };
        let places = u64::from(groups) * u64::from(size);
        if count != places {
            let span = node.count.as_ref().map_or(node.name.span, |count| count.span);
            let template = node.name.text;
            let message = format!(
                "`{template}` has count {count}, but its groups have {groups} x {size} = {places} places"
            );
            self.fault(Code::NodeSetCount, span, message);
        }
    }

    /// Returns the policies of a type of Koinon's profile.
    fn policies(&self, ancestor: &str) -> impl Iterator<Item = &'a PolicyDefinition<'a>> {
        let ancestor = self.types.koinon(TypeKind::Policy, ancestor);
        self.template.policies.values().filter(move |policy| {
            let id = self.types.lookup(TypeKind::Policy, policy.policy_type);
            id.zip(ancestor).is_some_and(|(id, ancestor)| self.types.derives(id, ancestor))
        })
    }

    /// Evaluates a property of a policy. Returns nothing if it has no value yet.
    fn policy_value(
        &self,
        policy: &'a PolicyDefinition<'a>,
        name: &str,
    ) -> Option<(Value, &'a Expr<'a>)> {
        let def = self.types.get(TypeKind::Policy, policy.policy_type)?;
        let expr = effective(def.properties.get(name)?, &policy.properties)?;
        let property = def.properties.get(name)?;
        match self.typed(expr, &property.schema, Scope::of(name)) {
            Ok(value) => Some((value, expr)),
            Err(Halt::Input | Halt::Deep | Halt::Reported | Halt::Later) => None,
            Err(Halt::RunTime(span)) => {
                self.fault(
                    Code::RunTimeOnly,
                    span,
                    format!("`{name}` must be known before the service runs"),
                );
                None
            }
        }
    }

    fn bans(&self) -> BTreeSet<Ban> {
        let mut bans = BTreeSet::new();
        for policy in self.policies("Blacklist") {
            for (list, ban) in [
                ("operators", operator_ban as fn(&str) -> Option<Ban>),
                ("nodes", node_ban),
                ("credentials", credential_ban),
            ] {
                let Some((value, expr)) = self.policy_value(policy, list) else { continue };
                for (index, entry) in value.as_list().unwrap_or_default().iter().enumerate() {
                    let text = entry.as_str().unwrap_or_default();
                    let span = match &expr.kind {
                        ExprKind::List(items) => {
                            items.get(index).map_or(expr.span, |item| item.span)
                        }
                        _ => expr.span,
                    };
                    match ban(text) {
                        Some(ban) => {
                            bans.insert(ban);
                        }
                        None => {
                            let form = match list {
                                "nodes" => {
                                    "an operator's name and the number of its unit (such as alice@myDapp/3)"
                                }
                                "credentials" => "a SHA-256 fingerprint in 64 hexadecimal digits",
                                _ => "an operator's name",
                            };
                            let message = format!("expected {form} in `{list}`, found `{text}`");
                            self.fault(Code::Ban, span, message);
                        }
                    }
                }
            }
        }
        bans
    }

    fn permissions(&self) -> BTreeMap<Module, Permission> {
        let mut permissions = BTreeMap::new();
        let mut known: BTreeSet<String> = BTreeSet::new();
        for policy in self.policies("Permissions") {
            let Some((value, expr)) = self.policy_value(policy, "modules") else { continue };
            for (module, rule) in value.as_map().into_iter().flatten() {
                let span = match &expr.kind {
                    ExprKind::Map(entries) => {
                        let found = entries.iter().find(|(key, _)| key.as_str() == Some(module));
                        found.map_or(expr.span, |(key, _)| key.span)
                    }
                    _ => expr.span,
                };
                if !known.insert(module.clone()) {
                    self.fault(
                        Code::Permission,
                        span,
                        format!("two policies set the permission of `{module}`"),
                    );
                }
                let Ok(module) = module.parse::<Module>() else {
                    let modules = Module::ALL.map(Module::as_str);
                    let message = format!(
                        "unknown module `{module}`, expected one of {}",
                        modules.join(", ")
                    );
                    self.faults
                        .push(Fault::new(Code::Permission, span, message).near(module, modules));
                    continue;
                };
                let admins = rule.get("admins").and_then(Value::as_list).unwrap_or_default();
                if rule.get("update_by").and_then(Value::as_str) != Some("admins") {
                    if !admins.is_empty() {
                        let message =
                            format!("`{module}` is updated by governance, but lists admins");
                        self.fault(Code::Permission, span, message);
                    }
                    continue;
                }
                let mut accounts = BTreeSet::new();
                for admin in admins {
                    let text = admin.as_str().unwrap_or_default();
                    match text.parse::<Address>() {
                        Ok(account) => {
                            accounts.insert(account);
                        }
                        Err(_) => {
                            self.fault(
                                Code::Permission,
                                span,
                                format!("`{text}` is not an account"),
                            );
                        }
                    }
                }
                permissions.insert(module, Permission { mode: UpdateMode::Admins(accounts) });
            }
        }
        permissions
    }

    fn governance(&self) -> Governance {
        let policies: Vec<&'a PolicyDefinition<'a>> = self.policies("Governance").collect();
        let number = |name: &str| {
            let value = policies.first().and_then(|policy| self.policy_value(policy, name));
            value.and_then(|(value, _)| value.as_u64()).unwrap_or(0)
        };
        if let [] | [_, _, ..] = policies.as_slice() {
            let span = policies.get(1).map_or(self.template.span, |policy| policy.name.span);
            let message =
                format!("expected one policy of type Governance, found {}", policies.len());
            self.faults.push(Fault::new(Code::Governance, span, message).hint(
                "it defines how the service is changed; its type is in the profile org.koinon:1.0",
            ));
        }
        Governance {
            voting_delay: number("voting_delay"),
            voting_period: number("voting_period"),
            timelock: number("timelock"),
            // The profile's validation keeps it within 0 and 100.
            quorum: u8::try_from(number("quorum")).unwrap_or(u8::MAX),
            proposal_threshold: number("proposal_threshold"),
            unbonding: number("unbonding"),
        }
    }
}

fn operator_ban(name: &str) -> Option<Ban> {
    (!name.is_empty()).then(|| Ban::Operator(keccak256(name.as_bytes())))
}

fn node_ban(text: &str) -> Option<Ban> {
    let (name, unit) = text.rsplit_once('/')?;
    let digits = !unit.is_empty() && unit.bytes().all(|byte| byte.is_ascii_digit());
    let unit = if digits { unit.parse::<u32>().ok()? } else { return None };
    (!name.is_empty()).then(|| Ban::Node(keccak256(name.as_bytes()), unit))
}

fn credential_ban(text: &str) -> Option<Ban> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    let digits = digits.strip_prefix("0x").unwrap_or(&digits);
    let valid = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fingerprint = if valid { digits.parse::<B256>().ok()? } else { return None };
    Some(Ban::Credential(fingerprint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bans_are_read() {
        let alice = keccak256(b"alice@myDapp");
        assert_eq!(operator_ban("alice@myDapp"), Some(Ban::Operator(alice)));
        assert_eq!(node_ban("alice@myDapp/3"), Some(Ban::Node(alice, 3)));
        let fingerprint = Some(Ban::Credential(B256::repeat_byte(0xab)));
        for text in ["ab".repeat(32), format!("0x{}", "AB".repeat(32)), ["ab"; 32].join(":")] {
            assert_eq!(credential_ban(&text), fingerprint, "{text}");
        }
        assert_eq!(operator_ban(""), None);
        for text in ["alice", "/3", "alice/", "alice/-1", "alice/+1", "alice/4294967296"] {
            assert_eq!(node_ban(text), None, "{text}");
        }
        for text in ["", "ab", &"zz".repeat(32)] {
            assert_eq!(credential_ban(text), None, "{text}");
        }
    }
}
