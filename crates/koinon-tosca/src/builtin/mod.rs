//! The data types of TOSCA itself (csd07 9.1), and exact numbers. The lowest of the compiler's
//! rooms: it imports none of the others.
//!
//! In: text and numbers. Out: base types, decimals, and keys by which versions and timestamps
//! compare.
//!
//! | file | subject |
//! |---|---|
//! | `base` | the built-in data types by name |
//! | `decimal` | exact decimal numbers |
//! | `formats` | versions, timestamps and Base64 |

mod base;
mod decimal;
mod formats;

pub(crate) use base::BUILTIN;
pub(crate) use base::Base;
pub(crate) use base::is_builtin;
pub(crate) use decimal::Decimal;
pub(crate) use formats::instant;
pub(crate) use formats::is_base64;
pub(crate) use formats::is_timestamp;
pub(crate) use formats::version_key;
