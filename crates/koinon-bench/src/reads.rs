//! Table V: creating and reading single objects, by many clients at once.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Instant;

use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::providers::Provider;
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use koinon_chain::Contracts;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::thousands;
use koinon_model::ContentChange;
use koinon_model::Module;
use koinon_model::Object;
use koinon_model::ObjectEdit;
use koinon_model::Value;
use serde::Serialize;

use crate::args::BenchArgs;
use crate::batch::NonceAndGas;
use crate::batch::SigningTerms;
use crate::batch::send;
use crate::chain::BenchChain;
use crate::documents::base;
use crate::documents::compiled;
use crate::figures::milliseconds;
use crate::figures::times_better;
use crate::generate::Random;
use crate::load::Load;
use crate::load::run_load;

/// The paper's numbers of creates and reads.
const CREATES: usize = 1_000;
const READS: usize = 10_338;

/// Largest number of admins of a module; more clients share them.
const MAX_ADMINS: usize = 32;

/// The figures of table V.
#[derive(Debug, Serialize)]
pub(crate) struct ReadsReport {
    clients: usize,
    readers: usize,
    /// For publishing all values together, before the creates.
    publish_seconds: f64,
    publish_gas: u64,
    publish_transactions: usize,
    create: Load,
    create_gas: u64,
    /// Creates per second, with the time of publishing included.
    create_throughput_with_publishing: f64,
    read: Load,
    paper: PaperTable,
}

/// The paper's cells as printed. The send rate and the average latency of the reads repeat cells
/// of the creates.
#[derive(Debug, Serialize)]
struct PaperTable {
    create: PaperRow,
    read: PaperRow,
}

#[derive(Debug, Serialize)]
struct PaperRow {
    successes: usize,
    failures: usize,
    send_rate: f64,
    max_latency: f64,
    min_latency: f64,
    avg_latency: f64,
    throughput: f64,
}

const PAPER: PaperTable = PaperTable {
    create: PaperRow {
        successes: CREATES,
        failures: 0,
        send_rate: 60.5,
        max_latency: 11.52,
        min_latency: 0.46,
        avg_latency: 6.95,
        throughput: 45.4,
    },
    read: PaperRow {
        successes: READS,
        failures: 0,
        send_rate: 11.52,
        max_latency: 0.19,
        min_latency: 0.001,
        avg_latency: 45.4,
        throughput: 175.0,
    },
};

/// An object to create, and the change that does it.
#[derive(Debug)]
struct Asset {
    path: String,
    object: Object,
    change: ContentChange,
}

/// An account that may create, and how many transactions it has signed.
#[derive(Debug)]
struct AssetAdmin {
    signer: PrivateKeySigner,
    signed: AtomicU64,
}

impl AssetAdmin {
    /// Creates an asset. Returns the gas it used.
    async fn create(
        &self,
        contracts: &Contracts,
        terms: SigningTerms,
        asset: &Asset,
    ) -> Outcome<u64> {
        /// Gas that earlier creates in the block can add: inner Merkle nodes that this create then
        /// writes.
        const GAS_MARGIN: u64 = 250_000;
        let request = contracts.update_request(&asset.change).with_from(self.signer.address());
        let gas = contracts.chain().provider().estimate_gas(request.clone()).await;
        let limit = gas.context("cannot estimate a create")? * 5 / 4 + GAS_MARGIN;
        let nonce = self.signed.fetch_add(1, Ordering::Relaxed);
        let signed = terms.sign(&self.signer, request, NonceAndGas { nonce, gas_limit: limit })?;
        send(contracts.chain(), &[signed]).await
    }
}

