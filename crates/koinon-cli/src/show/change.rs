//! Changes and their effects as people and programs read them.

use std::collections::BTreeSet;

use koinon_chain::Moves;
use koinon_chain::Shift;
use koinon_command::Tone;
use koinon_command::Ui;
use koinon_command::paint;
use koinon_command::plain;
use koinon_model::Ban;
use koinon_model::Content;
use koinon_model::ContentChange;
use koinon_model::UpdateMode;
use koinon_model::Value;
use serde_json::json;

/// Prints a change from one content to another.
pub(crate) fn show_change(ui: Ui, change: &ContentChange, old: &Content, new: &Content) {
    show_edits(ui, change, old, new);
    show_facts(ui, change, old);
}

fn show_edits(ui: Ui, change: &ContentChange, old: &Content, new: &Content) {
    for edit in &change.edits {
        let key = (edit.module, edit.path.clone());
        // The proposer chooses the path, and the keys below it.
        let name = format!("{}/{}", edit.module, plain(&edit.path));
        match (edit.was(), edit.blob()) {
            (None, _) => ui.line(&paint(Tone::Good, &format!("+ {name}"))),
            (Some(_), None) => ui.line(&paint(Tone::Bad, &format!("- {name}"))),
            (Some(_), Some(_)) => ui.line(&paint(Tone::Changed, &format!("~ {name}"))),
        }
        let value =
            |content: &Content| content.objects.get(&key).map(|object| object.value().clone());
        if let (Some(before), Some(after)) = (value(old), value(new)) {
            for ValueDifference { path, before, after } in
                differences("", Some(&before), Some(&after))
            {
                let path = plain(&path);
                ui.line(&format!("    {path}: {} → {}", shown(before), shown(after)));
            }
        }
    }
}

/// Prints parameters, node sets, bans and permissions that change.
fn show_facts(ui: Ui, change: &ContentChange, old: &Content) {
    for (name, value) in &change.parameters {
        let text = |value: Option<i64>| {
            value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
        };
        let before = text(old.parameters.get(name).copied());
        let after = text(*value);
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
            UpdateMode::Governance => "governance".to_owned(),
            UpdateMode::Admins(admins) => format!("governance and {admins:?}"),
        };
        ui.line(&paint(Tone::Changed, &format!("~ {module} is updated by {by}")));
    }
}

/// Prints the effect of a change on the allocation.
pub(crate) fn show_moves(ui: Ui, moves: &Moves) {
    let Shift { before, after } = moves.slots;
    ui.line(&format!(
        "allocation: {before} slots → {after}, {} stay with their operator",
        moves.unmoved
    ));
    for (name, Shift { before, after }) in &moves.operators {
        ui.line(&format!("    {name}: {before} nodes → {after}"));
    }
    if moves.vacancies.after > 0 {
        ui.line(&format!(
            "    {} slots stay vacant: the operators have too few units",
            moves.vacancies.after
        ));
    }
    if moves.next_deal {
        ui.line("    bans take effect with the deal of the next epoch");
    }
}

/// Returns a change as JSON.
pub(crate) fn change_to_json(change: &ContentChange) -> serde_json::Value {
    let edits = change.edits.iter().map(
        |edit| json!({ "module": edit.module, "path": edit.path, "was": edit.was(), "blob": edit.blob() }),
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
                UpdateMode::Governance => Vec::new(),
                UpdateMode::Admins(admins) => admins.iter().collect(),
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

/// A place at which two values differ; `None` where a value has nothing.
struct ValueDifference<'a> {
    path: String,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
}

/// Returns the places at which two values differ.
fn differences<'a>(
    path: &str,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
) -> Vec<ValueDifference<'a>> {
    if before == after {
        return Vec::new();
    }
    let (Some(Value::Map(old)), Some(Value::Map(new))) = (before, after) else {
        return vec![ValueDifference { path: path.to_owned(), before, after }];
    };
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
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
