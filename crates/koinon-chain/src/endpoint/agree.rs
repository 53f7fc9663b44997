//! Several nodes of one chain, of which most must say the same.
//!
//! A question about the newest block is asked of one block that most of the nodes have, so that
//! nodes that are a block apart agree. Numbers that every node estimates for itself, such as gas,
//! are those that most nodes reach. Everything else must be equal: the value itself, or, for
//! blocks, logs and receipts, whose further fields differ between clients, those that this client
//! reads.

use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use alloy::rpc::json_rpc::Id;
use alloy::rpc::json_rpc::Request;
use alloy::rpc::json_rpc::RequestPacket;
use alloy::rpc::json_rpc::Response;
use alloy::rpc::json_rpc::ResponsePacket;
use alloy::rpc::json_rpc::ResponsePayload;
use alloy::rpc::json_rpc::SerializedRequest;
use alloy::transports::BoxTransport;
use alloy::transports::TransportError;
use alloy::transports::TransportErrorKind;
use alloy::transports::TransportFut;
use futures::StreamExt;
use futures::future::try_join_all;
use futures::stream::FuturesUnordered;
use serde_json::Value;
use serde_json::json;
use tower::Service;

use crate::text::excerpt;

/// One of the nodes.
#[derive(Clone, Debug)]
pub(super) struct AskedNode {
    pub(super) url: String,
    pub(super) transport: BoxTransport,
}

/// The nodes, and how many of them must say the same: more than half.
#[derive(Clone, Debug)]
pub(super) struct Agreement {
    nodes: Arc<[AskedNode]>,
    needed: usize,
}

/// The answer of a node: a response, and the form in which it is compared, or why there is none.
struct Said {
    node: usize,
    answer: Result<(Value, ResponsePayload), String>,
}

/// How the answers of several nodes become one.
enum Rule {
    /// They must be equal.
    Equal,
    /// The largest number that enough nodes reach: the heights of nodes, and estimates.
    Reached,
    /// The first acceptance: a transaction is sent to all.
    Any,
}

impl Rule {
    fn of(method: &str) -> Self {
        match method {
            "eth_blockNumber" | "eth_estimateGas" | "eth_gasPrice" | "eth_maxPriorityFeePerGas" => {
                Self::Reached
            }
            "eth_sendRawTransaction" => Self::Any,
            _ => Self::Equal,
        }
    }
}

/// Returns the place of the block among a method's parameters.
fn block_place(method: &str) -> Option<usize> {
    match method {
        "eth_getBlockByNumber" => Some(0),
        "eth_call"
        | "eth_estimateGas"
        | "eth_feeHistory"
        | "eth_getBalance"
        | "eth_getCode"
        | "eth_getTransactionCount" => Some(1),
        "eth_getProof" | "eth_getStorageAt" => Some(2),
        _ => None,
    }
}

impl Agreement {
    pub(super) fn of(nodes: Vec<AskedNode>) -> Self {
        let needed = nodes.len() / 2 + 1;
        Self { nodes: nodes.into(), needed }
    }

    async fn ask(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        match packet {
            RequestPacket::Single(request) => {
                Ok(ResponsePacket::Single(self.answer(&request).await?))
            }
            RequestPacket::Batch(requests) => {
                let answers = requests.iter().map(|request| self.answer(request));
                Ok(ResponsePacket::Batch(try_join_all(answers).await?))
            }
        }
    }

    async fn answer(&self, request: &SerializedRequest) -> Result<Response, TransportError> {
        let method = request.method();
        let params = match request.params() {
            Some(params) => serde_json::from_str(params.get()).map_err(TransportError::ser_err)?,
            None => Value::Null,
        };
        let params = self.pinned(method, params).await?;
        // The next nonce counts transactions that wait, and nodes know of different ones.
        let is_pending = method == "eth_getTransactionCount" && params[1] == "pending";
        let rule = if is_pending { Rule::Reached } else { Rule::of(method) };
        let payload = self.decide(method, &params, &rule).await?;
        Ok(Response { id: request.id().clone(), payload })
    }

