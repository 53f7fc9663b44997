//! The deal: slots to operators, computed here and verified by the contract.

use std::sync::Arc;
use std::time::Instant;

use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use anyhow::Context;
use koinon_chain::Contracts;
use koinon_chain::ServiceContract;
use koinon_chain::bindings::Mapper;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::thousands;
use koinon_model::Allocation;
use koinon_model::Slot;
use serde::Serialize;

use crate::args::BenchArgs;
use crate::chain::BenchChain;
use crate::documents;
use crate::documents::SLOTS;
use crate::documents::STAKE_THRESHOLD;
use crate::figures::median;
use crate::figures::milliseconds;
use crate::fleet::BenchOperator;
use crate::fleet::join;
use crate::fleet::make_operators;
use crate::generate::Random;

/// Limit of the gas of an operator's transactions: twice what they use.
const JOIN_GAS: u64 = 1_500_000;

/// The figures of the deal for one number of operators.
#[derive(Debug, Serialize)]
pub(crate) struct DealRow {
    operators: usize,
    units: u64,
    slots: u64,
    vacancies: u64,
    /// For computing the deal from seed and operators, and then listing every slot.
    rust_deal_seconds: f64,
    rust_list_seconds: f64,
    /// For reading the deal from the chain and checking it against its seed.
    read_seconds: f64,
    open_gas: u64,
    deal_gas: u64,
    deal_transactions: usize,
    gas_per_operator: u64,
    open_and_deal_seconds: f64,
    lookup_gas_avg: u64,
    lookup_gas_max: u64,
    /// Slots whose operator on chain was compared with the one computed here.
    lookups_checked: usize,
    join_seconds: f64,
    join_gas_per_operator: u64,
}

pub(crate) async fn run(ui: Ui, args: &BenchArgs) -> Outcome<Vec<DealRow>> {
    let default = if args.quick {
        vec![12]
    } else if args.rpc_url.is_some() {
        vec![100]
    } else {
        vec![100, 1_000, 5_000]
    };
    let numbers = if args.operators.is_empty() { default } else { args.operators.clone() };
    let mut rows = Vec::new();
    for number in numbers {
        rows.push(measure(ui, args, number as usize).await?);
    }
    Ok(rows)
}

async fn measure(ui: Ui, args: &BenchArgs, operators: usize) -> Outcome<DealRow> {
    let stage = ui.stage("keys");
    let fleet = Arc::new(make_operators(stakes(args.seed, operators)).await?);
    stage.done(&format!("{} operators", thousands(operators as u64)), None);
    let accounts: Vec<Address> = fleet.iter().map(|operator| operator.signer.address()).collect();
    let stage = ui.stage("service");
    let bench = BenchChain::open(args, &accounts, JOIN_GAS).await?;
    let (contracts, _) = bench.serve(&documents::deal()?).await?;
    stage.done(&format!("{} slots", thousands(SLOTS)), None);

    let stage = ui.stage("join");
    let started = Instant::now();
    let join_gas = join(&stage, &bench, &contracts, &fleet).await?;
    let join_seconds = started.elapsed().as_secs_f64();
    stage.done(&format!("{} operators", thousands(operators as u64)), Some(join_gas));
    // An operator can be drawn if it joined before the block of the draw.
    bench.next_block().await?;
    contracts.begin().await?;

    let stage = ui.stage("deal");
    let started = Instant::now();
    let open_gas = open(&contracts, &fleet).await?;
    let dealt = contracts.deal().await?;
    let open_and_deal_seconds = started.elapsed().as_secs_f64();
    let deal_gas = dealt.iter().map(|sent| sent.gas).sum();
    stage.done(&format!("{} transactions", dealt.len() + 1), Some(open_gas + deal_gas));

    let started = Instant::now();
    let allocation = contracts.now().allocation().await?;
    let read_seconds = started.elapsed().as_secs_f64();
    let allocation = allocation.ok_or_else(|| CommandError::failed("nothing was dealt"))?;
    if allocation.order().len() != operators {
        return Err(CommandError::failed("not all operators were dealt to"));
    }
    let (rust_deal_seconds, rust_list_seconds) = time(&allocation)?;
    let stage = ui.stage("look up");
    let gas = look_up(&contracts, &allocation, args).await?;
    stage.done(&format!("{} slots", gas.len()), None);
    Ok(DealRow {
        operators,
        units: allocation.units(),
        slots: allocation.slot_count(),
        vacancies: allocation.vacancies(),
        rust_deal_seconds,
        rust_list_seconds,
        read_seconds,
        open_gas,
        deal_gas,
        deal_transactions: dealt.len(),
        gas_per_operator: (open_gas + deal_gas) / operators as u64,
        open_and_deal_seconds,
        lookup_gas_avg: gas.iter().sum::<u64>() / gas.len() as u64,
        lookup_gas_max: gas.iter().max().copied().expect("BUG: some slots were looked up"),
        lookups_checked: gas.len(),
        join_seconds,
        join_gas_per_operator: join_gas / operators as u64,
    })
}

