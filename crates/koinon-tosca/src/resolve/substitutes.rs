//! Service templates that may stand for a node (csd07 15.1).

use crate::evaluate::Scope;
use crate::grammar::Directive;
use crate::grammar::MappedTo;
use crate::grammar::MappedValue;
use crate::grammar::ServiceTemplate;
use crate::grammar::SubstitutionMapping;
use crate::grammar::Word;
use crate::keynames::TypeKind;
use crate::program::NodeNumber;
use crate::program::Program;

impl<'a> Program<'a> {
    /// Chooses a service template for each node that is to be substituted.
    pub(crate) fn choose_substitutes(&self) {
        for at in self.graph.numbers() {
            let node = self.graph.node(at);
            let template = node.template;
            let mut directives = template.directives.iter().map(|(directive, _)| *directive);
            let first = directives.find(|directive| *directive != Directive::Select);
            if node.referenced.is_some() || first != Some(Directive::Substitute) {
                continue;
            }
            match self.substitute_for(at) {
                Ok(found) => {
                    self.substituted.borrow_mut().insert(at, found);
                }
                Err(_) if template.has(Directive::Create) => {}
                Err(reason) => {
                    let mut reasons =
                        self.failed_directives.get(template.name.text).cloned().unwrap_or_default();
                    reasons.push(format!("substitute: {reason}"));
                    self.record_failure(template, &reasons);
                }
            }
        }
    }

    /// Returns the first service template that may stand for a node, or the reason that none may.
    pub(super) fn substitute_for(&self, at: NodeNumber) -> Result<&'a ServiceTemplate<'a>, String> {
        let node = self.graph.node(at);
        let mut reasons = Vec::new();
        for template in &self.other_services.substitutes {
            let Some(substitution) = &template.substitution else { continue };
            let name = template.name.map_or("a service template", |name| name.text);
            let Some(id) = self.types.lookup(TypeKind::Node, substitution.node_type) else {
                continue;
            };
            if !self.types.derives(node.id, id) {
                reasons.push(format!("`{name}` stands for {}", substitution.node_type.text));
                continue;
            }
            if let Some(word) = self.differing_property(at, substitution) {
                reasons.push(format!("`{name}` has a different `{}`", word.text));
                continue;
            }
            if self.passes_filter(at, substitution.filter.as_ref()) {
                return Ok(template);
            }
            reasons.push(format!("the substitution filter of `{name}` is not true"));
        }
        if reasons.is_empty() {
            return Err("there is no service template with substitution mappings".to_owned());
        }
        Err(reasons.join(", "))
    }

    /// Returns a property whose value on the node differs from the fixed value in a substitution
    /// mapping of TOSCA 1.x.
    fn differing_property(
        &self,
        at: NodeNumber,
        substitution: &SubstitutionMapping<'a>,
    ) -> Option<Word<'a>> {
        substitution.properties.iter().find_map(|(from, to)| {
            let (MappedTo::Value(expr), MappedValue::Own(word)) = (to, from) else { return None };
            let (values, _) = self.faults.capture(|| {
                let property = self.graph.node(at).def.properties.get(word.text)?;
                let fixed = self.typed(expr, &property.schema, Scope::of(word.text)).ok();
                Some((fixed, self.property(at, word.text).ok().flatten()))
            });
            values.is_none_or(|(fixed, own)| fixed.is_none() || fixed != own).then_some(*word)
        })
    }
}
