//! Hostile content on chain gives an error that names it, never a panic.

use alloy::network::TransactionBuilder;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::I256;
use alloy::primitives::keccak256;
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::SolCall;
use alloy::sol_types::SolValue;
use koinon_bindings::Blobs;
use koinon_bindings::Core;
use koinon_chain::ChainError;
use koinon_chain::CheckResult;
use koinon_chain::WireError;
use koinon_model::JsonError;
use koinon_model::Module;
use koinon_model::Object;
use koinon_model::Permission;
use koinon_model::UpdateMode;
use koinon_testkit::TestNet;
use koinon_testkit::TestService;
use koinon_testkit::content;

use crate::name;
use crate::word;

on_both_chains!(
    hostile_values_are_errors_with_their_path,
    hostile_parameters_and_sets_are_errors_with_their_name,
    hostile_paths_are_errors
);

sol! {
    /// `Change` of the contracts with a path of any bytes: the encoding is the same.
    struct RawEdit { bytes path; bytes32 was; bytes32 blob; }
    struct RawModule { bytes32 module; RawEdit[] edits; }
    struct RawParameter { bytes32 name; int256 value; bool present; }
    struct RawSet { bytes32 name; bytes32 groups; bytes32 size; }
    struct RawBan { uint8 kind; bytes32 subject; uint32 unit; bool banned; }
    struct RawPermission { bytes32 module; uint8 mode; address[] admins; }
    struct RawChange {
        RawModule[] modules;
        RawParameter[] parameters;
        bool replaceSets;
        RawSet[] sets;
        RawBan[] bans;
        RawPermission[] permissions;
    }
}

fn nothing() -> RawChange {
    RawChange {
        modules: vec![],
        parameters: vec![],
        replaceSets: false,
        sets: vec![],
        bans: vec![],
        permissions: vec![],
    }
}

fn edits(edits: Vec<(&[u8], B256, B256)>) -> RawChange {
    let raw = |(path, was, blob): (&[u8], B256, B256)| RawEdit {
        path: Bytes::copy_from_slice(path),
        was,
        blob,
    };
    let edits = edits.into_iter().map(raw).collect();
    RawChange { modules: vec![RawModule { module: word("topology"), edits }], ..nothing() }
}

/// A service whose founder may update Core and Topology without a vote.
async fn ruled(net: &TestNet) -> TestService<'_> {
    let service = net.create("hostile").await.unwrap();
    let mut ruled = content(&[]);
    let mode = UpdateMode::Admins([service.founder.account()].into());
    for module in [Module::Core, Module::Topology] {
        ruled.permissions.insert(module, Permission { mode: mode.clone() });
    }
    service.revise(&ruled).await.unwrap();
    service
}

async fn update(service: &TestService<'_>, change: RawChange) {
    let input = [&Core::updateCall::SELECTOR[..], &(change,).abi_encode_params()].concat();
    let request = TransactionRequest::default().with_to(service.contracts.core).with_input(input);
    service.contracts.chain().transfer(request).await.unwrap();
}

async fn store(service: &TestService<'_>, bytes: &[u8]) -> B256 {
    let store = Blobs::new(service.contracts.blobs, service.contracts.chain().provider().clone());
    let call = store.put(Bytes::copy_from_slice(bytes)).into_transaction_request();
    service.contracts.chain().transfer(call).await.unwrap();
    keccak256(bytes)
}

fn json(what: &'static str, at: usize) -> Result<(), JsonError> {
    Err(JsonError { what, at })
}

