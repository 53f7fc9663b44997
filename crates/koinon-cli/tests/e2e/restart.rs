//! Kills: agents and the chain die at random moments, and the network ends up the same.

use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use koinon_testkit::wait_until;
use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::process::Signal;

use crate::network::EVENT_TIMEOUT;
use crate::network::EXAMPLE;
use crate::network::Network;
use crate::network::QUICK;
use crate::network::holder;
use crate::processes;

const AGENTS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Kills agents at random moments; the first second of an agent is the busiest.
struct Killer {
    random: StdRng,
    killed: usize,
}

impl Killer {
    fn new(seed: u64) -> Self {
        eprintln!("seed {seed}");
        Self { random: StdRng::seed_from_u64(seed), killed: 0 }
    }

    /// Kills one agent a random time after its start, and checks that no node runs twice.
    fn kill_one(&mut self, network: &Network) {
        let agent = AGENTS[self.random.gen_range(0..AGENTS.len())];
        let name = format!("agent-{agent}");
        let pid = wait_until(EVENT_TIMEOUT, "the agent lives", || {
            network.child(&name).ok_or_else(|| format!("{name} does not"))
        });
        let moment = Instant::now() + Duration::from_millis(self.random.gen_range(0..800));
        wait_until(EVENT_TIMEOUT, "the moment has come", || {
            assert_single(&network.dir());
            if Instant::now() >= moment { Ok(()) } else { Err("it has not".to_owned()) }
        });
        processes::signal(pid, Signal::KILL);
        self.killed += 1;
        wait_until(EVENT_TIMEOUT, "the agent is gone", || {
            if network.child(&name) == Some(pid) { Err(format!("{pid} lives")) } else { Ok(()) }
        });
        assert_single(&network.dir());
    }
}

/// Asserts that no node has two processes.
fn assert_single(dir: &Path) {
    for (node, pids) in processes::by_cwd(&dir.join("agents")) {
        assert_eq!(pids.len(), 1, "{} runs twice: {pids:?}", node.display());
    }
}

#[test]
fn killed_agents_and_a_killed_chain_end_in_the_same_network() {
    let mut network = Network::new();
    let mut killer = Killer::new(1);

    // While the network converges for the first time.
    network.start_up(EXAMPLE, &QUICK);
    for _ in 0..8 {
        killer.kill_one(&network);
    }
    network.wait_up();
    assert_eq!(network.settle().len(), 20);

    // While it changes from 4 shards to 5.
    let more = [&QUICK[..], &["-I", "shards=5"]].concat();
    let proposed = network.json(&[&["propose", EXAMPLE, "--as", "alice"], &more[..]].concat());
    let proposal = proposed["proposal"].as_str().unwrap().to_owned();
    std::thread::scope(|scope| {
        let voting = scope.spawn(|| network.pass(&proposal));
        while !voting.is_finished() || killer.killed < 16 {
            killer.kill_one(&network);
        }
        assert_eq!(voting.join().unwrap(), 2);
    });
    let nodes = network.settle();
    assert_eq!(nodes.len(), 25);

    for agent in AGENTS {
        let lock = network.dir().join("agents").join(agent).join("lock");
        wait_until(EVENT_TIMEOUT, "every agent is back", || {
            let pid = holder(&lock);
            let child = network.child(&format!("agent-{agent}"));
            if pid.is_some() && pid == child {
                Ok(())
            } else {
                Err(format!("{agent} is {child:?}"))
            }
        });
    }

    // Without the chain every node goes on; the agents go on once it is back.
    let chain = network.child("chain").unwrap();
    let agents = AGENTS.map(|agent| network.child(&format!("agent-{agent}")));
    processes::signal(chain, Signal::KILL);
    wait_until(EVENT_TIMEOUT, "the chain is back", || match network.child("chain") {
        Some(pid) if pid != chain => Ok(()),
        other => Err(format!("its process is {other:?}")),
    });
    assert_eq!(network.settle(), nodes);
    assert_eq!(AGENTS.map(|agent| network.child(&format!("agent-{agent}"))), agents);
    assert_eq!(network.change(EXAMPLE, &QUICK), 3);
    let fewer = network.settle();
    assert_eq!(fewer.len(), 20);
    let kept = fewer.iter().filter(|(key, pid)| nodes.get(key) == Some(pid)).count();
    assert!(kept > 0, "{nodes:?}\n{fewer:?}");

    assert_eq!(network.up_says().matches("is started again").count(), killer.killed + 1);
    drop(network.interrupt().success());
    network.assert_ended();
}

/// Processes that a killed `up` left are watched by the next one as its own.
#[test]
fn what_a_killed_up_left_is_watched_by_the_next() {
    let mut network = Network::started(&QUICK);
    let nodes = network.settle();
    network.kill_up();
    network.up(EXAMPLE, &QUICK);
    assert_eq!(network.settle(), nodes);
    for name in ["agent-bob", "chain"] {
        let pid = network.child(name).unwrap();
        processes::signal(pid, Signal::KILL);
        wait_until(EVENT_TIMEOUT, "it is back", || match network.child(name) {
            Some(other) if other != pid => Ok(()),
            other => Err(format!("{name} is {other:?}")),
        });
    }
    assert_eq!(network.settle(), nodes);
    drop(network.interrupt().success());
    network.assert_ended();
}

/// A child that cannot run is given up, with its last words.
#[test]
fn a_chain_that_cannot_open_is_given_up_with_its_reason() {
    let mut network = Network::started(&QUICK);
    drop(network.interrupt().success());
    // Not the bytes of a chain: it must not be begun anew.
    std::fs::write(network.dir().join("chain/chain.log"), "no chain").unwrap();
    network.start_up(EXAMPLE, &QUICK);
    let ended = network.wait_ended().exits(1);
    // It may have held its lock for a moment before it ended, or not.
    let given_up = ended.stderr.contains("chain ended 5 times");
    assert!(given_up || ended.stderr.contains("chain ended at once"), "{}", ended.stderr);
    assert!(ended.stderr.contains("chain/chain.log"), "{}", ended.stderr);
    network.assert_ended();
    // Without its record, the chain is nobody's.
    std::fs::remove_file(network.dir().join("network.json")).unwrap();
    network.start_up(EXAMPLE, &QUICK);
    let ended = network.wait_ended().exits(1);
    assert!(ended.stderr.contains("has a chain, but no network.json"), "{}", ended.stderr);
}

#[test]
fn an_interrupt_at_any_moment_leaves_no_process() {
    let mut random = StdRng::seed_from_u64(2);
    eprintln!("seed 2");
    let mut network = Network::new();
    for _ in 0..12 {
        network.start_up(EXAMPLE, &QUICK);
        let moment = Instant::now() + Duration::from_millis(random.gen_range(50..1500));
        wait_until(EVENT_TIMEOUT, "the moment has come", || {
            if Instant::now() >= moment { Ok(()) } else { Err("it has not".to_owned()) }
        });
        drop(network.interrupt());
        network.assert_ended();
    }
    network.up(EXAMPLE, &QUICK);
    assert_eq!(network.settle().len(), 20);
}
