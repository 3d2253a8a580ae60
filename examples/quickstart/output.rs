//! Everything that is printed: boxed and coloured in a terminal, plain in a pipe, quiet with `--json`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example shows what it does"
)]

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use console::style;
use serde::Serialize;

use crate::intake::Intake;
use crate::records::Records;

/// How many bad rows are shown.
const BAD_ROWS_SHOWN: usize = 50;
/// How wide a table is where there is no terminal to ask.
const WIDTH: u16 = 100;

/// The numbers of a run; `--help` says what each is.
#[derive(Serialize)]
pub(crate) struct Summary {
    pub(crate) read: u64,
    pub(crate) accepted: u64,
    pub(crate) delivered: u64,
    pub(crate) rejected: u64,
    pub(crate) expired: u64,
    pub(crate) retried: u64,
    pub(crate) recovered: u64,
    pub(crate) unknown: u64,
    pub(crate) extra_sends: u64,
    pub(crate) segments: u64,
    pub(crate) jobs_per_second: f64,
    pub(crate) seconds: f64,
}

/// Where words go.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

/// Says something beside the output.
pub(crate) fn note(words: &str) {
    eprintln!("quickstart: {words}");
}

impl Output {
    /// Says something that a person would like to know.
    pub(crate) fn say(self, words: &str) {
        if !self.json {
            println!("{words}");
        }
    }

    /// The summary, as asked for.
    pub(crate) fn summary(self, summary: &Summary, intake: &Intake, records: &Records) {
        if self.json {
            match serde_json::to_string(summary) {
                Ok(line) => println!("{line}"),
                Err(error) => note(&error.to_string()),
            }
            return;
        }
        bad_rows(intake);
        println!(
            "\n{}\n{}",
            style("Summary").bold(),
            numbers(summary, records)
        );
    }

    /// The verdict, last.
    pub(crate) fn verdict(self, is_well: bool, words: &str) {
        if self.json {
            if !is_well {
                note(words);
            }
            return;
        }
        let words = match is_well {
            true => style(words).green(),
            false => style(words).red().bold(),
        };
        println!("\n{words}");
    }
}

fn bad_rows(intake: &Intake) {
    if intake.bad_rows.is_empty() {
        return;
    }
    let mut table = table();
    table.set_header(["line", "why the row is no job"]);
    for row in intake.bad_rows.iter().take(BAD_ROWS_SHOWN) {
        table.add_row([row.line.to_string(), row.reason.clone()]);
    }
    align_right(&mut table, 0);
    println!("\n{}\n{table}", style("Rejected rows").bold());
    let more = intake.rejected.saturating_sub(BAD_ROWS_SHOWN as u64);
    if more > 0 {
        println!("… and {more} more");
    }
}

fn numbers(summary: &Summary, records: &Records) -> Table {
    let mut table = table();
    let counts = [
        ("rows read", summary.read),
        ("accepted", summary.accepted),
        ("delivered", summary.delivered),
        ("rejected", summary.rejected),
        ("expired", summary.expired),
        ("retried", summary.retried),
        ("recovered", summary.recovered),
        ("unknown", summary.unknown),
        ("extra sends", summary.extra_sends),
        ("segments", summary.segments),
    ];
    for (name, count) in counts {
        table.add_row([name.to_owned(), count.to_string()]);
    }
    let mut refusals: Vec<_> = records.refusals.iter().collect();
    refusals.sort();
    for (reason, count) in refusals {
        table.add_row([format!("refused: {reason}"), count.to_string()]);
    }
    table.add_row(["seconds".to_owned(), format!("{:.2}", summary.seconds)]);
    table.add_row([
        "jobs per second".to_owned(),
        format!("{:.0}", summary.jobs_per_second),
    ]);
    align_right(&mut table, 1);
    table
}

fn table() -> Table {
    let mut table = Table::new();
    let terminal = console::Term::stdout();
    let preset = match terminal.is_term() {
        true => presets::UTF8_FULL_CONDENSED,
        false => presets::NOTHING,
    };
    let width = terminal
        .size_checked()
        .map_or(WIDTH, |(_, columns)| columns);
    table
        .load_style(preset)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.min(WIDTH));
    table
}

fn align_right(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
