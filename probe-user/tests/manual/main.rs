//! The documentation, held to what it says: every console block is run, every policy in the manual is checked, every
//! link leads somewhere, and every kind of fault has a page.
//!
//! A console block says behind its fence what it needs, as in ```` ```console root ````, and which exit code its last
//! command ends with, where that is not 0: ```` ```console plain exit=2 ````. [`block::Class`] lists the words. Lines
//! that begin with `$ ` are commands, lines that begin with `> ` go on with them, and all others are what is printed on
//! stdout and stderr: `…` stands for any text in a line, and alone on a line for any lines. A command that shows no
//! output may print what it likes.
//!
//! A fence such as ```` ```toml slow.toml ```` is a file of that name: it is there for the commands below it.

#![allow(clippy::unwrap_used, reason = "a test ends where its surroundings fail it")]

mod block;
mod faults;
#[cfg(any(feature = "kernel-tests", feature = "cluster-tests"))]
mod ground;
#[cfg(feature = "cluster-tests")]
mod lab;
mod links;
mod page;
mod parser;
mod plain;
#[cfg(feature = "kernel-tests")]
mod root;
mod script;
