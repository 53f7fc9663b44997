//! `debug_traceTransaction`, `debug_traceCall` and `debug_traceBlock…`, with geth's tracers.

use alloy::consensus::TxEnvelope;
use alloy::consensus::transaction::Recovered;
use alloy::eips::BlockId;
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::trace::common::TraceResult;
use alloy::rpc::types::trace::geth::GethDebugTracingCallOptions;
use alloy::rpc::types::trace::geth::GethDebugTracingOptions;
use alloy::rpc::types::trace::geth::GethTrace;
use alloy_evm::FromRecoveredTx;
use alloy_primitives::B256;
use revm::Inspector;
use revm::context::TxEnv;
use revm::interpreter::CallInputs;
use revm::interpreter::CallOutcome;
use revm::interpreter::CreateInputs;
use revm::interpreter::CreateOutcome;
use revm::interpreter::Interpreter;
use revm::interpreter::interpreter_types::MemoryTr as _;
use revm_inspectors::tracing::DebugInspector;
use revm_inspectors::tracing::DebugInspectorError;
use revm_inspectors::tracing::TransactionContext;

use super::Answer;
use super::RpcError;
use super::call;
use super::params::Params;
use super::raw;
use super::read;
use crate::block::Block;
use crate::shared::SharedChain;
use crate::simulate::Simulation;
use crate::simulate::SimulationContext;

/// The most bytes that a tracer may have to record.
const MAX_RECORD_BYTES: usize = 256 << 20;
/// About what a tracer keeps of a step besides stack and memory.
const STEP_BYTES: usize = 256;

pub(super) fn transaction(shared: &SharedChain, p: &Params<'_>) -> Answer {
    let hash: B256 = p.get(0, "hash")?;
    let options: GethDebugTracingOptions = p.opt(1, "options")?.unwrap_or_default();
    let Some((number, index)) = shared.ledger.read().tx(hash) else {
        return Err(RpcError::rejected("transaction not found"));
    };
    let block = read::state_block(shared, BlockId::number(number))?;
    let mut simulation = Simulation::before(&shared.ledger, shared.rules, block.header.inner());
    for tx in &block.txs[..index] {
        simulation.replay(tx).map_err(call::cannot_run)?;
    }
    raw(&trace_mined(&simulation, &block, index, options)?)
}

pub(super) fn block(shared: &SharedChain, id: BlockId, p: &Params<'_>) -> Answer {
    let options: GethDebugTracingOptions = p.opt(1, "options")?.unwrap_or_default();
    let block = read::state_block(shared, id)?;
    let mut simulation = Simulation::before(&shared.ledger, shared.rules, block.header.inner());
    let mut traces = Vec::with_capacity(block.txs.len());
    for (index, tx) in block.txs.iter().enumerate() {
        let result = trace_mined(&simulation, &block, index, options.clone())?;
        let tx_hash = Some(*tx.tx_hash());
        traces.push(TraceResult::<GethTrace, String>::Success { result, tx_hash });
        simulation.replay(tx).map_err(call::cannot_run)?;
    }
    raw(&traces)
}

pub(super) fn call(shared: &SharedChain, p: &Params<'_>) -> Answer {
    let request: TransactionRequest = p.get(0, "transaction")?;
    let id: BlockId = p.opt(1, "block")?.unwrap_or_default();
    let options: GethDebugTracingCallOptions = p.opt(2, "options")?.unwrap_or_default();
    if options.tx_index.is_some() {
        return Err(RpcError::invalid_params("txIndex is not supported"));
    }
    let block = read::state_block(shared, id)?;
    let mut simulation = Simulation::after(&shared.ledger, shared.rules, block.header.inner());
    let supposed =
        simulation.suppose(options.state_overrides.unwrap_or_default(), options.block_overrides);
    supposed.map_err(RpcError::invalid_params)?;
    let gas = request.gas.unwrap_or(u64::MAX).min(shared.rules.block_gas_limit);
    let tx = call::tx_env(&simulation, request, gas)?;
    raw(&trace(&simulation, tx, None, options.tracing_options)?)
}

/// Traces a transaction of a block, on the state that those before it left.
fn trace_mined(
    simulation: &Simulation<'_>,
    block: &Block,
    index: usize,
    options: GethDebugTracingOptions,
) -> Result<GethTrace, RpcError> {
    let tx: &Recovered<TxEnvelope> = &block.txs[index];
    let context = TransactionContext {
        block_hash: Some(block.hash()),
        tx_index: Some(index),
        tx_hash: Some(*tx.tx_hash()),
    };
    let env = TxEnv::from_recovered_tx(tx.inner(), tx.signer());
    trace(simulation, env, Some(context), options)
}

fn trace(
    simulation: &Simulation<'_>,
    tx: TxEnv,
    context: Option<TransactionContext>,
    options: GethDebugTracingOptions,
) -> Result<GethTrace, RpcError> {
    let mut meter = RecordMeter {
        steps: options.tracer.is_none(),
        stack: !options.config.disable_stack.unwrap_or(false),
        memory: options.config.enable_memory.unwrap_or(false),
        bytes: 0,
    };
    simulation.inspect(tx.clone(), &mut meter).map_err(call::cannot_run)?;
    if meter.bytes > MAX_RECORD_BYTES {
        return Err(RpcError::limit(format!(
            "the trace would be larger than {} MiB: use callTracer, or disableStack",
            MAX_RECORD_BYTES >> 20
        )));
    }
    let mut inspector = DebugInspector::new(options).map_err(|error| cannot_trace(&error))?;
    let outcome = simulation.inspect(tx.clone(), &mut inspector).map_err(call::cannot_run)?;
    inspector
        .get_result(context, &tx, &simulation.block, &outcome, &mut &simulation.state)
        .map_err(|error| cannot_trace(&error))
}

fn cannot_trace(error: &DebugInspectorError) -> RpcError {
    match error {
        DebugInspectorError::JsTracerNotEnabled => {
            RpcError::invalid_params("tracers in JavaScript are not supported")
        }
        other => RpcError::invalid_params(other.to_string()),
    }
}

/// Adds up what a tracer would record, before one does: a transaction can make it any size.
struct RecordMeter {
    steps: bool,
    stack: bool,
    memory: bool,
    bytes: usize,
}

impl<'s> Inspector<SimulationContext<'s>> for RecordMeter {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut SimulationContext<'s>) {
        if !self.steps {
            return;
        }
        let stack = if self.stack { interpreter.stack.len() * 32 } else { 0 };
        let memory = if self.memory { interpreter.memory.size() } else { 0 };
        self.bytes = self.bytes.saturating_add(STEP_BYTES + stack + memory);
    }

    fn call(
        &mut self,
        _: &mut SimulationContext<'s>,
        inputs: &mut CallInputs,
    ) -> Option<CallOutcome> {
        self.bytes = self.bytes.saturating_add(STEP_BYTES + inputs.input.len());
        None
    }

    fn create(
        &mut self,
        _: &mut SimulationContext<'s>,
        inputs: &mut CreateInputs,
    ) -> Option<CreateOutcome> {
        self.bytes = self.bytes.saturating_add(STEP_BYTES + inputs.init_code().len());
        None
    }
}