    /// Replaces the newest block, where it is asked for, with one that enough nodes have.
    async fn pinned(&self, method: &str, mut params: Value) -> Result<Value, TransportError> {
        let is_newest =
            |value: Option<&Value>| value.is_none_or(|value| value.is_null() || *value == "latest");
        if let Some(place) = block_place(method)
            && let Some(list) = params.as_array_mut()
            && is_newest(list.get(place))
        {
            let head = self.height().await?;
            list.resize(place.max(list.len()), Value::Null);
            match list.get_mut(place) {
                Some(block) => *block = head,
                None => list.push(head),
            }
        }
        if method == "eth_getLogs"
            && let Some(filter) = params.get_mut(0).and_then(Value::as_object_mut)
            && !filter.contains_key("blockHash")
            && is_newest(filter.get("toBlock"))
        {
            let head = self.height().await?;
            filter.insert("toBlock".to_owned(), head);
        }
        Ok(params)
    }

    /// Returns the number of the newest block that enough nodes have.
    async fn height(&self) -> Result<Value, TransportError> {
        let payload = self.decide("eth_blockNumber", &json!([]), &Rule::Reached).await?;
        let text = payload.as_success().map_or("null", |value| value.get());
        serde_json::from_str(text).map_err(|error| TransportError::deser_err(error, "a number"))
    }

    async fn decide(
        &self,
        method: &str,
        params: &Value,
        rule: &Rule,
    ) -> Result<ResponsePayload, TransportError> {
        let asked = (0..self.nodes.len()).map(|node| self.ask_node(node, method, params));
        let mut asked: FuturesUnordered<_> = asked.collect();
        let mut said: Vec<Said> = Vec::new();
        while let Some(one) = asked.next().await {
            said.push(one);
            let decided = match rule {
                Rule::Equal => self.equal(&said),
                Rule::Reached => self.reached(&said),
                Rule::Any => accepted(&said),
            };
            if let Some(payload) = decided {
                self.warn_of_others(method, &said, &payload, rule);
                return Ok(payload);
            }
        }
        self.undecided(method, said, rule)
    }

    /// Answers where no answer had enough nodes behind it and all of them spoke.
    fn undecided(
        &self,
        method: &str,
        said: Vec<Said>,
        rule: &Rule,
    ) -> Result<ResponsePayload, TransportError> {
        let mut answers = said.iter().filter_map(|one| one.answer.as_ref().ok());
        match rule {
            // Nobody accepted it.
            Rule::Any => {
                if let Some((_, refusal)) = answers.next() {
                    return Ok(refusal.clone());
                }
            }
            // A transaction that only some know of is not there yet.
            Rule::Equal if is_lookup(method) => {
                let absent = answers.clone().find(|(_, payload)| is_null(payload));
                let mut known = answers.filter(|(_, payload)| !is_null(payload));
                let first = known.next();
                if let Some((_, absent)) = absent
                    && known.all(|(value, _)| first.is_none_or(|(first, _)| first == value))
                {
                    return Ok(absent.clone());
                }
            }
            Rule::Equal | Rule::Reached => {}
        }
        Err(self.disagreement(method, said, rule))
    }

    async fn ask_node(&self, node: usize, method: &str, params: &Value) -> Said {
        let request = Request::new(method.to_owned(), Id::Number(0), params.clone());
        let answer = async {
            let request = request.serialize().map_err(|error| error.to_string())?;
            let mut transport = self.nodes[node].transport.clone();
            let packet = transport.call(request.into()).await.map_err(|e| e.to_string())?;
            let ResponsePacket::Single(response) = packet else {
                return Err("it answered with a batch".to_owned());
            };
            let compared = compared(method, &response.payload)?;
            Ok((compared, response.payload))
        };
        Said { node, answer: answer.await }
    }

    /// Returns the answer that enough nodes gave.
    fn equal(&self, said: &[Said]) -> Option<ResponsePayload> {
        let given = said.iter().filter_map(|one| one.answer.as_ref().ok());
        let mut given = given
            .clone()
            .map(|answer| (given.clone().filter(|other| other.0 == answer.0).count(), &answer.1));
        given.find(|(count, _)| *count >= self.needed).map(|(_, payload)| payload.clone())
    }

    /// Returns the largest number that enough nodes reach, once every node spoke.
    fn reached(&self, said: &[Said]) -> Option<ResponsePayload> {
        let answers = said.iter().filter_map(|one| one.answer.as_ref().ok());
        let mut numbers: Vec<(u128, &ResponsePayload)> =
            answers.filter_map(|(value, payload)| Some((quantity(value)?, payload))).collect();
        if said.len() < self.nodes.len() || numbers.len() < self.needed {
            // Nodes that refuse alike, as they do a call that reverts, agree too.
            return self.equal(said).filter(ResponsePayload::is_error);
        }
        numbers.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        Some(numbers[self.needed - 1].1.clone())
    }

