//! Allocations as people read them.

use koinon_chain::EpochRecord;
use koinon_command::Ui;
use koinon_model::Allocation;
use koinon_model::Slot;

/// Prints the epoch that fills a slot.
pub(crate) fn show_epoch(ui: Ui, slot: &Slot, epoch: &EpochRecord) {
    ui.line(&format!("slot      {slot} in epoch {}", epoch.number));
    ui.line(&format!("seed      {}, proved by {}", epoch.seed, epoch.beacon));
}

/// Prints the computation from the slot to the unit that fills it.
pub(crate) fn show_trace(ui: Ui, slot: &Slot, allocation: &Allocation) {
    let Some(trace) = allocation.explain(slot) else { return };
    let (units, slots) = (allocation.units(), allocation.slot_count());
    ui.line(&format!(
        "pick      {} of {slots}: turn {} of group {} is {} after the shuffle",
        trace.pick, slot.place, slot.group, trace.turn
    ));
    match trace.unit {
        Some(unit) => ui.line(&format!(
            "unit      {unit} of {units} = floor(({} x {units} + {}) / {slots})",
            trace.pick, trace.offset
        )),
        None => ui.line(&format!("unit      none: there are only {units} units")),
    }
}
