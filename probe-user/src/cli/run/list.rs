//! `--list`: what would run.

use comfy_table::{Table, presets};

use super::Format;
use crate::{
    cli::{
        ExitCode,
        output::{print, print_json},
    },
    suite::{Outline, Suite},
};

/// Prints the ids, the titles and the procedure's rows.
pub(super) fn list(suite: &Suite, format: Format) -> miette::Result<ExitCode> {
    let outline = Outline::of(suite, 1);
    match format {
        Format::Json => print_json(&outline)?,
        Format::Table => print(&table(&outline))?,
    }
    Ok(ExitCode::Success)
}

fn table(outline: &Outline) -> String {
    let mut text = format!("{}\n", outline.title);
    for section in &outline.sections {
        text.push('\n');
        if let Some(title) = &section.title {
            text.push_str(&format!("{title}\n"));
        }
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        for one in &section.scenarios {
            let row =
                one.row.as_ref().map_or_else(|| "–".to_owned(), |row| format!("{} {}", row.id, row.test));
            table.add_row([one.id.clone(), row, one.title.clone()]);
        }
        table.lines().for_each(|line| text.push_str(&format!(" {}\n", line.trim_end())));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        scenario::Row,
        suite::{SectionOutline, TurnOutline},
    };

    #[test]
    fn ids_rows_and_titles() {
        let turn = |id: &str, row: Option<(&str, &str)>| TurnOutline {
            id: id.to_owned(),
            title: format!("What {id} asks"),
            row: row.map(|(id, test)| Row {
                id: id.to_owned(),
                test: test.to_owned(),
                commands: String::new(),
            }),
            document: None,
        };
        let section =
            |title: Option<&str>, scenarios| SectionOutline { title: title.map(str::to_owned), scenarios };
        let outline = Outline {
            id: "ha".to_owned(),
            title: "Patroni's high availability".to_owned(),
            description: None,
            source: None,
            repeat: 1,
            sections: vec![
                section(
                    Some("Standby"),
                    vec![turn("standby-1B", Some(("1B", "Switchover"))), turn("x", None)],
                ),
                section(None, vec![turn("y", Some(("10", "Reboot")))]),
            ],
        };
        insta::assert_snapshot!(table(&outline));
    }
}
