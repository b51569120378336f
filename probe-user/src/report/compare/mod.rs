//! The report of a comparison, in every format.

mod csv;
mod directory;
mod html;
mod markdown;
mod number;
mod short;
mod table;
mod terminal;
#[cfg(test)]
mod tests;

pub use csv::{runs_csv, summary_csv};
pub use directory::Paths;
pub(crate) use directory::{pictures, rebuild, write};
pub(crate) use html::{Pictures, essence, html};
pub use markdown::markdown;
pub(crate) use number::each;
pub use terminal::terminal;
