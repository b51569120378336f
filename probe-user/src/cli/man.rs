//! `netsplit man`.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory};
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};
use miette::{IntoDiagnostic, WrapErr};

use super::{Cli, ExitCode, examples::parted, output::print};

/// Print the man page, or write those of all verbs into a folder.
///
/// They are made from the very definitions that netsplit reads its command line by.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit man | man -l -
  netsplit man --out /usr/local/share/man/man1")]
pub(super) struct Args {
    /// Write netsplit.1, netsplit-apply.1 and so on into this folder, which is made if need be
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let pages = pages().into_diagnostic()?;
    match &args.out {
        Some(folder) => save(folder, &pages)?,
        None => print(&String::from_utf8_lossy(&pages[0].text))?,
    }
    Ok(ExitCode::Success)
}

/// A man page.
struct Page {
    /// `netsplit-lab-up.1`
    file: String,
    text: Vec<u8>,
}

fn save(folder: &Path, pages: &[Page]) -> miette::Result<()> {
    let failed = |path: &Path| format!("cannot write {}", path.display());
    fs::create_dir_all(folder).into_diagnostic().wrap_err_with(|| failed(folder))?;
    for page in pages {
        let path = folder.join(&page.file);
        fs::write(&path, &page.text).into_diagnostic().wrap_err_with(|| failed(&path))?;
    }
    Ok(())
}

/// The pages of netsplit itself, which comes first, and of all verbs that are shown.
fn pages() -> io::Result<Vec<Page>> {
    let mut all = Vec::new();
    let mut netsplit = Cli::command().disable_help_subcommand(true);
    netsplit.build();
    collect(&netsplit, &mut all)?;
    Ok(all)
}

fn collect(command: &Command, all: &mut Vec<Page>) -> io::Result<()> {
    let source = concat!("netsplit ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).manual("netsplit").source(source);
    all.push(Page { file: man.get_filename(), text: page(command, &man)? });
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).try_for_each(|verb| collect(verb, all))
}

/// What `Man::render` writes, but for the examples, which have a section of their own.
fn page(command: &Command, man: &Man) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.get_subcommands().any(|verb| !verb.is_hide_set()) {
        man.render_subcommands_section(&mut text)?;
    }
    let (examples, notes) = parted(command);
    verbatim("EXAMPLES", &examples.join("\n"), &mut text)?;
    verbatim("NOTES", &notes, &mut text)?;
    man.render_version_section(&mut text)?;
    Ok(text)
}

/// A section whose lines stay as they are; none without text.
fn verbatim(heading: &str, lines: &str, text: &mut impl Write) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut roff = Roff::default();
    roff.control("SH", [heading]).control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.to_writer(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_page_with_the_usual_sections() {
        let pages = pages().unwrap();
        let files: Vec<_> = pages.iter().map(|page| page.file.as_str()).collect();
        for file in
            ["netsplit.1", "netsplit-apply.1", "netsplit-lab.1", "netsplit-lab-up.1", "netsplit-man.1"]
        {
            assert!(files.contains(&file), "{file} is missing: {files:?}");
        }
        assert!(!files.contains(&"netsplit-hold.1"), "nobody types it");
        for page in &pages {
            let text = String::from_utf8(page.text.clone()).unwrap();
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES"] {
                assert!(text.contains(&format!("\n.SH {section}\n")), "{}: no {section}\n{text}", page.file);
            }
        }
    }

    #[test]
    fn a_page_reads_well() {
        let page = pages().unwrap().into_iter().find(|page| page.file == "netsplit-revert.1").unwrap();
        insta::assert_snapshot!(String::from_utf8(page.text).unwrap());
    }
}
