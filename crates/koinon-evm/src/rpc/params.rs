//! Positional parameters, each parsed into its type on demand.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::RpcError;

/// More parameters than any method has; bounds the cost of a hostile array.
const MAX_PARAMS: usize = 16;

/// The `params` array of a request.
#[derive(Debug)]
pub(crate) struct Params<'a>(Vec<&'a RawValue>);

impl<'a> Params<'a> {
    /// Splits the array. Absent `params`, or `null`, count as an empty array.
    pub(crate) fn parse(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        let Some(params) = params.filter(|params| params.get() != "null") else {
            return Ok(Self(Vec::new()));
        };
        let values: Vec<&RawValue> = serde_json::from_str(params.get())
            .map_err(|_| RpcError::invalid_params("params must be an array"))?;
        if values.len() > MAX_PARAMS {
            return Err(RpcError::invalid_params("too many params"));
        }
        Ok(Self(values))
    }

    /// Parses a required parameter.
    pub(crate) fn get<T: DeserializeOwned>(&self, index: usize, name: &str) -> Result<T, RpcError> {
        self.opt(index, name)?.ok_or_else(|| {
            RpcError::invalid_params(format!(
                "missing value for required argument {index} ({name})"
            ))
        })
    }

    /// Parses an optional parameter; `null` counts as absent.
    pub(crate) fn opt<T: DeserializeOwned>(
        &self,
        index: usize,
        name: &str,
    ) -> Result<Option<T>, RpcError> {
        let Some(value) = self.0.get(index).filter(|value| value.get() != "null") else {
            return Ok(None);
        };
        serde_json::from_str(value.get()).map(Some).map_err(|error| {
            RpcError::invalid_params(format!("invalid argument {index} ({name}): {error}"))
        })
    }
}
