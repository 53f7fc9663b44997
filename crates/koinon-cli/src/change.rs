//! A change: what a document would alter of what is on chain, and how people see it.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use koinon_chain::Contracts;
use koinon_chain::Head;
use koinon_model::Allocation;
use koinon_model::Ban;
use koinon_model::Change;
use koinon_model::Content;
use koinon_model::Mode;
use koinon_model::Object;
use koinon_model::Service;
use koinon_model::Slot;
use koinon_model::Value;
use serde::Serialize;
use serde_json::json;

use crate::error::CommandError;
use crate::error::Outcome;
use crate::ui::Tone;
use crate::ui::Ui;
use crate::ui::paint;

/// What is on chain, and what would be.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) head: Head,
    pub(crate) old: Content,
    pub(crate) new: Content,
    pub(crate) change: Change,
}

/// What a change does to the allocation.
#[derive(Debug, Serialize)]
pub(crate) struct Moves {
    /// Slots before and after.
    pub(crate) slots: [u64; 2],
    /// Vacant slots before and after.
    pub(crate) vacancies: [u64; 2],
    /// Each operator's nodes before and after.
    pub(crate) operators: BTreeMap<String, [usize; 2]>,
    /// Slots that stay with their operator.
    pub(crate) unmoved: usize,
    /// Whether bans change, which takes effect with the next deal.
    pub(crate) next_deal: bool,
}

/// Reads the service on chain; `None` before its first revision, and, with a warning, if what is there cannot be used: then
/// it can still be replaced.
pub(crate) async fn current(contracts: &Contracts) -> Outcome<(Head, Content, Option<Service>)> {
    let head = contracts.head().await?;
    let view = contracts.at(head.block);
    let content = match view.content().await {
        Err(error) if !error.is_unreachable() => view.content_as_it_is().await?,
        read => read?,
    };
    if head.revision.0 == 0 {
        return Ok((head, content, None));
    }
    match koinon_tosca::open(&content) {
        Ok(service) => Ok((head, content, Some(service))),
        Err(error) => {
            let ui = Ui { json: false };
            let warning = format!("revision {} cannot be run by any agent:", head.revision);
            ui.say(&paint(Tone::Bad, &warning));
            ui.say(CommandError::from(error).render().trim_end());
            Ok((head, content, None))
        }
    }
}

impl Draft {
    /// Compares a compiled service with what is on chain.
    pub(crate) fn new(head: Head, old: Content, service: &Service) -> Outcome<Self> {
        let new = koinon_tosca::split(service);
        new.check().map_err(|error| CommandError::from(anyhow::Error::from(error)))?;
        let change = old.change_to(&new);
        Ok(Self { head, old, new, change })
    }

    /// The objects the change needs in the store of values.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> {
        let edited = self.change.edits.iter();
        edited.filter_map(|edit| self.new.objects.get(&(edit.module, edit.path.clone())))
    }

    /// Computes what the change does to the allocation; `None` before the first deal.
    pub(crate) async fn moves(&self, contracts: &Contracts) -> Outcome<Option<Moves>> {
        let view = contracts.at(self.head.block);
        let resolve = |content: &Content| {
            let sets = content.sets.iter();
            sets.map(|set| {
                let resolved = set.resolve(&content.parameters);
                resolved.ok_or_else(|| {
                    CommandError::failed(format!("node set {} has no size", set.name))
                })
            })
            .collect::<Outcome<Vec<_>>>()
        };
        let Some(before) = view.allocation().await? else { return Ok(None) };
        let Some(after) = view.allocation_of(resolve(&self.new)?).await? else { return Ok(None) };
        let names = view.names().await?;
        let (was, will) = (before.by_operator(), after.by_operator());
        let operators = names.iter().map(|(account, name)| {
            let count =
                |slots: &BTreeMap<Address, Vec<Slot>>| slots.get(account).map_or(0, Vec::len);
            (name.clone(), [count(&was), count(&will)])
        });
        let operator = |allocation: &Allocation, slot: &Slot| {
            allocation.filled(slot).map(|filled| filled.operator)
        };
        let stays = |(slot, filled): (Slot, Option<koinon_model::Filled>)| {
            filled.is_some_and(|filled| operator(&after, &slot) == Some(filled.operator))
        };
        Ok(Some(Moves {
            slots: [before.slot_count(), after.slot_count()],
            vacancies: [before.vacancies(), after.vacancies()],
            operators: operators.collect(),
            unmoved: before.slots().filter(|slot| stays(slot.clone())).count(),
            next_deal: !self.change.bans.is_empty(),
        }))
    }

    /// Shows the change to people.
    pub(crate) fn show(&self, ui: Ui) {
        show(ui, &self.change, &self.old, &self.new);
    }
}

