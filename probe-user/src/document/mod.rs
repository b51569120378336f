//! Reading a TOML file that a person wrote: every problem of the file at once, each with its place in the
//! text and a way out.
//!
//! [`read`] parses the text and hands its [`Table`] to a builder. The builder asks for fields, and a
//! [`Value`] turns into what it should be or reports a [`Problem`]. Who gets a [`Reported`] knows that the
//! file will be rejected, and may go on to find more:
//!
//! ```
//! use netsplit::document::read;
//!
//! let pause = read("pause.toml", r#"wait = "90s""#, |file| {
//!     let wait = file.required("wait", r#"say how long, as in wait = "10s""#).and_then(|v| v.duration());
//!     file.finish();
//!     wait
//! });
//! assert_eq!(pause.unwrap().as_secs(), 90);
//! ```

mod load;
mod problem;
mod reader;
mod spelling;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod value;

pub use load::{LoadError, load};
pub use miette::SourceSpan as Span;
pub use problem::{Position, Problem, Problems, Rejected, Reported};
pub use reader::{deserialize, read};
pub use spelling::{list_of, nearest};
pub use table::Table;
pub use value::Value;