pub(crate) async fn run(ui: Ui, args: &BenchArgs) -> Outcome<ReadsReport> {
    let (creates, reads) = if args.quick { (20, 100) } else { (CREATES, READS) };
    let readers = args.clients.min(MAX_ADMINS);
    let signers: Vec<_> = (0..readers).map(|_| PrivateKeySigner::random()).collect();
    let accounts: Vec<Address> = signers.iter().map(PrivateKeySigner::address).collect();
    let stage = ui.stage("service");
    // Each client takes the next create, so an account may do more of them than its share.
    let gas = 1_500_000 * creates.div_ceil(readers) as u64;
    let bench = BenchChain::open(args, &accounts, gas).await?;
    let service = compiled(&with_type(base(&accounts)))?;
    let (contracts, _) = bench.serve(&service).await?;
    let terms = SigningTerms::read(&bench.chain).await?;
    let new_admin = |signer| AssetAdmin { signer, signed: AtomicU64::new(0) };
    let admins: Arc<Vec<AssetAdmin>> = Arc::new(signers.into_iter().map(new_admin).collect());
    stage.done(&format!("{readers} accounts may update it"), None);

    let assets: Arc<Vec<Asset>> =
        Arc::new((0..creates).map(|number| asset(args.seed, number)).collect());
    let stage = ui.stage("publish");
    let started = Instant::now();
    let published = contracts.publish(assets.iter().map(|asset| &asset.object)).await?;
    let publish_seconds = started.elapsed().as_secs_f64();
    let publish_gas = published.iter().map(|sent| sent.gas).sum();
    stage.done(&format!("{} objects", thousands(creates as u64)), Some(publish_gas));

    let stage = ui.stage("create");
    let gas = Arc::new(AtomicU64::new(0));
    let create = run_load(&stage, args.clients.min(creates), creates, {
        let (contracts, assets, gas) = (contracts.clone(), Arc::clone(&assets), Arc::clone(&gas));
        move |client, number| {
            let (admins, contracts) = (Arc::clone(&admins), contracts.clone());
            let (assets, gas) = (Arc::clone(&assets), Arc::clone(&gas));
            async move {
                let admin = &admins[client % admins.len()];
                let used = admin.create(&contracts, terms, &assets[number]).await?;
                gas.fetch_add(used, Ordering::Relaxed);
                Ok(())
            }
        }
    })
    .await?;
    let create_gas = gas.load(Ordering::Relaxed);
    stage.done(&format!("{} of {}", create.successes, creates), Some(create_gas));
    check(&contracts, create.successes).await?;

    let stage = ui.stage("read");
    let block = contracts.chain().block_number().await?;
    let mut random = Random::new(args.seed);
    let picks: Arc<Vec<u64>> = Arc::new((0..reads).map(|_| random.below(creates as u64)).collect());
    let reader = contracts.clone();
    let read = run_load(&stage, readers, reads, move |_, number| {
        let (contracts, assets) = (reader.clone(), Arc::clone(&assets));
        let pick = picks[number] as usize;
        async move { read_asset(&contracts, block, &assets[pick]).await }
    })
    .await?;
    stage.done(&format!("{} of {}", read.successes, reads), None);
    let create_throughput_with_publishing =
        create.successes as f64 / (create.seconds + publish_seconds);
    Ok(ReadsReport {
        clients: args.clients.min(creates),
        readers,
        publish_seconds,
        publish_gas,
        publish_transactions: published.len(),
        create,
        create_gas,
        create_throughput_with_publishing,
        read,
        paper: PAPER,
    })
}

/// Reads an asset and compares it with the created one.
async fn read_asset(contracts: &Contracts, block: u64, asset: &Asset) -> Outcome {
    match contracts.at(block).object(Module::Templates, &asset.path).await? {
        Some(object) if object == asset.object => Ok(()),
        Some(_) => {
            Err(CommandError::failed(format!("{} differs from the created object", asset.path)))
        }
        None => Err(CommandError::failed(format!("{} does not exist", asset.path))),
    }
}