/// Shows a change to people, from one content to another.
pub(crate) fn show(ui: Ui, change: &Change, old: &Content, new: &Content) {
    for edit in &change.edits {
        let key = (edit.module, edit.path.clone());
        let name = format!("{}/{}", edit.module, edit.path);
        match (edit.was, edit.blob) {
            (None, _) => ui.line(&paint(Tone::Good, &format!("+ {name}"))),
            (Some(_), None) => ui.line(&paint(Tone::Bad, &format!("- {name}"))),
            (Some(_), Some(_)) => ui.line(&paint(Tone::Changed, &format!("~ {name}"))),
        }
        let value =
            |content: &Content| content.objects.get(&key).map(|object| object.value().clone());
        if let (Some(before), Some(after)) = (value(old), value(new)) {
            for (path, before, after) in differences("", Some(&before), Some(&after)) {
                ui.line(&format!("    {path}: {} → {}", shown(before), shown(after)));
            }
        }
    }
    for (name, value) in &change.parameters {
        let before = old.parameters.get(name).map(ToString::to_string);
        let [before, after] = [before, value.map(|value| value.to_string())]
            .map(|value| value.unwrap_or_else(|| "nothing".to_owned()));
        ui.line(&paint(Tone::Changed, &format!("~ parameter {name}: {before} → {after}")));
    }
    for set in change.sets.iter().flatten() {
        ui.line(&paint(
            Tone::Changed,
            &format!("~ node set {}: {} groups of {}", set.name, set.groups, set.size),
        ));
    }
    for (ban, banned) in &change.bans {
        let what = match ban {
            Ban::Operator(name) => format!("operator with name hash {name}"),
            Ban::Node(name, unit) => format!("node {unit} of the operator with name hash {name}"),
            Ban::Credential(fingerprint) => format!("certificate {fingerprint}"),
        };
        let (tone, sign) = if *banned { (Tone::Bad, "+ ban") } else { (Tone::Good, "- ban") };
        ui.line(&paint(tone, &format!("{sign} {what}")));
    }
    for (module, permission) in &change.permissions {
        let by = match &permission.mode {
            Mode::Governance => "governance".to_owned(),
            Mode::Admins(admins) => format!("governance and {admins:?}"),
        };
        ui.line(&paint(Tone::Changed, &format!("~ {module} is updated by {by}")));
    }
}

/// Returns a change as JSON.
pub(crate) fn to_json(change: &Change) -> serde_json::Value {
    let edits = change.edits.iter().map(
        |edit| json!({ "module": edit.module, "path": edit.path, "was": edit.was, "blob": edit.blob }),
    );
    let bans = change.bans.iter().map(|(ban, banned)| match ban {
        Ban::Operator(name) => json!({ "operator": name, "banned": banned }),
        Ban::Node(name, unit) => json!({ "operator": name, "unit": unit, "banned": banned }),
        Ban::Credential(fingerprint) => json!({ "credential": fingerprint, "banned": banned }),
    });
    let parameters: serde_json::Map<String, serde_json::Value> =
        change.parameters.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
    let permissions: serde_json::Map<String, serde_json::Value> = change
        .permissions
        .iter()
        .map(|(module, permission)| {
            let admins = match &permission.mode {
                Mode::Governance => Vec::new(),
                Mode::Admins(admins) => admins.iter().collect(),
            };
            (module.to_string(), json!({ "admins": admins }))
        })
        .collect();
    json!({
        "edits": edits.collect::<Vec<_>>(),
        "parameters": parameters,
        "sets": change.sets,
        "bans": bans.collect::<Vec<_>>(),
        "permissions": permissions,
    })
}

/// Returns where two values differ: path, before, after.
fn differences<'a>(
    path: &str,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
) -> Vec<(String, Option<&'a Value>, Option<&'a Value>)> {
    if before == after {
        return Vec::new();
    }
    let (Some(Value::Map(old)), Some(Value::Map(new))) = (before, after) else {
        return vec![(path.to_owned(), before, after)];
    };
    let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let inner = |key: &String| if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
    keys.into_iter().flat_map(|key| differences(&inner(key), old.get(key), new.get(key))).collect()
}

fn shown(value: Option<&Value>) -> String {
    let text = value.map_or_else(|| "nothing".to_owned(), Value::to_json);
    if text.chars().count() > 60 {
        format!("{}…", text.chars().take(60).collect::<String>())
    } else {
        text
    }
}
