//! JSON schemas (draft 2020-12) of every file that netsplit reads or writes, and of all that it prints as JSON.
//!
//! What serde writes is described by its own types, derived. Files that people write are read by hand, for better
//! messages; what they may say is described beside each reader, from the reader's own lists of words, and
//! [`table`], [`variants`] and the functions for values put that together.
//!
//! The schemas are committed in `probe-user/schema`, for editors and for whoever has no netsplit at hand.

mod document;
mod event;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod tidy;
mod value;

pub use document::{Document, documents};
pub(crate) use document::{printed, written};
pub(crate) use table::{Key, Variant, also, has, says, table, variants};
pub(crate) use value::{
    between, expression, flag, integer, interface, named, node, one_of, one_or_more, only_true, party, port,
    some_of, some_text, span, text,
};
