//! Reports: accepted from the slot's operator, and made safe to show when they are read.

use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::SolCall;
use alloy::sol_types::SolValue;
use koinon_bindings::Templates;
use koinon_chain::ServiceContract;
use koinon_chain::SlotStatus;
use koinon_model::Epoch;
use koinon_model::NodeSet;
use koinon_model::NodeState;
use koinon_model::Report;
use koinon_model::ReportReason;
use koinon_model::Revision;
use koinon_model::Slot;
use koinon_testkit::Actor;
use koinon_testkit::TestNet;
use koinon_testkit::TestService;
use koinon_testkit::content;

use crate::name;
use crate::revert;
use crate::word;

on_both_chains!(
    only_the_slots_operator_reports,
    many_reports_go_in_several_transactions,
    text_of_operators_is_made_safe_to_show
);

sol! {
    /// `Report` of the contracts with an endpoint of any bytes: the encoding is the same.
    struct RawReport {
        bytes32 set;
        uint32 group;
        uint32 place;
        uint64 revision;
        uint8 state;
        uint32 milliseconds;
        bytes32 reason;
        bytes endpoint;
    }
}

fn slot(group: u32, place: u32) -> Slot {
    Slot { set: name("workers"), group, place }
}

fn report(slot: Slot) -> Report {
    Report {
        slot,
        revision: Revision(1),
        state: NodeState::Running,
        reason: ReportReason::ProbeAnswered,
        milliseconds: 12,
        endpoint: "127.0.0.1:8080".to_owned(),
    }
}

fn set(groups: u32, size: u32) -> NodeSet {
    NodeSet { name: name("workers"), groups, size }
}

/// A service with one operator, which has all slots that its stake backs.
async fn dealt<'net>(
    net: &'net TestNet,
    stake: u64,
    groups: u32,
    size: u32,
) -> (TestService<'net>, Actor) {
    let service = net.create("reports").await.unwrap();
    service.revise(&content(&[("workers", groups.into(), size.into())])).await.unwrap();
    let mut operators = Actor::operators(1);
    service.join(&[(&operators[0], stake)]).await.unwrap();
    service.deal_epoch(&operators).await.unwrap();
    (service, operators.remove(0))
}

async fn only_the_slots_operator_reports(net: &TestNet) {
    let (service, operator) = dealt(net, 20, 1, 3).await;
    let account = operator.account();
    let contracts = service.signed_by(&operator);
    let view = contracts.now();
    let nothing = |place| SlotStatus {
        slot: slot(0, place),
        operator: Address::ZERO,
        epoch: Epoch(0),
        reported_at: 0,
        revision: Revision(0),
        state: NodeState::Unknown,
        milliseconds: 0,
        reason: String::new(),
        endpoint: String::new(),
    };
    assert_eq!(view.statuses(&set(1, 3)).await.unwrap(), [nothing(0), nothing(1), nothing(2)]);
    // Two units for three slots: the last is vacant.
    let not_operator = |place: u32, caller: Address, operator: Address| {
        reverts!(
            Templates,
            TemplatesNotOperator {
                set: word("workers"),
                group: 0,
                place: place,
                caller: caller,
                operator: operator
            }
        )
    };
    let founder = service.founder.account();
    let by_founder = service.contracts.report(&[report(slot(0, 0))]).await;
    assert_eq!(revert(by_founder), not_operator(0, founder, account));
    let vacant = contracts.report(&[report(slot(0, 0)), report(slot(0, 2))]).await;
    assert_eq!(revert(vacant), not_operator(2, account, Address::ZERO));
    assert_eq!(
        revert(contracts.report(&[report(slot(1, 0))]).await),
        reverts!(Mapper, MapperUnknownSlot { set: word("workers"), group: 1, place: 0 })
    );
    let ahead = Report { revision: Revision(2), ..report(slot(0, 0)) };
    assert_eq!(
        revert(contracts.report(&[ahead]).await),
        reverts!(Templates, TemplatesUnknownRevision { given: 2, current: 1 })
    );
    let unknown = Report { state: NodeState::Unknown, ..report(slot(0, 1)) };
    assert_eq!(
        revert(contracts.report(&[unknown]).await),
        reverts!(Templates, TemplatesUnknownState { set: word("workers"), group: 0, place: 1 })
    );
    let long = Report { endpoint: "a".repeat(256), ..report(slot(0, 1)) };
    assert_eq!(
        revert(contracts.report(&[long]).await),
        reverts!(
            Templates,
            TemplatesEndpointTooLong {
                set: word("workers"),
                group: 0,
                place: 1,
                length: U256::from(256),
                limit: U256::from(255)
            }
        )
    );

    let longest = Report {
        state: NodeState::Failed,
        reason: ReportReason::ArtifactUnavailable,
        milliseconds: u32::MAX,
        endpoint: "b".repeat(255),
        ..report(slot(0, 1))
    };
    let sent = contracts.report(&[report(slot(0, 0)), longest.clone()]).await.unwrap();
    let status = |report: &Report| SlotStatus {
        slot: report.slot.clone(),
        operator: account,
        epoch: Epoch(1),
        reported_at: sent[0].block,
        revision: Revision(1),
        state: report.state,
        milliseconds: report.milliseconds,
        reason: report.reason.as_str().to_owned(),
        endpoint: report.endpoint.clone(),
    };
    let expected = [status(&report(slot(0, 0))), status(&longest), nothing(2)];
    assert_eq!(view.statuses(&set(1, 3)).await.unwrap(), expected);
    assert_eq!(contracts.report(&[]).await.unwrap(), []);
}

