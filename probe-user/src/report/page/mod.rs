//! The pages: what every HTML report is made of. Each is one file that needs nothing else, not even a script: the script
//! adds zoom, pan and details to pictures that are there without it.
//!
//! | Part | What it is |
//! |---|---|
//! | [`page`], [`Section`] | the document: title, header, contents, sections, style and script |
//! | [`chart`], [`Chart`], [`Panel`] | the picture of one run's lanes, or of several runs', aligned at their zero |
//! | [`table`] | a table that scrolls by itself where a screen is narrow |
//! | [`figure`] | a number that leads to the event behind it |

mod axis;
mod chart;
mod plot;
mod shell;
#[cfg(test)]
mod tests;

pub(crate) use chart::{Chart, Panel, Pin, chart};
pub(crate) use shell::{Section, figure, page, table};