    /// Names the nodes that said something else than most.
    fn warn_of_others(&self, method: &str, said: &[Said], decided: &ResponsePayload, rule: &Rule) {
        if !matches!(rule, Rule::Equal) {
            return;
        }
        let Ok(decided) = compared(method, decided) else { return };
        for one in said {
            if let Ok((value, _)) = &one.answer
                && *value != decided
            {
                let url = &self.nodes[one.node].url;
                tracing::warn!(url, method, "a node says something else than most of the others");
            }
        }
    }

    fn disagreement(&self, method: &str, said: Vec<Said>, rule: &Rule) -> TransportError {
        let count = self.nodes.len();
        let answered = said.iter().filter(|one| one.answer.is_ok()).count();
        let each = said.iter().map(|one| {
            let text = match &one.answer {
                Ok((value, _)) => format!("says {}", excerpt(&value.to_string())),
                Err(error) => excerpt(error),
            };
            format!("{}: {text}", self.nodes[one.node].url)
        });
        let each = each.collect::<Vec<_>>().join("; ");
        let text = if matches!(rule, Rule::Any) || answered < self.needed {
            format!("{answered} of {count} nodes answered, {} are needed: {each}", self.needed)
        } else {
            format!("the nodes do not agree on {method}: {each}")
        };
        TransportErrorKind::custom_str(&text)
    }
}

fn is_lookup(method: &str) -> bool {
    matches!(method, "eth_getTransactionByHash" | "eth_getTransactionReceipt")
}

fn is_null(payload: &ResponsePayload) -> bool {
    payload.as_success().is_some_and(|value| value.get() == "null")
}

/// Returns the first acceptance.
fn accepted(said: &[Said]) -> Option<ResponsePayload> {
    let mut answers = said.iter().filter_map(|one| one.answer.as_ref().ok());
    answers.find(|(_, payload)| payload.is_success()).map(|(_, payload)| payload.clone())
}

fn quantity(value: &Value) -> Option<u128> {
    u128::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

/// Returns what of an answer must be the same from every node.
fn compared(method: &str, payload: &ResponsePayload) -> Result<Value, String> {
    let result = match payload {
        ResponsePayload::Success(result) => result,
        ResponsePayload::Failure(error) => {
            // Clients word their refusals differently; the data of a revert is the contract's.
            let data = error.data.as_ref().map(|data| data.get().to_owned());
            return Ok(json!({ "refused": data }));
        }
    };
    let value: Value = serde_json::from_str(result.get()).map_err(|error| error.to_string())?;
    let pick = |value: &Value, keys: &[&str]| -> Value {
        if value.is_null() {
            Value::Null
        } else {
            keys.iter().map(|key| value[key].clone()).collect()
        }
    };
    let log = |log: &Value| {
        pick(log, &["address", "topics", "data", "blockHash", "transactionHash", "logIndex"])
    };
    Ok(match method {
        "eth_getBlockByNumber" | "eth_getBlockByHash" => {
            let keys = ["hash", "parentHash", "number", "timestamp", "stateRoot", "baseFeePerGas"];
            let transactions = value["transactions"].as_array();
            let transaction = |one: &Value| match one {
                Value::Object(_) => pick(one, &["hash", "from", "to", "input", "nonce"]),
                hash => hash.clone(),
            };
            let transactions =
                transactions.map(|all| all.iter().map(transaction).collect::<Value>());
            json!([pick(&value, &keys), transactions])
        }
        "eth_getTransactionByHash" => pick(&value, &["hash", "blockHash"]),
        "eth_getTransactionReceipt" => {
            let keys = ["transactionHash", "blockHash", "status", "contractAddress", "gasUsed"];
            let logs = value["logs"].as_array().map(|logs| logs.iter().map(log).collect::<Value>());
            json!([pick(&value, &keys), logs])
        }
        "eth_getLogs" => {
            value.as_array().map_or(Value::Null, |logs| logs.iter().map(log).collect())
        }
        _ => value,
    })
}

impl Service<RequestPacket> for Agreement {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.clone().ask(packet))
    }
}
