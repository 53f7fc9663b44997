//! `koinon bench --quick`: it measures every subject; how fast is not tested.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_quick_benchmark_measures_everything() {
    let run = Command::new(env!("CARGO_BIN_EXE_koinon-bench"))
        // All creates are in one or two blocks, so each raises the gas of the others.
        .args(["--quick", "--json"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{stderr}");
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    let number = |pointer: &str| {
        let found = report.pointer(pointer).and_then(Value::as_f64);
        found.unwrap_or_else(|| panic!("no number at {pointer} of {report:#}"))
    };

    assert_eq!(report["chain"]["kind"], "embedded");
    let rows = report["import"]["rows"].as_array().unwrap();
    let shown: Vec<_> = rows.iter().map(|row| (&row["bytes"], &row["identical"])).collect();
    assert_eq!(shown, [(&743.into(), &true.into()), (&5430.into(), &true.into())]);
    assert_eq!(number("/import/rows/0/paper/import_seconds"), 3.347);
    assert_eq!(number("/import/rows/1/paper/export_seconds"), 1.292);
    for figure in ["import_seconds", "export_seconds", "publish_gas", "update_gas"] {
        assert!(number(&format!("/import/rows/0/{figure}")) > 0.0, "{figure}");
    }

    for (load, count) in [("create", 20.0), ("read", 100.0)] {
        assert_eq!(number(&format!("/reads/{load}/successes")), count, "{stderr}");
        assert_eq!(number(&format!("/reads/{load}/failures")), 0.0);
        let [min, avg, max] =
            ["min", "avg", "max"].map(|which| number(&format!("/reads/{load}/{which}_latency")));
        assert!(0.0 < min && min <= avg && avg <= max);
    }
    assert_eq!(number("/reads/paper/read/throughput"), 175.0);

    assert_eq!(number("/deal/0/operators"), 12.0);
    assert_eq!(number("/deal/0/slots"), 5000.0);
    assert_eq!(number("/deal/0/vacancies"), 0.0);
    assert_eq!(number("/deal/0/deal_transactions"), 1.0);
    assert_eq!(number("/deal/0/lookups_checked"), 4.0);
    assert!(number("/deal/0/lookup_gas_avg") <= number("/deal/0/lookup_gas_max"));
}

#[test]
fn a_remote_chain_needs_a_keystore() {
    let run = Command::new(env!("CARGO_BIN_EXE_koinon-bench"))
        .args(["--rpc-url", "http://127.0.0.1:1"])
        .env_remove("KOINON_KEYSTORE")
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&run.stderr).contains("--keystore"));
}

#[test]
fn the_compiler_is_measured_by_phases() {
    let run = Command::new(env!("CARGO_BIN_EXE_koinon-bench"))
        .args(["compile", "--sizes", "10", "--runs", "1", "--json"])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    let rows = report.as_array().unwrap();
    let shown: Vec<_> = rows.iter().map(|row| (&row["dialect"], &row["nodes"])).collect();
    assert_eq!(shown, [(&"2.0".into(), &10.into()), (&"1.3".into(), &10.into())]);
    for (row, lowers) in rows.iter().zip([false, true]) {
        assert!(row["wall_microseconds"].as_u64() > Some(0));
        assert!(row["output_bytes"].as_u64() > row["source_bytes"].as_u64());
        let phases: Vec<_> =
            row["phases"].as_array().unwrap().iter().map(|one| &one["phase"]).collect();
        assert_eq!(phases.contains(&&"lower".into()), lowers);
        for phase in ["parse", "resolve", "represent", "digest", "plan"] {
            assert!(phases.contains(&&phase.into()), "{phase}");
        }
    }
}
