//! Amounts of capability properties: what relationships allocate, and what is left.

use koinon_model::Value;

use crate::builtin::Decimal;
use crate::grammar::CapabilityDefinition;
use crate::grammar::Schema;
use crate::program::Halt;
use crate::program::NodeNumber;
use crate::program::Program;

impl<'a> Program<'a> {
    /// Returns a number, or the amount of a scalar in its canonical unit.
    pub(crate) fn amount(&self, value: &Value, schema: &Schema<'a>) -> Option<Decimal> {
        match value {
            Value::Number(number) => Decimal::of(number),
            Value::String(text) => self.types.shape(schema)?.units?.amount(text).ok(),
            _ => None,
        }
    }

    /// Returns the unallocated amount of a capability's property; `None` if it has no value, which
    /// means no limit.
    pub(crate) fn remaining(
        &self,
        node: NodeNumber,
        capability: &'a CapabilityDefinition<'a>,
        name: &str,
    ) -> Result<Option<(Decimal, Value)>, Halt> {
        let Some((name, property)) = capability.properties.get_key_value(name) else {
            return Err(Halt::Reported);
        };
        let referenced = self.graph.node(node).referenced.as_ref();
        let left = referenced.and_then(|one| one.remaining(capability.name.text, name)).cloned();
        let value = match left {
            Some(left) => Some(left),
            None => self.capability_property(node, capability, name)?,
        };
        let Some(value) = value else { return Ok(None) };
        let Some(total) = self.amount(&value, &property.schema) else {
            return Err(Halt::Reported);
        };
        let Some(taken) = self.resolver.allocated(node, capability.name.text, name) else {
            return Ok(Some((total, value)));
        };
        let left = total.subtract(taken).ok_or(Halt::Reported)?;
        let shown = match self.types.shape(&property.schema).and_then(|shape| shape.units) {
            Some(units) => Value::String(units.write(left)),
            None => left.to_value(),
        };
        Ok(Some((left, shown)))
    }

    /// Returns whether something was allocated from a capability.
    pub(crate) fn has_allocations(
        &self,
        node: NodeNumber,
        capability: &CapabilityDefinition<'a>,
    ) -> bool {
        let mut names = capability.properties.keys();
        self.resolver.has_allocations()
            && names.any(|name| self.resolver.allocated(node, capability.name.text, name).is_some())
    }

    /// Returns the unallocated amount of a property, if something was allocated from it.
    pub(crate) fn remaining_value(
        &self,
        node: NodeNumber,
        capability: &'a CapabilityDefinition<'a>,
        name: &'a str,
    ) -> Option<Value> {
        self.resolver.allocated(node, capability.name.text, name)?;
        self.remaining(node, capability, name).ok().flatten().map(|(_, left)| left)
    }
}