async fn hostile_values_are_errors_with_their_path(net: &TestNet) {
    let service = ruled(net).await;
    let good = service.contracts.now().content().await.unwrap();
    let deep = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat().into_bytes();
    // `Ok(())`: valid JSON, but not canonical.
    let cases: [(Vec<u8>, Result<(), JsonError>); 14] = [
        (br#"{"b":1,"a":2}"#.to_vec(), Ok(())),
        (b" 1".to_vec(), Ok(())),
        (b"[1, 2]".to_vec(), Ok(())),
        (br#""\u0041""#.to_vec(), Ok(())),
        (br#"{"a":1,"a":1}"#.to_vec(), json("duplicate key", 7)),
        (b"\"\xff\"".to_vec(), json("invalid UTF-8", 1)),
        (b"".to_vec(), json("expected a value, found the end", 0)),
        (b"1 2".to_vec(), json("trailing text", 2)),
        (b"NaN".to_vec(), json("expected a value", 0)),
        (b"\0".to_vec(), json("expected a value", 0)),
        ("\"e\u{301}\"".as_bytes().to_vec(), json("string is not in NFC", 0)),
        (b"[1,{]}".to_vec(), json("expected a string", 4)),
        (deep(65), json("too deeply nested", 64)),
        (vec![b'['; Object::MAX_BYTES], json("too deeply nested", 64)),
    ];
    for (bytes, expected) in cases {
        let blob = store(&service, &bytes).await;
        update(&service, edits(vec![(b"evil", B256::ZERO, blob)])).await;
        let error = service.contracts.now().content().await.unwrap_err();
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        let (module, path) = (Module::Topology, "evil".to_owned());
        match (expected, error) {
            (Ok(()), ChainError::Wire(error)) => {
                assert_eq!(error, WireError::NotCanonical { module, path }, "{shown}");
            }
            (Err(expected), ChainError::Object { module, path, source }) => {
                assert_eq!((module, path.as_str()), (Module::Topology, "evil"), "{shown}");
                assert_eq!(source, expected, "{shown}");
            }
            (_, other) => panic!("{shown}: {other:?}"),
        }
        assert!(service.contracts.now().object(Module::Topology, "evil").await.is_err(), "{shown}");
        update(&service, edits(vec![(b"evil", blob, B256::ZERO)])).await;
    }
    // As deep as it may be.
    let blob = store(&service, &deep(64)).await;
    update(&service, edits(vec![(b"deep", B256::ZERO, blob)])).await;
    assert_eq!(
        service.contracts.now().content().await.unwrap().objects.len(),
        good.objects.len() + 1
    );
}

async fn hostile_parameters_and_sets_are_errors_with_their_name(net: &TestNet) {
    let service = ruled(net).await;
    let parameter = |name: B256, value: I256, present| RawChange {
        parameters: vec![RawParameter { name, value, present }],
        ..nothing()
    };
    let huge = I256::try_from(i64::MAX).unwrap() + I256::ONE;
    let good = word("good");
    let odd = word("o dd");
    let invalid = |text: &str| WireError::Name(text.parse::<koinon_model::Name>().unwrap_err());
    for (name_word, value, expected) in [
        (good, huge, WireError::Parameter(name("good"))),
        (good, I256::MIN, WireError::Parameter(name("good"))),
        (odd, I256::ONE, invalid("o dd")),
        (B256::with_last_byte(1), I256::ONE, invalid(&format!("{}\u{1}", "\0".repeat(31)))),
        (B256::repeat_byte(0xff), I256::ONE, invalid(&"\u{fffd}".repeat(32))),
    ] {
        update(&service, parameter(name_word, value, true)).await;
        let error = service.contracts.now().content().await.unwrap_err();
        assert!(matches!(&error, ChainError::Wire(wire) if *wire == expected), "{error:?}");
        assert!(service.contracts.now().parameters().await.is_err());
        update(&service, parameter(name_word, I256::ZERO, false)).await;
    }
    let sets = |groups| RawChange {
        replaceSets: true,
        sets: vec![RawSet { name: word("s"), groups, size: good }],
        ..nothing()
    };
    update(&service, sets(odd)).await;
    let error = service.contracts.now().content().await.unwrap_err();
    assert!(matches!(&error, ChainError::Wire(wire) if *wire == invalid("o dd")), "{error:?}");
    // A set whose parameters are missing or out of range has no size; the content is valid.
    update(&service, sets(good)).await;
    service.contracts.now().content().await.unwrap();
    for value in [None, Some(-1), Some(1_i64 << 32)] {
        if let Some(value) = value {
            update(&service, parameter(good, I256::try_from(value).unwrap(), true)).await;
        }
        let error = service.contracts.now().node_sets().await.unwrap_err();
        let expected = WireError::Set(name("s"));
        assert!(matches!(&error, ChainError::Wire(wire) if *wire == expected), "{error:?}");
    }
}

async fn hostile_paths_are_errors(net: &TestNet) {
    let service = ruled(net).await;
    let blob = store(&service, b"1").await;
    // Two paths that are not UTF-8 must not pass for the same path.
    update(&service, edits(vec![(b"\xff", B256::ZERO, blob)])).await;
    let alone = service.contracts.now().content().await;
    update(&service, edits(vec![(b"\xfe", B256::ZERO, blob)])).await;
    let error = service.contracts.now().content().await.unwrap_err();
    let expected = WireError::Duplicate { module: Module::Topology, path: "\u{fffd}".to_owned() };
    assert!(matches!(&error, ChainError::Wire(wire) if *wire == expected), "{alone:?} {error:?}");
    // The commitment is over the bytes on chain, which no text has.
    let checks = service.contracts.verify().await.unwrap();
    let bad = checks.iter().filter(|check| matches!(check.verdict, CheckResult::Bad(_)));
    let bad: Vec<&str> = bad.map(|check| check.what.as_str()).collect();
    assert_eq!(bad, ["commitment of topology"]);
}