/// Stakes that back all slots together, between one and two times an equal share each.
fn stakes(seed: u64, operators: usize) -> Vec<u64> {
    let share = SLOTS.div_ceil(operators as u64);
    let mut random = Random::new(seed);
    (0..operators).map(|_| (share + random.below(share + 1)) * STAKE_THRESHOLD).collect()
}

/// Opens the epoch with the proof of its beacon.
async fn open(contracts: &Contracts, fleet: &[BenchOperator]) -> Outcome<u64> {
    let beacon = contracts.now().next_beacon().await?;
    let prover = fleet.iter().find(|operator| operator.signer.address() == beacon.operator);
    let prover =
        prover.ok_or_else(|| CommandError::failed("the beacon is not among the operators"))?;
    Ok(contracts.open_epoch(&beacon, &prover.beacon).await?.gas)
}

/// Times the deal's computation and the listing of its slots.
fn time(allocation: &Allocation) -> Outcome<(f64, f64)> {
    let (mut deals, mut lists) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let (members, sets) = (allocation.order().to_vec(), allocation.sets().cloned().collect());
        let started = Instant::now();
        let again = Allocation::deal(allocation.seed(), members, sets).context("no deal")?;
        deals.push(started.elapsed().as_secs_f64());
        let started = Instant::now();
        let filled = again.slots().filter(|(_, filled)| filled.is_some()).count();
        lists.push(started.elapsed().as_secs_f64());
        if again != *allocation || filled as u64 + again.vacancies() != again.slot_count() {
            return Err(CommandError::failed("the deal computed twice differs"));
        }
    }
    Ok((median(deals), median(lists)))
}

/// Asks the contract about some slots, compares, and returns the gas a contract would pay for each.
async fn look_up(
    contracts: &Contracts,
    allocation: &Allocation,
    args: &BenchArgs,
) -> Outcome<Vec<u64>> {
    let mut random = Random::new(args.seed);
    let slots: Vec<_> = allocation.slots().collect();
    let mut gas = Vec::new();
    for _ in 0..if args.quick { 4 } else { 32 } {
        // There are no more slots than memory holds.
        let (slot, filled) = &slots[random.below(slots.len() as u64) as usize];
        let (operator, unit) = contracts.now().operator_of(slot).await?;
        let expected = filled.map_or((Address::ZERO, 0), |filled| (filled.operator, filled.unit));
        if (operator, unit) != expected {
            return Err(CommandError::failed(format!(
                "the contract deals {slot} to another operator"
            )));
        }
        gas.push(lookup_gas(contracts, slot).await?);
    }
    Ok(gas)
}

/// Estimates a transaction that looks a slot up, less the cost of any transaction with its data.
async fn lookup_gas(contracts: &Contracts, slot: &Slot) -> Outcome<u64> {
    const TRANSACTION: u64 = 21_000;
    let call =
        Mapper::operatorOfCall { set: slot.set.to_word(), group: slot.group, place: slot.place };
    let data = call.abi_encode();
    let calldata: u64 = data.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum();
    let request = TransactionRequest::default()
        .with_to(contracts.address(ServiceContract::Mapper))
        .with_input(data);
    let estimate = contracts.chain().provider().estimate_gas(request).await;
    Ok(estimate.context("cannot estimate a look-up")?.saturating_sub(TRANSACTION + calldata))
}

/// Prints the figures as a table.
pub(crate) fn show(ui: Ui, rows: &[DealRow]) {
    let titles = [
        "operators",
        "units",
        "vacant",
        "rust deal ms",
        "list slots ms",
        "open gas",
        "deal gas",
        "in",
        "per operator",
        "on chain ms",
        "look-up gas avg/max",
        "join gas each",
        "joined in s",
    ];
    let mut table = vec![titles.map(ToOwned::to_owned).to_vec()];
    for row in rows {
        table.push(vec![
            thousands(row.operators as u64),
            thousands(row.units),
            row.vacancies.to_string(),
            milliseconds(row.rust_deal_seconds),
            milliseconds(row.rust_list_seconds),
            thousands(row.open_gas),
            thousands(row.deal_gas),
            row.deal_transactions.to_string(),
            thousands(row.gas_per_operator),
            milliseconds(row.open_and_deal_seconds),
            format!("{}/{}", thousands(row.lookup_gas_avg), thousands(row.lookup_gas_max)),
            thousands(row.join_gas_per_operator),
            format!("{:.1}", row.join_seconds),
        ]);
    }
    ui.table(&table);
    ui.line(
        "Every operator staked, published a P-256 certificate and joined. The contract checks the whole order against seed and
stakes. Look-up: the estimate of a transaction that calls operatorOf, less 21,000 and its calldata; so with every account and
slot read for the first time, and the 64th that calls keep back. Each answer was compared with the one computed here.
The paper has no figures for its mapper.",
    );
}