async fn many_reports_go_in_several_transactions(net: &TestNet) {
    let (service, operator) = dealt(net, 1000, 10, 9).await;
    let slots = (0..10).flat_map(|group| (0..9).map(move |place| slot(group, place)));
    let longest = |slot| Report { endpoint: "c".repeat(255), ..report(slot) };
    let reports: Vec<Report> = slots.map(longest).collect();
    let contracts = service.signed_by(&operator);
    let sent = contracts.report(&reports).await.unwrap();
    assert!(sent.iter().all(|sent| sent.gas <= 16_777_216), "{sent:?}");
    assert_eq!(sent.len(), 3);
    let statuses = contracts.now().statuses(&set(10, 9)).await.unwrap();
    let found: Vec<_> = statuses.iter().map(|status| (&status.slot, &status.endpoint)).collect();
    let expected: Vec<_> = reports.iter().map(|report| (&report.slot, &report.endpoint)).collect();
    assert_eq!(found, expected);
}

async fn text_of_operators_is_made_safe_to_show(net: &TestNet) {
    let (service, operator) = dealt(net, 20, 1, 1).await;
    let contracts = service.signed_by(&operator);
    let cases: [(&[u8], &[u8], &str, &str); 4] = [
        (b"ok\x1b[2J", b"\x1b]0;evil\x07\r\n\x7f:1", "ok?[2J", "?]0;evil????:1"),
        (b"\xff\xfe", b"\xff\xfe", "\u{fffd}\u{fffd}", "\u{fffd}\u{fffd}"),
        (b"a\0b", b"\0\0", "a?b", "??"),
        (&[b'r'; 32], "\u{9b}2J".as_bytes(), "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr", "?2J"),
    ];
    for (reason, endpoint, shown_reason, shown_endpoint) in cases {
        let raw = RawReport {
            set: word("workers"),
            group: 0,
            place: 0,
            revision: 1,
            state: 2,
            milliseconds: 0,
            reason: B256::right_padding_from(reason),
            endpoint: Bytes::copy_from_slice(endpoint),
        };
        let input = (vec![raw],).abi_encode_params();
        let input = [&Templates::reportCall::SELECTOR[..], &input].concat();
        let request = TransactionRequest::default()
            .with_to(contracts.address(ServiceContract::Templates))
            .with_input(input);
        contracts.chain().transfer(request).await.unwrap();
        let status = contracts.now().statuses(&set(1, 1)).await.unwrap().remove(0);
        assert_eq!(
            (status.reason.as_str(), status.endpoint.as_str()),
            (shown_reason, shown_endpoint)
        );
    }
}