/// Checks that the service compiles and has all created objects.
async fn check(contracts: &Contracts, created: usize) -> Outcome {
    let content = contracts.now().content().await?;
    koinon_tosca::open(&content)?;
    let assets = content.objects.keys().filter(|(module, path)| {
        *module == Module::Templates && path.starts_with("node_templates/asset")
    });
    let found = assets.count();
    if found == created {
        return Ok(());
    }
    Err(CommandError::failed(format!("{created} objects were created, but {found} exist")))
}

fn asset(seed: u64, number: usize) -> Asset {
    let mut random = Random::new(seed.wrapping_add(number as u64));
    let worth = i64::try_from(random.below(1_000_000)).expect("BUG: a million fits");
    let properties =
        Value::from([("worth", worth.into()), ("owner", format!("owner{number}").as_str().into())]);
    let object = Object::new(Value::from([("type", "Asset".into()), ("properties", properties)]));
    let path = format!("node_templates/asset{number}");
    let edit = ObjectEdit::new(Module::Templates, path.clone(), None, Some(object.blob()))
        .expect("BUG: an addition changes something");
    Asset { path, object, change: ContentChange { edits: vec![edit], ..ContentChange::default() } }
}

/// Adds the node type of the assets.
fn with_type(mut document: Value) -> Value {
    let typed = |name: &str| Value::from([("type", name.into())]);
    let properties = Value::from([("worth", typed("integer")), ("owner", typed("string"))]);
    let asset = Value::from([("properties", properties)]);
    if let Value::Map(root) = &mut document
        && let Some(Value::Map(types)) = root.get_mut("node_types")
    {
        types.insert("Asset".to_owned(), asset);
    }
    document
}

impl ReadsReport {
    pub(crate) fn show(&self, ui: Ui) {
        let mut table = vec![
            ["", "done/failed", "sent/s", "latency ms min/avg/p99/max", "throughput/s", "ratio"]
                .map(ToOwned::to_owned)
                .to_vec(),
        ];
        for (name, load, cells) in
            [("create", &self.create, &self.paper.create), ("read", &self.read, &self.paper.read)]
        {
            let latency = [load.min_latency, load.avg_latency, load.p99_latency, load.max_latency];
            table.push(vec![
                name.to_owned(),
                format!("{}/{}", load.successes, load.failures),
                format!("{:.1}", load.send_rate),
                latency.map(milliseconds).join("/"),
                format!("{:.1}", load.throughput),
                times_better(load.throughput / cells.throughput),
            ]);
            // The paper prints these two cells of the reads, but cannot mean them.
            let printed = if name == "read" { " (sic)" } else { "" };
            table.push(vec![
                "  paper".to_owned(),
                format!("{}/{}", cells.successes, cells.failures),
                format!("{}{printed}", cells.send_rate),
                format!(
                    "{}/{}{printed}/-/{}",
                    milliseconds(cells.min_latency),
                    milliseconds(cells.avg_latency),
                    milliseconds(cells.max_latency)
                ),
                format!("{:.1}", cells.throughput),
                String::new(),
            ]);
        }
        ui.table(&table);
        ui.line(&format!(
            "{} creates and {} reads at once. A create is one update of one object by an admin, {} gas on average, with
the gas estimated, the transaction signed and the receipt read. Its value was published before: {} in {} transactions,
{} ms, {} gas; with that counted in, {:.1} creates a second. A read is a look-up of the path and of the value,
checked against its hash. (sic): as printed; these cells repeat those of the creates.",
            self.clients,
            self.readers,
            thousands(self.create_gas / self.create.successes.max(1) as u64),
            thousands((self.create.successes + self.create.failures) as u64),
            self.publish_transactions,
            milliseconds(self.publish_seconds),
            thousands(self.publish_gas),
            self.create_throughput_with_publishing,
        ));
        for load in [&self.create, &self.read] {
            if let Some(failure) = &load.first_failure {
                ui.line(&format!("the first failure: {failure}"));
            }
        }
    }
}
